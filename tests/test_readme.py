"""The README says what other files hold: nothing in it is written twice and left behind."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from readme import README, ROOT, written

from digest.config import DEFAULTS
from digest.context import Context, ShownCreator, ShownFigure, ShownMetric
from digest.destinations import DESTINATIONS
from digest.filters import FILTERS

TEXT = README.read_text(encoding="utf-8")
EXAMPLES = sorted((ROOT / "examples").glob("*.yml"))
#: Headings of "Troubleshooting" that are no error texts.
_NOT_A_MESSAGE = "Nothing was posted on Monday"


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, flags=re.DOTALL)


def _uses(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the inputs of each use of the action in *workflow*."""
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    return [step.get("with", {}) for step in steps if step["uses"].startswith("OWNER/creatoraudit-digest@")]


def test_generated_parts__current() -> None:
    """The sample and the tables are what `make readme` writes."""
    assert written(TEXT) == TEXT


def test_quick_start__on_the_first_screen() -> None:
    """A complete workflow ends before line 40, and uses inputs that exist."""
    start = next(iter(_blocks("yaml")))
    workflow = yaml.safe_load(start)
    assert TEXT[: TEXT.index(start)].count("\n") + start.count("\n") < 40
    assert workflow["permissions"] == {}
    [job] = workflow["jobs"].values()
    assert job["timeout-minutes"]
    # YAML 1.1 reads the key `on` as true.
    assert set(workflow[True]) == {"schedule", "workflow_dispatch"}
    [schedule] = workflow[True]["schedule"]
    assert schedule["timezone"]
    assert schedule["cron"].split()[0] not in ("0", "30")
    [inputs] = _uses(workflow)
    assert set(inputs) == {"api-key", "webhook-url"}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples__use_inputs_that_exist(example: Path) -> None:
    """Each example gives the action inputs that it has, with a key, and is bounded."""
    workflow = yaml.safe_load(example.read_text(encoding="utf-8"))
    uses = _uses(workflow)
    assert uses
    assert all(set(inputs) <= set(DEFAULTS) and "api-key" in inputs for inputs in uses)
    assert workflow["permissions"] == {}
    assert all(job["timeout-minutes"] for job in workflow["jobs"].values())


def test_examples__mentioned() -> None:
    """There are the examples that a team looks for."""
    wanted = {"slack-weekly", "monthly", "custom-template", "several-destinations", "many-organisations", "email"}
    assert wanted == {path.stem for path in EXAMPLES}


@pytest.mark.parametrize("kind", DESTINATIONS)
def test_chats__one_row_each(kind: str) -> None:
    """Each kind of chat has one row in the table."""
    assert len(re.findall(rf"^\| `{kind}` \|", TEXT, flags=re.MULTILINE)) == 1


@pytest.mark.parametrize("name", FILTERS)
def test_filters__one_row_each(name: str) -> None:
    """Each filter has one row in the table."""
    assert len(re.findall(rf"^\| `{name}` \| `{{{{ .* \\\| {name} }}}}` \|", TEXT, flags=re.MULTILINE)) == 1


@pytest.mark.parametrize("shown", [Context, ShownFigure, ShownCreator, ShownMetric])
def test_variables__all_named(shown: type[Any]) -> None:
    """Each variable that a template sees is named."""
    section = TEXT[TEXT.index("| variable |") : TEXT.index("| filter |")]
    assert [field.name for field in dataclasses.fields(shown) if f"`{field.name}`" not in section] == []


def test_troubleshooting__literal_texts() -> None:
    """Each heading of "Troubleshooting" is a text that the code can print."""
    section = TEXT[TEXT.index("## Troubleshooting") : TEXT.index("## How it works")]
    headings = re.findall(r"^### (.*)", section, flags=re.MULTILINE)
    assert _NOT_A_MESSAGE in headings
    quoted = [text for heading in headings for text in re.findall(r"`(.*?)`", heading)]
    assert len(quoted) >= 8
    code = "".join(path.read_text(encoding="utf-8") for path in [*ROOT.glob("digest/**/*.py"), ROOT / "action.yml"])
    # Numbers, codes and input names are put in at run time.
    parts = [part for text in quoted for part in re.split(r"\d+(?: [A-Z]+)?|api-key: |webhook-url: ", text) if part]
    assert [part for part in parts if part.strip() not in code] == []
