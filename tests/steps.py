"""
Run the steps of action.yml as the runner does, with bash and Python alone.

How a composite action behaves is documented at
https://docs.github.com/actions/reference/workflows-and-actions/metadata-syntax
and https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax
(the command line of `shell: bash`).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from fakes import parse_outputs

ROOT = Path(__file__).resolve().parents[1]
#: Seconds. A step that takes longer hangs.
_LONGEST = 120
_EXPRESSION = re.compile(r"\$\{\{\s*(github|inputs|steps)\.([A-Za-z0-9_-]+)(?:\.outputs\.([A-Za-z0-9_-]+))?\s*\}\}")
#: What `github.token` is.
TOKEN = "ghs_0123456789abcdef"
#: What pip, TLS and the measurement of coverage need of this machine; not its proxies, nor the runner of these tests.
_PASSED_ON = re.compile("PIP_.*|COVERAGE_.*|SSL_CERT_(FILE|DIR)|HOME|SYSTEMROOT")


def load_action(folder: Path = ROOT) -> dict[str, Any]:
    """Return the action.yml of *folder*, parsed."""
    action = yaml.safe_load((folder / "action.yml").read_text(encoding="utf-8"))
    assert isinstance(action, dict)
    return action


def clean_environ() -> dict[str, str]:
    """Return an environment for a process of its own, in which the Python that runs the tests is first on PATH."""
    passed_on = {name: value for name, value in os.environ.items() if _PASSED_ON.fullmatch(name)}
    return {**passed_on, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath])}


@dataclass(frozen=True)
class Use:
    """
    What one use of the action left behind.

    Attributes:
        code:
            The exit code of the last step that ran.
        log:
            What all steps printed, to either stream.
        ran:
            The ids of the steps that ran.
        outputs:
            The outputs of the action.
        summary:
            The job summaries of all steps.
        exported:
            What the steps wrote to `GITHUB_ENV` and `GITHUB_PATH`.
    """

    code: int
    log: str
    ran: tuple[str, ...]
    outputs: Mapping[str, str]
    summary: str
    exported: str


@dataclass(frozen=True)
class Job:
    """
    One job on a runner.

    Attributes:
        workspace:
            Where the steps start.
        temp:
            `RUNNER_TEMP`.
        environ:
            Variables of the job, beside what the runner sets.
    """

    workspace: Path
    temp: Path
    environ: Mapping[str, str] = field(default_factory=dict)

    def use(self, **inputs: str) -> Use:
        """Use the action of this checkout with the *inputs* given, whose names have `_` for `-`."""
        action = load_action()
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        unknown = given.keys() - action["inputs"].keys()
        assert not unknown, f"action.yml has no inputs {unknown}"
        defaults = {name: _resolve(spec.get("default", ""), {}, {}) for name, spec in action["inputs"].items()}
        values = {**defaults, **given}
        files = Path(tempfile.mkdtemp(dir=self.temp, prefix="_runner_file_commands_"))
        outputs: dict[str, Mapping[str, str]] = {}
        log, code = "", 0
        for number, step in enumerate(action["runs"]["steps"]):
            if code == 0:  # no step has an `if:`; a test holds that
                folder = files / str(number)
                folder.mkdir()
                code, text = self._run(step, values, outputs, folder)
                log += text
                outputs[step["id"]] = parse_outputs(folder / "GITHUB_OUTPUT")
        return Use(
            code=code,
            log=log,
            ran=tuple(outputs),
            outputs={name: _resolve(spec["value"], values, outputs) for name, spec in action["outputs"].items()},
            summary=_joined(files, "GITHUB_STEP_SUMMARY"),
            exported=_joined(files, "GITHUB_ENV") + _joined(files, "GITHUB_PATH"),
        )

    def _run(
        self, step: Mapping[str, Any], inputs: Mapping[str, str], steps: Mapping[str, Mapping[str, str]], folder: Path
    ) -> tuple[int, str]:
        """Run one step, whose file commands and script lie in *folder*; return its exit code and log."""
        commands = {
            name: folder / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ENV", "GITHUB_PATH")
        }
        for file in commands.values():
            file.touch()
        script = folder / "script.sh"
        script.write_text(_resolve(step["run"], inputs, steps), encoding="utf-8", newline="\n")
        bash = shutil.which("bash")
        assert bash is not None
        done = subprocess.run(
            [bash, "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)],
            check=False,
            cwd=self.workspace,
            env={
                **self._environ(),
                **{name: str(file) for name, file in commands.items()},
                **{name: _resolve(value, inputs, steps) for name, value in step.get("env", {}).items()},
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_LONGEST,
        )
        return done.returncode, done.stdout.decode("utf-8")

    def _environ(self) -> dict[str, str]:
        home = self.temp / "home"
        home.mkdir(exist_ok=True)
        return {
            **clean_environ(),
            "HOME": str(home),
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_EVENT_NAME": "schedule",
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(self.temp),
            **self.environ,
        }


def _resolve(text: str, inputs: Mapping[str, str], steps: Mapping[str, Mapping[str, str]]) -> str:
    """Return *text* with its expressions replaced; an output that was not set is empty, as on the runner."""
    assert "${{" not in _EXPRESSION.sub("", text), f"this harness does not know the expression in {text!r}"

    def value(match: re.Match[str]) -> str:
        context, name, output = match.groups()
        contexts = {"github": {"token": TOKEN}, "inputs": inputs, "steps": steps.get(name, {})}
        return contexts[context].get(output, "") if output else contexts[context][name]

    return _EXPRESSION.sub(value, text)


def _joined(files: Path, name: str) -> str:
    return "".join(file.read_text(encoding="utf-8") for file in sorted(files.glob(f"*/{name}")))
