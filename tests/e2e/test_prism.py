"""
The action against a mock of the API that nobody here wrote: Stoplight's Prism, generated from `../openapi.yaml`.

Prism answers a request that the file does not allow with an error. Needs Node,
and npm's packages of `prism/` in .cache/prism: `make e2e`.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from fakes import Run, parse_outputs

from digest.standin import API_KEY, Receiver, serving

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = ROOT / "tests" / "openapi.yaml"
PRISM = ROOT / ".cache" / "prism" / "node_modules" / "@stoplight" / "prism-cli" / "dist" / "index.js"
#: Characters that keep a chat from making a link or a tag of a name.
INVISIBLE = re.compile("[\u200b\u2060]")
#: Seconds. Whatever takes longer hangs, and is ended.
LONGEST = 60


@dataclass
class Prism:
    """
    A mock of the API.

    Attributes:
        url:
            Its root.
        log:
            What it wrote: all of it once it has ended.
    """

    url: str
    log: list[str] = field(default_factory=list)

    def accepted(self) -> int:
        """Return how many requests the file allows."""
        return sum("The request passed the validation rules" in line for line in self.log)

    def refused(self) -> int:
        """Return how many it does not allow."""
        return sum("Request did not pass the validation rules" in line for line in self.log)


@contextmanager
def mocking(contract: Path) -> Iterator[Prism]:
    """Run a mock of *contract* on a free port of the loopback interface."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    prism = Prism(f"http://127.0.0.1:{port}")
    # `timeout` ends it even when these tests are killed.
    command = [
        "timeout",
        str(9 * LONGEST),
        "node",
        str(PRISM),
        "mock",
        "--errors",
        "--host",
        "127.0.0.1",
        "--port",
        port,
    ]
    with subprocess.Popen(
        [*command, str(contract)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8"
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                prism.log.append(line)
                if "Prism is listening" in line:
                    yield prism
                    break
            else:
                pytest.fail(f"Prism did not start:\n{''.join(prism.log)}")
        finally:
            process.terminate()
            prism.log += process.communicate(timeout=LONGEST)[0].splitlines()


@pytest.fixture(scope="module")
def prism() -> Iterator[Prism]:
    """Return a mock of the file, for requests that are counted by nobody."""
    with mocking(CONTRACT) as prism:
        yield prism


def digested(api: str, folder: Path, **inputs: str) -> tuple[Run, list[str]]:
    """Run the action as its last step does; return what it left behind, and the texts that the chat received."""
    chat = Receiver()
    files = {name: folder / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for file in files.values():
        file.write_text("", encoding="utf-8")
    with serving(chat) as hook:
        given = {"api_key": API_KEY, "webhook_url": f"{hook}/hooks/tok_0123456789", "base_url": api, **inputs}
        done = subprocess.run(
            # Where the tests find the dependencies, the action finds them too.
            [sys.executable, "-I", "-X", "utf8", ROOT / "digest" / "__main__.py", sysconfig.get_path("purelib")],
            check=False,
            cwd=folder,
            env={
                "PATH": os.defpath,
                "HOME": str(folder),
                "GITHUB_WORKSPACE": str(folder),
                "RUNNER_TEMP": str(folder),
                **{name: str(file) for name, file in files.items()},
                **{f"DIGEST_{name.upper()}": value for name, value in given.items()},
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            timeout=LONGEST,
        )
    outputs, summary = parse_outputs(files["GITHUB_OUTPUT"]), files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8")
    texts = [INVISIBLE.sub("", item.json()["text"]) for item in chat.received]
    return Run(done.returncode, done.stdout, outputs, summary), texts


#: How many requests a run makes, by period and by `on-stale`.
REQUESTS = {("7d", "note"): 4, ("30d", "note"): 4, ("90d", "note"): 3, ("7d", "ignore"): 3, ("90d", "ignore"): 2}
FIGURES = ("1.28M", "4.23%", "▲ 12.5%", "Zoë Nguyễn", "413K views", "さくら & Co. <studio>", "287K views")
FRESHNESS = re.compile(
    r"1 of 3 accounts has no data yet, 1 is stale \(oldest: 14 Jun( 2026)?\), 1 is unavailable"
    r" — totals may be understated: new_face_77, zoe\.nguyen, gone\.account\."
)


def test_prism__accepts_all_that_is_asked(tmp_path: Path) -> None:
    """Whatever the action asks is allowed, and the digest that the chat gets is made of the answers."""
    with mocking(CONTRACT) as prism:
        runs = {which: digested(prism.url, tmp_path, period=which[0], on_stale=which[1]) for which in REQUESTS}
    for (_, on_stale), (used, (text,)) in runs.items():
        assert (used.code, used.errors, used.annotations("warning")) == (0, [], []), used.log
        assert [said for said in FIGURES if said not in text] == []
        assert used.outputs["stale-accounts"] == ("" if on_stale == "ignore" else "3")
        assert bool(FRESHNESS.fullmatch(text.splitlines()[-1])) == (on_stale == "note")
    assert (prism.accepted(), prism.refused()) == (sum(REQUESTS.values()), 0), "".join(prism.log)


def test_prism__accepts_cursors(tmp_path: Path) -> None:
    """A page with a cursor is followed by a request that is allowed; as Prism repeats the page, the walk ends there."""
    document: Any = yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))
    answer = document["paths"]["/accounts"]["get"]["responses"]["200"]["content"]["application/json"]
    del answer["examples"]["last_page"]
    contract = tmp_path / "paged.yaml"
    contract.write_text(yaml.safe_dump(document), encoding="utf-8")
    with mocking(contract) as prism:
        used, texts = digested(prism.url, tmp_path)
    assert (prism.accepted(), prism.refused()) == (5, 0), "".join(prism.log)
    (warning,) = used.annotations("warning")
    assert "pagination.next_cursor came before, so the pages would never end" in warning
    assert (used.code, len(texts)) == (0, 1)


@pytest.mark.parametrize(
    ("query", "key", "status"),
    [
        ("overview?period=7d", "", 401),
        ("overview?period=14d", API_KEY, 422),
        ("creators/top?period=7d&limit=26", API_KEY, 422),
        ("accounts?limit=201", API_KEY, 422),
        ("accounts?is_active=maybe", API_KEY, 422),
        ("accounts?order_by=colour", API_KEY, 422),
        ("accounts?is_active=true&limit=200&order_by=added_at&order_direction=asc&cursor=x", API_KEY, 200),
    ],
)
def test_prism__would_refuse(query: str, key: str, status: int, prism: Prism) -> None:
    """The mock tells a request that the file does not allow: by status, as the API would."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with httpx.Client(trust_env=False) as client:
        assert client.get(f"{prism.url}/{query}", headers=headers).status_code == status


def test_prism__a_refusal_is_an_error(tmp_path: Path) -> None:
    """Where the file does not allow what the action asks, the step fails with the mock's own words."""
    contract = tmp_path / "narrow.yaml"
    contract.write_text(CONTRACT.read_text(encoding="utf-8").replace("maximum: 25", "maximum: 4"), encoding="utf-8")
    with mocking(contract) as prism:
        used, texts = digested(prism.url, tmp_path, period="90d")
    (error,) = used.errors
    assert error.startswith("GET /creators/top answered 422 VALIDATION_ERROR: One parameter is out of range.")
    assert (used.code, texts, prism.refused()) == (1, [], 1)
