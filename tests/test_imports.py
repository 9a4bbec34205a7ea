"""Who may import whom: the line of the package, and what bad input must not wait for."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from steps import ROOT

PACKAGE = ROOT / "digest"
#: What puts the others together; no other module may know more than `WIDE` of them.
COMPOSERS = {"digest.cli", "digest.destinations"}
WIDE = 10
#: What loads certificates and builds the HTTP clients, what is handed one, and what makes the requests.
ONLINE = {
    f"digest.{name}"
    for name in ("clients", "demo", "accounts", "api", "client", "deliver", "exchange", "ledger", "trust")
}
SLOW = {"httpx", "jinja2", "markdown_it"}


def _modules() -> Mapping[str, ast.Module]:
    """Return the syntax trees of the package's modules, by name."""
    files = sorted(PACKAGE.rglob("*.py"))
    return {_name(file): ast.parse(file.read_text(encoding="utf-8")) for file in files}


def _name(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = _modules()


def _imports(tree: ast.AST) -> Iterator[str]:
    """Yield the modules that *tree* imports when it runs, now or later; those for type checkers are left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from {name if name in MODULES else str(node.module) for name in names}
        else:
            yield from _imports(node)


def _graph() -> Mapping[str, set[str]]:
    """Return which modules of the package each of them imports."""
    return {name: {other for other in _imports(tree) if other in MODULES} - {name} for name, tree in MODULES.items()}


def _importers(package: str) -> set[str]:
    """Return the modules that import *package*, or what is in it, from outside."""
    return {name for name, tree in MODULES.items() if any(_is_in(found, package) for found in _imports(tree))}


def _is_in(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def test_imports__no_cycle() -> None:
    """No module needs itself, by whatever way."""
    TopologicalSorter(_graph()).prepare()


def test_imports__only_composers_know_the_line() -> None:
    """Nothing imports what puts the line together, and nothing else imports widely."""
    graph = _graph()
    assert {name for name, others in graph.items() if "digest.cli" in others} == {"digest.__main__"}
    assert {name for name, others in graph.items() if "digest.demo" in others} == {"digest.cli"}
    assert {name for name, others in graph.items() if len(others) > WIDE} == COMPOSERS


def test_imports__few_touch_the_network() -> None:
    """The HTTP client is imported where it is built, handed on and used, and nothing else has a socket."""
    assert {"digest.clients", "digest.exchange"} <= _importers("httpx") <= ONLINE
    sockets = ("socket", "ssl", "http", "urllib.request", "asyncio", "urllib3", "requests", "anyio")
    assert set().union(*(_importers(package) for package in sockets)) <= {
        "digest.clients",
        "digest.standin",
        "digest.trust",
    }


@pytest.mark.parametrize(
    ("expressions", "readers"),
    [
        ({"os.environ", "os.environb", "os.getenv"}, {"digest.__main__", "digest.install"}),
        (
            {"sys.argv", "sys.stdin", "sys.stdout", "sys.stderr"},
            {"digest.__main__", "digest.confined", "digest.install"},
        ),
    ],
)
def test_imports__the_world_is_an_argument(expressions: set[str], readers: set[str]) -> None:
    """Only what a process starts with looks at its environment, arguments and standard streams."""
    found = {
        name
        for name, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node) in expressions
    }
    assert "digest.__main__" in found
    assert found <= readers


def test_imports__install_needs_nothing() -> None:
    """What installs the dependencies runs before there are any, and before the package can be imported."""
    found = {name.split(".")[0] for name in _imports(MODULES["digest.install"])}
    assert found <= sys.stdlib_module_names


def _loaded(program: str) -> set[str]:
    """Return the modules that a new process has loaded after *program*."""
    code = f"{program}\nimport json, sys\njson.dump(sorted(sys.modules), sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True)
    return set(json.loads(done.stderr))


@pytest.mark.parametrize(
    "program",
    [
        "import digest.config",
        "import digest.report",
        "import digest.cli",
        "from digest.cli import main\nassert main([], {'DIGEST_WEBHOOK_URL': 'nonsense'}, sys.stdout) == 2",
        "from digest.cli import main\nassert main(['--help'], {}, sys.stdout) == 2",
    ],
)
def test_imports__bad_input_does_not_wait(program: str) -> None:
    """Bad input is answered without loading the HTTP client, the template engine or the Markdown parser."""
    loaded = _loaded(f"import sys\n{program}")
    assert "digest" in loaded
    assert loaded & SLOW == set()
