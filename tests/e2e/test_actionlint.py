from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from act import ACTION, BIN, ROOT, snapshot

#: Every workflow of this repository: those that run here, those to copy, those that act runs.
WORKFLOWS = sorted(
    str(path.relative_to(ROOT))
    for folder in (".github/workflows", "examples", "tests/e2e")
    for path in ROOT.joinpath(folder).glob("*.yml")
)
WRONG = """\
on: push
jobs:
  digest:
    runs-on: ubuntu-latest
    steps:
      - uses: OWNER/creatoraudit-digest@v1
        id: digest
        with:
          webhook: x
      - run: echo "${{ steps.digest.outputs.result }}"
"""


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository with the files of this one."""
    return snapshot(tmp_path_factory.mktemp("actionlint"))


def _findings(workflow: str, checkout: Path) -> list[str]:
    """Return what actionlint says of *workflow*; it reads action.yml for every use of the action."""
    # It knows the inputs and outputs of local actions only.
    local = re.sub(rf"uses: {ACTION}@\S+", "uses: ./", workflow)
    file = checkout / ".github" / "workflows" / "under-test.yml"
    file.write_text(local, encoding="utf-8")
    shellcheck = Path(sys.executable).with_name("shellcheck")
    command = [str(BIN / "actionlint"), "-oneline", "-shellcheck", str(shellcheck), "-pyflakes=", str(file)]
    done = subprocess.run(command, cwd=checkout, check=False, capture_output=True, encoding="utf-8")
    assert done.stderr == ""
    return [line.partition(".yml:")[2] for line in done.stdout.splitlines()]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_actionlint__finds_nothing(checkout: Path, name: str) -> None:
    """actionlint, with shellcheck, finds no fault with a workflow, and only declared inputs and outputs are used."""
    assert _findings((ROOT / name).read_text(encoding="utf-8"), checkout) == []


def test_actionlint__finds_nothing_in_the_readme(checkout: Path) -> None:
    """Neither does it with the workflows to copy from the README."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)
    workflows = [block for block in blocks if "\njobs:\n" in block]
    assert workflows != []
    assert [_findings(workflow, checkout) for workflow in workflows] == [[]] * len(workflows)


def test_actionlint__knows_this_action(checkout: Path) -> None:
    """A missing or unknown input, or an unknown output, of this action is found."""
    findings = [re.sub(r"^\d+:\d+: ", "", finding).split('"')[:2] for finding in _findings(WRONG, checkout)]
    assert findings == [["missing input ", "api-key"], ["input ", "webhook"], ["property ", "result"]]
