"""The action as the runner runs it: real bash, real pip, real sockets on the loopback interface."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from steps import Job, clean_environ

from digest.standin import API_KEY, CreatorAudit, Receiver, Reply, serving

TOKEN = "tok_0123456789abcdef"
#: With these, pip finds nothing to install.
NO_INDEX = {"PIP_NO_INDEX": "1", "PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_FIND_LINKS": ""}
#: What would be imported if the workspace were on the path of Python.
HOSTILE = ("json.py", "jinja2.py", "sitecustomize.py", "usercustomize.py", "httpx/__init__.py", "digest/__init__.py")
HOSTILE_PIP = ("pip/__init__.py", "pip/__main__.py", "hashlib.py")


@pytest.fixture(scope="module")
def temp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a `RUNNER_TEMP` in which a first use of the action has installed its dependencies."""
    temp = tmp_path_factory.mktemp("runner-temp")
    job = Job(tmp_path_factory.mktemp("workspace"), temp)
    assert job.use(api_key="x").ran == ("install", "digest")
    return temp


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Return an empty workspace."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    """Return the base URL of the stand-in API."""
    with serving(CreatorAudit()) as root:
        yield f"{root}/v2"


def _inputs(api: str, hook: str, **more: str) -> dict[str, str]:
    return {"api_key": API_KEY, "webhook_url": f"{hook}/in/{TOKEN}", "base_url": api, **more}


def _files(folder: Path) -> Mapping[str, bytes]:
    """Return what lies in *folder*."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


def test_action__posts_the_digest(temp: Path, workspace: Path, api: str) -> None:
    """The chat gets the message, and the outputs and the job summary hold it."""
    chat = Receiver()
    with serving(chat) as hook:
        use = Job(workspace, temp).use(**_inputs(api, hook))
    assert (use.code, use.ran) == (0, ("install", "digest")), use.log
    [request] = chat.received
    message = use.outputs["message"]
    assert message.startswith("# CreatorAudit — weekly recap\n")
    assert request.json()["title"] == "CreatorAudit — weekly recap"
    assert "Zoë Nguyễn" in request.json()["text"]
    assert "Zoë Nguyễn" in message
    assert message == Path(use.outputs["message-file"]).read_text(encoding="utf-8").rstrip("\n")
    assert json.loads(Path(use.outputs["data-file"]).read_text(encoding="utf-8"))["figures"]
    [result] = json.loads(use.outputs["results"])
    assert (result["kind"], result["host"], result["status"]) == ("json", "127.0.0.1", "accepted")
    assert message in use.summary
    assert _without_masks(use.log).count(TOKEN) == 0


def test_action__leaves_path_environment_and_workspace_alone(temp: Path, workspace: Path, api: str) -> None:
    """No variable is exported, no folder put on PATH, no file written beside the caller's."""
    (workspace / "mine.txt").write_text("mine", encoding="utf-8")
    with serving(Receiver()) as hook:
        use = Job(workspace, temp).use(**_inputs(api, hook))
    assert (use.code, use.exported) == (0, "")
    assert _files(workspace) == {"mine.txt": b"mine"}


def test_action__installs_nothing_without_an_index(workspace: Path, tmp_path: Path) -> None:
    """An index that cannot be reached fails the step with one annotation, and nothing is run."""
    temp = tmp_path / "temp"
    temp.mkdir()
    use = Job(workspace, temp, NO_INDEX).use(api_key="x")
    assert (use.code, use.ran) == (1, ("install",))
    assert "::error title=CreatorAudit digest::pip could not install the dependencies" in use.log
    assert not list(temp.glob("creatoraudit-digest-*"))


def test_action__second_use_does_not_install_again(temp: Path, workspace: Path, api: str) -> None:
    """A second use in a job finds the dependencies: it succeeds where pip could not."""
    before = _installed(temp)
    with serving(Receiver()) as hook:
        use = Job(workspace, temp, NO_INDEX).use(**_inputs(api, hook))
    assert (0, before) == (use.code, _installed(temp)), use.log


def test_action__interrupted_install_does_no_harm(temp: Path, workspace: Path, tmp_path: Path, api: str) -> None:
    """What a killed install left behind is not taken for a complete one."""
    [site] = _installed(temp)
    again = tmp_path / "temp"
    (again / f"{site}-k1ll3d" / "httpx").mkdir(parents=True)
    (again / f"{site}-k1ll3d" / "httpx" / "__init__.py").write_text("half a fi", encoding="utf-8")
    with serving(Receiver()) as hook:
        use = Job(workspace, again).use(**_inputs(api, hook))
    assert use.code == 0, use.log
    assert site in {folder.name for folder in again.iterdir()}


def test_action__hostile_workspace_is_not_imported(workspace: Path, tmp_path: Path, api: str) -> None:
    """Modules in the workspace, on PYTHONPATH and in PYTHONSTARTUP are not imported by pip or by the run."""
    proof = _trap(workspace)
    environ = {"PYTHONPATH": str(workspace), "PYTHONSTARTUP": str(workspace / "json.py"), "PYTHONHOME": ""}
    temp = tmp_path / "temp"
    temp.mkdir()
    before, chat = _files(workspace), Receiver()
    with serving(chat) as hook:
        use = Job(workspace, temp, environ).use(**_inputs(api, hook))
    assert (use.code, len(chat.received)) == (0, 1), use.log
    assert not proof.exists()
    assert before == _files(workspace)


@pytest.mark.parametrize("arguments", [("-c", "import json"), ("-m", "pip"), ("-c", "import httpx")])
def test_hostile_workspace__springs_without_isolation(workspace: Path, arguments: tuple[str, ...]) -> None:
    """The traps of the test above are real: a Python that is not isolated falls into them."""
    proof = _trap(workspace)
    environ = {**clean_environ(), "PYTHONPATH": str(workspace)}
    done = subprocess.run([sys.executable, *arguments], check=False, cwd=workspace, env=environ, capture_output=True)
    assert (done.returncode, proof.exists()) == (0, True)


def test_action__without_a_python_names_setup_python(workspace: Path, tmp_path: Path) -> None:
    """Where every interpreter is missing, too old or a stub, the step says which action to add."""
    programs, temp = tmp_path / "programs", tmp_path / "temp"
    for folder in (programs, temp):
        folder.mkdir()
    for name in ("python3", "py"):
        (programs / name).write_text("#!/bin/sh\necho 'Python was not found'\nexit 9\n", encoding="utf-8")
        (programs / name).chmod(0o755)
    use = Job(workspace, temp, {"PATH": str(programs)}).use(api_key="x")
    assert (use.code, use.ran) == (1, ("install",))
    [line] = use.log.splitlines()
    assert line.startswith("::error title=CreatorAudit digest::found no Python 3.10 or newer")
    assert "actions/setup-python" in line


def test_action__takes_the_first_python_that_is_new_enough(temp: Path, workspace: Path, tmp_path: Path) -> None:
    """A `python3` that is a stub is passed over for a `python` that works."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "python3").write_text("#!/bin/sh\nexit 9\n", encoding="utf-8")
    (programs / "python3").chmod(0o755)
    (programs / "python").symlink_to(sys.executable)
    path = os.pathsep.join([str(programs), os.defpath])
    use = Job(workspace, temp, {**NO_INDEX, "PATH": path}).use(api_key="")
    assert (use.code, use.ran) == (2, ("install", "digest")), use.log


def test_action__webhook_that_refuses_fails_the_step(temp: Path, workspace: Path, api: str) -> None:
    """The step fails, and still sets its outputs and writes the job summary."""
    gone = Receiver(Reply(404, b"no_service ##[add-mask]e\n::error::hi"))
    with serving(gone) as hook:
        use = Job(workspace, temp).use(**_inputs(api, hook))
    assert (use.code, use.ran) == (1, ("install", "digest"))
    [result] = json.loads(use.outputs["results"])
    assert result["status"] == "failed"
    assert [name for name, value in use.outputs.items() if not value] == []
    assert use.outputs["message"] in use.summary
    assert "| json | 127.0.0.1 | failed |" in use.summary
    log = _without_masks(use.log)
    assert "::error title=CreatorAudit digest::json (127.0.0.1): answered 404: no_service # #[add-mask]e" in log
    assert "##[" not in log
    assert TOKEN not in log + json.dumps(dict(use.outputs)) + use.summary


def test_action__dry_run_posts_nothing(temp: Path, workspace: Path, api: str) -> None:
    """A dry run shows the message, sets the outputs, and posts nothing."""
    chat = Receiver()
    with serving(chat) as hook:
        use = Job(workspace, temp).use(**_inputs(api, hook, dry_run="true"))
    assert (use.code, chat.received) == (0, []), use.log
    assert use.outputs["results"] == "[]"
    assert use.outputs["message"] in use.log
    assert "Dry run: nothing was posted." in use.summary


def test_action__bad_input_ends_the_step_with_2(temp: Path, workspace: Path) -> None:
    """All bad inputs are named at once, as action.yml calls them."""
    use = Job(workspace, temp).use(limit="five", dry_run="yes", webhook_url=f"http://chat.example/{TOKEN}")
    assert use.code == 2
    named = [line.split("::")[2].split(":")[0] for line in use.log.splitlines() if line.startswith("::error")]
    assert named == ["dry-run", "api-key", "webhook-url", "limit"]
    assert TOKEN not in _without_masks(use.log)


def test_action__uses_a_template_of_the_workspace(temp: Path, workspace: Path, api: str) -> None:
    """A template in the checked-out repository is rendered, whatever folder it is in."""
    folder = workspace / ".github" / "digest"
    folder.mkdir(parents=True)
    (folder / "ours.md.j2").write_text(
        '{% extends "weekly.md.j2" %}{% block title %}# Ours, {{ vars.team }}{% endblock %}', encoding="utf-8"
    )
    use = Job(workspace, temp).use(
        **_inputs(api, "http://127.0.0.1", template=".github/digest/ours.md.j2", variables="team=A", dry_run="true")
    )
    assert use.code == 0, use.log
    assert use.outputs["message"].splitlines()[0] == "# Ours, A"
    assert "## Top creators" in use.outputs["message"]


def _trap(workspace: Path) -> Path:
    """Fill *workspace* with modules that leave a proof of their import and end the process; return the proof."""
    proof = workspace.parent / "imported"
    code = f"open({str(proof)!r}, 'a').write(__file__)\nimport os\nos._exit(0)\n"
    for name in (*HOSTILE, *HOSTILE_PIP):
        file = workspace / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(code, encoding="utf-8")
    return proof


def _installed(temp: Path) -> list[str]:
    """Return the names of the complete folders of dependencies in *temp*."""
    return sorted(folder.name for folder in temp.glob("creatoraudit-digest-*") if (folder / "httpx").is_dir())


def _without_masks(log: str) -> str:
    return "".join(line for line in log.splitlines(keepends=True) if not line.startswith("::add-mask::"))
