"""Fixtures: the action in process, in a world of fakes."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx
import hypothesis
import pytest
from fakes import HOOK, FakeClock, FakeNetwork, Run, answer_from, compare, parse_outputs

from digest.cli import main
from digest.standin import API_KEY, sample

# The same examples each time, however slow the machine: a test that failed fails again.
hypothesis.settings.register_profile("same", derandomize=True, deadline=None)
hypothesis.settings.load_profile("same")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the one option of these tests."""
    parser.addoption("--update-golden", action="store_true", help="rewrite golden files that differ, and fail")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Return a function that compares a golden file with what it should hold: `fakes.compare`."""
    update = bool(request.config.getoption("--update-golden"))
    return lambda file, actual: compare(file, actual, update=update)


@pytest.fixture
def network() -> FakeNetwork:
    """Return a network on which the API answers with the sample, and one webhook says ok."""
    network = FakeNetwork()
    answer_from(network, sample())
    network.on("POST", HOOK, httpx.Response(200, text="ok"))
    return network


@pytest.fixture
def clock() -> FakeClock:
    """Return a clock that does not wait."""
    return FakeClock()


@pytest.fixture
def run(network: FakeNetwork, clock: FakeClock, tmp_path: Path) -> Callable[..., Run]:
    """Return a function that runs the action in process, with the inputs given as keywords."""

    def run(environ: Mapping[str, str] | None = None, /, **inputs: str) -> Run:
        given = {"api_key": API_KEY, "webhook_url": HOOK, **inputs}
        workspace, temp = tmp_path / "workspace", tmp_path / "temp"
        for folder in (workspace, temp):
            folder.mkdir(exist_ok=True)
        output, summary = temp / "output", temp / "summary"
        for file in (output, summary):
            file.write_text("", encoding="utf-8")
        world = {
            "GITHUB_WORKSPACE": str(workspace),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(summary),
            "RUNNER_TEMP": str(temp),
            **{f"DIGEST_{name.upper()}": value for name, value in given.items()},
            **(environ or {}),
        }
        log = io.StringIO()
        code = main([], world, log, transport=network, clock=clock.clock())
        return Run(code, log.getvalue(), parse_outputs(output), summary.read_text(encoding="utf-8"))

    return run
