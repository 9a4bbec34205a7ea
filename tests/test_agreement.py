"""action.yml and the code say the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from fakes import Run
from steps import load_action

from digest.config import DEFAULTS
from digest.inputs import variable

ACTION = load_action()
STEPS: Sequence[Mapping[str, Any]] = ACTION["runs"]["steps"]
SAFE_OUTPUT = re.compile(r"\$\{\{ steps\.digest\.outputs\.([a-z-]+) \}\}")


def test_inputs__names_and_defaults() -> None:
    """The inputs of action.yml are those that `Config` reads, with the same defaults, in the same order."""
    declared = {name: spec.get("default", "") for name, spec in ACTION["inputs"].items()}
    # What the runner fills in is empty outside of one.
    defaults = {name: "" if default == "${{ github.token }}" else default for name, default in declared.items()}
    assert list(defaults.items()) == list(DEFAULTS.items())


def test_inputs__defaults_are_strings() -> None:
    """A default is text, as the runner hands it over: `5` and `false` are quoted in action.yml."""
    assert all(isinstance(spec.get("default", ""), str) for spec in ACTION["inputs"].values())


def test_inputs__required_or_default() -> None:
    """Each input has a description, and is either required or has a default."""
    for name, spec in ACTION["inputs"].items():
        assert spec["description"], name
        assert ("default" in spec) is not spec.get("required", False), name


def test_inputs__reach_the_run() -> None:
    """Every input reaches the second step as `DIGEST_<NAME>`, and nothing else does but the first step's outputs."""
    passed = {name: f"${{{{ inputs.{name} }}}}" for name in ACTION["inputs"]}
    environ = {variable(name): expression for name, expression in passed.items()}
    found = {"DIGEST_PYTHON": "${{ steps.install.outputs.python }}", "DIGEST_SITE": "${{ steps.install.outputs.site }}"}
    assert STEPS[1]["env"] == {**environ, **found}


def test_inputs__stay_out_of_the_install() -> None:
    """The first step gets no input, so no secret is in the environment of pip."""
    assert "env" not in STEPS[0]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step["id"])
def test_steps__shape(step: Mapping[str, Any]) -> None:
    """Each step is a script of bash without expressions in it, has a name, and no other action is used."""
    assert step["shell"] == "bash"
    assert step["name"]
    assert "${{" not in step["run"]
    assert step.keys() <= {"name", "id", "shell", "run", "env"}


def test_steps__isolated() -> None:
    """Wherever Python is started, it is isolated from the workspace and the caller's variables."""
    started = [
        line
        for step in STEPS
        for line in step["run"].splitlines()
        if re.search(r'"\$\{(DIGEST_PYTHON|python)\}"', line)
    ]
    assert len(started) == 3
    assert all(re.search(r'\}" -I ', line) for line in started)


def test_outputs__declared_are_set(run: Callable[..., Run]) -> None:
    """The outputs that action.yml declares are those that a run sets, in a dry run too."""
    declared = {name: SAFE_OUTPUT.fullmatch(spec["value"]) for name, spec in ACTION["outputs"].items()}
    assert all(match is not None and match[1] == name for name, match in declared.items())
    for inputs in ({}, {"dry_run": "true"}):
        result = run(**inputs)
        assert result.code == 0, result.log
        assert set(result.outputs) == set(declared)


def test_metadata__for_the_marketplace() -> None:
    """The action is composite, has a name, a description and a brand."""
    assert ACTION["runs"]["using"] == "composite"
    assert ACTION["name"]
    assert len(ACTION["description"]) < 125  # the Marketplace cuts longer ones
    assert ACTION["branding"].keys() == {"icon", "color"}
