"""The demo: the whole line in a process of its own, over sockets, without a key."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping

import pytest
from steps import ROOT, clean_environ

from digest.destinations import DESTINATIONS


def _demo(environ: Mapping[str, str], *kind: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "digest", "demo", *kind]
    return subprocess.run(
        command, check=False, cwd=ROOT, env={**clean_environ(), **environ}, capture_output=True, timeout=60
    )


def test_demo__shows_log_and_message() -> None:
    """The demo prints what the runner's log shows and then what the chat received, and needs no input."""
    done = _demo({"DIGEST_API_KEY": "", "DIGEST_WEBHOOK_URL": "", "DIGEST_LIMIT": "nonsense", "PYTHONUTF8": "1"})
    assert (done.returncode, done.stderr) == (0, b"")
    log, _, message = done.stdout.decode().partition("What the chat received:\n\n")
    assert log.startswith("What the runner's log shows:\n\n::add-mask::")
    assert "json (127.0.0.1): accepted" in log
    assert "CreatorAudit — weekly recap" in message
    assert "Zoë Nguyễn" in message
    assert message.endswith("\n")


@pytest.mark.parametrize("kind", [kind for kind in DESTINATIONS if kind != "json"])
def test_demo__of_a_chat(kind: str) -> None:
    """The demo of a kind prints the bodies that such a chat takes, as JSON."""
    done = _demo({}, kind)
    assert (done.returncode, done.stderr) == (0, b"")
    log, *bodies = done.stdout.decode().split("What the chat received:\n\n")
    assert f"{kind} (127.0.0.1): accepted" in log
    assert bodies
    assert "CreatorAudit — weekly recap" in str(json.loads(bodies[0]))


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_demo__asks_no_proxy(variable: str) -> None:
    """A proxy of this machine, which could not reach its loopback interface, is not asked."""
    done = _demo({variable: "http://127.0.0.1:9"})
    assert done.returncode == 0, done.stdout


def test_demo__network_settings_that_cannot_be_used() -> None:
    """Certificates that cannot be read are told as in a real run."""
    done = _demo({"SSL_CERT_FILE": "/nowhere.pem"})
    assert (done.returncode, done.stderr) == (2, b"")
    assert b"the network settings of the runner cannot be used (FileNotFoundError)" in done.stdout


def test_demo__on_a_terminal_without_arrows() -> None:
    """Where standard output knows ASCII alone, other characters are shown by their numbers."""
    done = _demo({"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert done.returncode == 0
    assert b"Zo\\xeb Nguy\\u1ec5n" in done.stdout
