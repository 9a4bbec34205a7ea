from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from act import ACTION, ROOT, Act, ActRun, commit, snapshot

from digest.standin import API_KEY, App, CreatorAudit, Receiver, Reply, Request, sample, serving

HERE = Path(__file__).parent
MAILER_ACTION = """\
name: Mailer
description: Stand-in
inputs:
  html_body: {description: HTML, required: true}
  body: {description: Text, required: true}
runs:
  using: composite
  steps:
    - shell: bash
      run: grep 'CreatorAudit' "${HTML#file://}" "${TEXT#file://}"
      env: {HTML: "${{ inputs.html_body }}", TEXT: "${{ inputs.body }}"}
"""
EXAMPLES = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("examples/*.yml"))
TOKEN = "tok_0123456789abcdef"
TEMPLATE = """\
{% extends "weekly.md.j2" %}
{% block title %}
# {{ vars.team }}: {{ title }}
{% endblock %}
{% block closing %}
More: {{ vars.dashboard }}
{% endblock %}
"""
#: What a workspace may hold: files of the names of modules that the action imports.
HOSTILE = ("json.py", "httpx.py", "jinja2.py", "pip.py", "digest.py")


@dataclass
class World:
    """
    An API and a chat on the loopback interface, and act to run workflows against them.

    Attributes:
        secrets:
            The secrets of the team's repository.
    """

    act: Act
    team: Path
    api: str
    hooks: str
    chat: Receiver
    refusing: str
    secrets: dict[str, str] = field(default_factory=dict)

    def run(self, workflow: str, *options: str, event: str = "workflow_dispatch", **payload: Any) -> ActRun:
        """Run a workflow of the team."""
        return self.run_in(self.team, workflow, *options, event=event, **payload)

    def run_in(
        self, repository: Path, workflow: str, *options: str, event: str = "workflow_dispatch", **payload: Any
    ) -> ActRun:
        """Run a workflow of *repository*; make sure that no secret can be read in the log."""
        run = self.act.run(
            repository / workflow,
            event=event,
            payload=payload,
            secrets=self.secrets,
            variables={"API": f"{self.api}/v2", "CREATORAUDIT_BASE_URL": f"{self.api}/v2"},
            options=options,
        )
        print(run.text)
        leaked = [secret for secret in (*self.secrets.values(), TOKEN) if secret in run.shown()]
        assert leaked == []
        return run

    @property
    def texts(self) -> dict[str, str]:
        """Return the messages that the chat received, by path."""
        return {request.path: request.json()["markdown"] for request in self.chat.received}


@pytest.fixture(scope="session")
def snapshotted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository with the files of this one."""
    return snapshot(tmp_path_factory.mktemp("action"))


@pytest.fixture(scope="session")
def act(snapshotted: Path, tmp_path_factory: pytest.TempPathFactory) -> Act:
    """Return act, to which this action is what is published."""
    return Act(tmp_path_factory.mktemp("home"), snapshotted)


@pytest.fixture
def team(tmp_path: Path) -> Path:
    """Return the repository of a team: workflows, a template, and modules that nobody may import."""
    workflows = tmp_path / ".github" / "workflows"
    workflows.mkdir(parents=True)
    for file in HERE.glob("*.yml"):
        (workflows / file.name).write_bytes(file.read_bytes())
    (tmp_path / "chat").mkdir()
    (tmp_path / "chat" / "digest.md.j2").write_text(TEMPLATE, encoding="utf-8")
    for name in HOSTILE:
        (tmp_path / name).write_text("raise SystemExit('imported from the workspace')\n", encoding="utf-8")
    return commit(tmp_path)


@pytest.fixture
def world(act: Act, team: Path) -> Iterator[World]:
    """Return an API that answers with the sample, and a chat that takes all and one that refuses all."""
    with ExitStack() as stack:
        chat = Receiver()
        api = stack.enter_context(serving(_by_key({API_KEY: CreatorAudit()})))
        hooks = stack.enter_context(serving(chat))
        refusing = stack.enter_context(serving(lambda _: Reply(404, b"no_service ##[error]x")))
        world = World(act, team, api, hooks, chat, f"{refusing}/hooks/{TOKEN}")
        world.secrets = {"CREATORAUDIT_API_KEY": API_KEY, "DIGEST_WEBHOOK_URL": f"{hooks}/hooks/{TOKEN}"}
        yield world


def _by_key(organisations: Mapping[str, App]) -> App:
    """Return an API that serves each organisation to its own key."""

    def app(request: Request) -> Reply:
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        if key not in organisations:
            return CreatorAudit()(request)
        return organisations[key](replace(request, headers={**request.headers, "authorization": f"Bearer {API_KEY}"}))

    return app


def _with_views(views: int) -> CreatorAudit:
    answers = copy.deepcopy(dict(sample()))
    answers["overview"]["data"]["current"]["total_views"] = views
    return CreatorAudit(answers)


def _workflow(name: str) -> str:
    return f".github/workflows/{name}"


def test_checkout__posts_the_digest(world: World, snapshotted: Path) -> None:
    """`uses: ./` after a checkout of the action's repository posts the digest and shows it in the job summary."""
    run = world.run_in(snapshotted, "tests/e2e/checkout.yml", event="push")
    (text,) = world.texts.values()
    assert (run.code, run.jobs) == (0, {"digest": "success"})
    assert text.startswith("# CreatorAudit — weekly recap\n")
    assert "- Total views: **1.28M**" in text
    assert [summary.splitlines()[0] for summary in run.summaries] == [text.splitlines()[0]]
    assert all("5. **dj\\_moonlight**" in shown for shown in (text, *run.summaries))


def test_schedule__runs_the_published_action(world: World) -> None:
    """A team's scheduled workflow posts once, in a workspace without a checkout."""
    run = world.run(_workflow("schedule.yml"), event="schedule", schedule="17 8 * * 1")
    (text,) = world.texts.values()
    assert (run.code, run.jobs) == (0, {"digest": "success"})
    assert text.startswith("# Started by 17 8 ")
    assert "json (127.0.0.1): accepted" in run.log


def test_matrix__posts_for_each_organisation(world: World) -> None:
    """Two organisations of a matrix get a message each, with the figures that belong to their key."""
    keys = {"acme": "ca_acme_0123456789abcdef", "globex": "ca_globex_0123456789abcdef"}
    organisations = {keys["acme"]: _with_views(1_000_000), keys["globex"]: _with_views(2_000_000)}
    with serving(_by_key(organisations)) as world.api:
        world.secrets = {f"API_KEY_{name}": key for name, key in keys.items()}
        world.secrets |= {f"WEBHOOK_URL_{name}": f"{world.hooks}/{name}/{TOKEN}" for name in keys}
        run = world.run(_workflow("matrix.yml"))
    views = {path: re.findall(r"Total views: \*\*(.*?)\*\*", text) for path, text in world.texts.items()}
    assert (run.code, sorted(run.jobs.values())) == (0, ["success", "success"])
    assert {f"/acme/{TOKEN}": ["1M"], f"/globex/{TOKEN}": ["2M"]} == views


def test_template__extends_the_built_in_one(world: World) -> None:
    """A template of the workspace overrides blocks of the built-in one; modules that lie beside it are not imported."""
    run = world.run(_workflow("template.yml"))
    (text,) = world.texts.values()
    assert (run.code, run.jobs) == (0, {"digest": "success"})
    assert text.startswith("# Growth: CreatorAudit — monthly recap\n")
    assert "Last 30 days, to " in text
    assert [line[:2] for line in text.splitlines() if line[:1].isdigit()] == ["1.", "2."]
    assert text.rstrip("\n").endswith("More: <https://dash.example.test/?a=b>")


def test_dry_run__posts_nothing(world: World) -> None:
    """A dry run posts nothing, although it has a webhook; a later step reads its outputs."""
    run = world.run(_workflow("dry-run.yml"))
    assert (run.code, run.jobs) == (0, {"digest": "success"})
    assert (world.texts, run.printed("results")) == ({}, [])
    assert run.printed("data")["title"] == "CreatorAudit — weekly recap"
    assert run.printed("lines") > 10
    assert run.summaries[0].endswith("Dry run: nothing was posted.\n")


def test_failure__fails_the_job_and_leaves_the_outputs(world: World) -> None:
    """One refused delivery fails the job; the other chat has its message, and a later step reads who did what."""
    world.secrets["REFUSING_WEBHOOK_URL"] = world.refusing
    run = world.run(_workflow("failure.yml"))
    assert (run.code, run.jobs) == (1, {"digest": "failure"})
    assert len(world.texts) == 1
    assert run.printed("outcome") == "failure"
    assert [result["status"] for result in run.printed("results")] == ["failed", "accepted"]
    assert not any(line.startswith("unreachable=") for line in run.log)
    (error,) = run.errors
    assert error.startswith("json (127.0.0.1): answered 404: no_service # #[error]x; ")
    assert "| failed |" in run.summaries[0]


def test_twice__installs_once(world: World) -> None:
    """A second use in the same job finds the dependencies of the first and posts a message of its own."""
    run = world.run(_workflow("twice.yml"))
    titles = [request.json()["markdown"].partition("\n")[0] for request in world.chat.received]
    assert (run.code, run.jobs) == (0, {"digest": "success"})
    assert titles == ["# CreatorAudit — weekly recap", "# CreatorAudit — quarterly recap"]


def test_destinations__all_get_the_message(world: World) -> None:
    """Each line of `webhook-url`, with a kind or without, is a destination; the results keep their order."""
    for name in ("SECOND", "THIRD"):
        world.secrets[f"{name}_WEBHOOK_URL"] = f"{world.hooks}/{name.lower()}/{TOKEN}"
    run = world.run(_workflow("destinations.yml"))
    assert (run.code, run.jobs) == (0, {"digest": "success"})
    assert sorted(world.texts) == [f"/hooks/{TOKEN}", f"/second/{TOKEN}", f"/third/{TOKEN}"]
    assert len(set(world.texts.values())) == 1
    assert [(result["kind"], result["status"]) for result in run.printed("results")] == [("json", "accepted")] * 3


def test_empty_secret__says_why(world: World) -> None:
    """Without secrets, as in a pull request from a fork, the job fails with the likely reason; nothing is asked."""
    world.secrets.clear()
    run = world.run(_workflow("empty-secret.yml"), event="pull_request")
    assert (run.code, run.jobs, world.texts) == (1, {"digest": "failure"}, {})
    assert [error.partition(";")[0] for error in run.errors] == ["api-key: is empty", "webhook-url: is empty"]
    assert all("pull requests from forks get no secrets" in error for error in run.errors)


def test_weekly_digest__is_the_workflow_that_this_repository_runs(world: World, snapshotted: Path) -> None:
    """The shipped scheduled workflow posts the digest as it stands."""
    run = world.run_in(snapshotted, _workflow("weekly-digest.yml"), event="schedule", schedule="17 8 * * 1")
    assert (run.code, run.jobs) == (0, {"Post the digest": "success"})
    assert [text.partition("\n")[0] for text in world.texts.values()] == ["# CreatorAudit — weekly recap"]


@pytest.mark.parametrize("job", ["action", "refusal"])
def test_ci__tests_the_action(world: World, snapshotted: Path, job: str) -> None:
    """The jobs of ci.yml that start the stand-ins and use the action succeed on the one kind of machine at hand."""
    world.secrets.clear()
    run = world.run_in(snapshotted, _workflow("ci.yml"), "--job", job, "--matrix", "machine:ubuntu-24.04", event="push")
    assert (run.code, list(run.jobs.values())) == (0, ["success"])


@pytest.mark.parametrize("name", ["README.md", *EXAMPLES])
def test_to_copy__works_as_printed(world: World, tmp_path: Path, name: str) -> None:
    """The README's workflow and every example run as they stand; only the API's address is replaced."""
    text = (ROOT / name).read_text(encoding="utf-8")
    workflow = text.partition("```yaml\n")[2].partition("```\n")[0] if name.endswith(".md") else text
    names = set(re.findall(r"secrets\.(\w+)", workflow))
    world.secrets = {name: f"{world.hooks}/{name}/{TOKEN}" for name in names if name.endswith("_URL")}
    paths = {f"/{name}/{TOKEN}" for name in world.secrets}
    world.secrets |= {name: API_KEY for name in names if name.endswith("_KEY")}
    # An example shows its template, if it has one, in the comment at its top.
    (world.team / ".github" / "digest.md.j2").write_text("\n".join(re.findall(r"^#   (.*)", workflow, re.MULTILINE)))
    (world.team / _workflow("copied.yml")).write_text(_with_base_url(workflow, f"{world.api}/v2"), encoding="utf-8")
    mailer = _mailer(tmp_path / "mailer")
    others = re.findall(rf"uses: (?!actions/checkout@|{ACTION}@)(\S+)", workflow)
    run = world.run(_workflow("copied.yml"), *(f"--local-repository={other}={mailer}" for other in others))
    assert (run.code, set(run.jobs.values())) == (0, {"success"})
    assert {request.path for request in world.chat.received} == paths


def _with_base_url(workflow: str, url: str) -> str:
    """Return *workflow* with the input `base-url` given to each step that uses this action."""
    step = re.compile(rf"(uses: {ACTION}@(?:(?!\n *- ).)*?\n( *)with:\n)", re.DOTALL)
    changed, count = step.subn(lambda match: f"{match[1]}{match[2]}  base-url: {url}\n", workflow)
    assert count == workflow.count(f"uses: {ACTION}@") > 0
    return changed


def _mailer(folder: Path) -> Path:
    """Return an action that stands in for the one that sends mail: the files that it would send must be there."""
    folder.mkdir()
    (folder / "action.yml").write_text(MAILER_ACTION, encoding="utf-8")
    return folder
