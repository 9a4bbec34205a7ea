"""A template may take no more than its share, whatever it does, and knows no secret."""

from __future__ import annotations

import json
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from fakes import NOW
from processes import HAS_PROC, LONGEST_WAIT, renderers, until
from steps import ROOT

from digest.audit import Audit
from digest.clock import Clock
from digest.confined import Limits
from digest.context import Context, build
from digest.errors import TemplateError
from digest.models import parse_overview, parse_ranking
from digest.render import Template
from digest.sandbox import Renderer
from digest.standin import sample
from digest.templates import TemplateFile, locate

needs_proc = pytest.mark.skipif(not HAS_PROC, reason="looks at processes through /proc")
SHORT = Limits(seconds=1)
TOO_LONG = "the template took more than 1 s; is a loop running away?"
TOO_LARGE = "the template needs too much memory; is a text or a loop running away?"
ENDLESS = "the template includes or calls itself without end"
OVER = "the message grew over 900 KiB; is a loop running away?"
STOPPED = "the template was stopped: it took more than 1 s or 512 MiB; is a loop running away?"


@pytest.fixture(scope="module")
def context() -> Context:
    """Return what a template sees of the sample."""
    return context_of(sample())


def context_of(answers: Mapping[str, object]) -> Context:
    """Return what a template sees of *answers*."""
    audit = Audit(parse_overview(answers["overview"]), parse_ranking(answers["creators_top"], 5))
    return build(audit, title="T", period="7d", zone=ZoneInfo("UTC"), variables={}, now=NOW)


@pytest.fixture
def template(tmp_path: Path) -> Callable[[str], TemplateFile]:
    """Return a function that writes a template of the workspace, called `t.j2`."""

    def template(source: str) -> TemplateFile:
        (tmp_path / "t.j2").write_text(source, encoding="utf-8")
        return locate("t.j2", tmp_path)

    return template


def rendered(file: TemplateFile, context: Context, limits: Limits | None = None, clock: Clock | None = None) -> str:
    """Render *file* in a child."""
    with Renderer(file, os.environ, clock or Clock(), limits) as renderer:
        return renderer.render(context)


def children() -> list[int]:
    """Return the renderers of this process."""
    return renderers(os.getpid())


def only_child() -> int:
    """Return the renderer of this process, which is not one before its program is loaded."""
    until(children)
    [child] = children()
    return child


def test_renderer__renders(context: Context) -> None:
    """The child renders what this process would."""
    file = locate("weekly.md.j2", ROOT)
    assert rendered(file, context) == Template(file).render(context)


@needs_proc
def test_renderer__gives_way(template: Callable[[str], TemplateFile]) -> None:
    """The child, which has time until the figures are there, does not slow down who asks for them."""
    with Renderer(template("hello"), os.environ, Clock()):
        own = os.getpriority(os.PRIO_PROCESS, 0)
        assert os.getpriority(os.PRIO_PROCESS, only_child()) == max(own, 5)


def test_renderer__large_context(template: Callable[[str], TemplateFile]) -> None:
    """Answers of the API that are much larger than a pipe reach the child whole, and soon."""
    answers = {**sample(), "creators_top": {"data": [], "more": ["x" * 1000] * 5000}}
    start = time.monotonic()
    assert rendered(template("{{ raw.creators_top.more|length }}"), context_of(answers)) == "5000\n"
    assert time.monotonic() - start < 20


#: What one long computation outside of Python's loop ends in depends on the machine; only a kill cannot tell the line.
SOMEHOW = (f"t.j2: {STOPPED}", f"t.j2:2: {TOO_LONG}", f"t.j2: {TOO_LONG}", f"t.j2:2: {TOO_LARGE}")
#: Templates that run away, and what may be said of each.
RUNAWAYS: Mapping[str, tuple[str, str | tuple[str, ...]]] = {
    "loops": (
        "a\n{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        f"t.j2:2: {TOO_LONG}",
    ),
    "loops that print": ("a\n\n{% for a in range(99999) %}{{ title * 99 }}\n{% endfor %}", f"t.j2:3: {OVER}"),
    "text of 2 GB": ("a\n{{ 'a' * 2000000000 }}", f"t.j2:2: {TOO_LARGE}"),
    "text that doubles": (
        "{% set n = namespace(x='a') %}\n{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
        f"t.j2:2: {TOO_LARGE}",
    ),
    "list of 2 GB": ("{{ ([1] * 400000000)|length }}", f"t.j2:1: {TOO_LARGE}"),
    "width by percent": ("a\n{{ '%2000000000d' % 1 }}", f"t.j2:2: {TOO_LARGE}"),
    "width by format": ("a\n{{ '{:>2000000000}'.format(1) }}", f"t.j2:2: {TOO_LARGE}"),
    "center": ("a\n{{ title|center(2000000000) }}", f"t.j2:2: {TOO_LARGE}"),
    "zfill": ("a\n{{ title.zfill(2000000000) }}", f"t.j2:2: {TOO_LARGE}"),
    "indent": ("a\n{{ ('x\\n' * 100000)|indent(100000) }}", f"t.j2:2: {TOO_LARGE}"),
    "replace": ("a\n{{ ('a' * 1000000)|replace('a', 'b' * 1000000) }}", f"t.j2:2: {TOO_LARGE}"),
    "join": ("a\n{{ (range(99999)|list * 10000)|join(',') }}", f"t.j2:2: {TOO_LARGE}"),
    "decimals": ("a\n{{ 1.5|number(2000000000) }}", f"t.j2:2: {TOO_LARGE}"),
    "power": ("a\n{{ (9 ** (9 ** 9)) % 7 }}", SOMEHOW),
    "sum": ("a\n{{ (range(99999)|list * 3000)|sum }}", SOMEHOW),
    "wordwrap": ("a\n{{ (title * 50000000)|wordwrap(1)|length }}", SOMEHOW),
    "wordcount": ("a\n{{ ('a ' * 90000000)|wordcount }}", SOMEHOW),
    "unknown name": ("a\n{{ raw['a' * 90000000] }}", SOMEHOW),
    "macro": ("a\n{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}", f"t.j2:2: {ENDLESS}"),
    "include": ("a\n{% include 't.j2' %}", f"t.j2:2: {ENDLESS}"),
    "extends": ("{% extends 't.j2' %}", f"t.j2:1: {ENDLESS}"),
    "import": ("{% import 't.j2' as t %}", f"t.j2:1: {ENDLESS}"),
    "brackets": ("{{ " + "[" * 100_000 + " }}", f"t.j2: {ENDLESS}"),
    "nested blocks": ("{% if 1 %}" * 3000 + "{% endif %}" * 3000, f"t.j2: {ENDLESS}"),
}


@pytest.mark.parametrize("name", RUNAWAYS)
def test_renderer__runaway(name: str, template: Callable[[str], TemplateFile], context: Context) -> None:
    """A template that runs away ends soon in one line with its place: its line where the child could still tell."""
    source, expected = RUNAWAYS[name]
    start = time.monotonic()
    with pytest.raises(TemplateError) as caught:
        rendered(template(source), context, SHORT if TOO_LONG in str(expected) else Limits(seconds=8))
    [fault] = caught.value.faults
    assert fault in ((expected,) if isinstance(expected, str) else expected)
    assert time.monotonic() - start < LONGEST_WAIT


@pytest.mark.parametrize(
    "source",
    [
        "{{ ('http://a.b/' * 100000)|urlize|length }}",
        "{{ ('(' * 200000)|urlize|length }}",
        "{{ ('a@' * 200000)|urlize|length }}",
        "{{ ('<' * 1000000)|striptags|length }}",
        "{{ ('<!--' * 200000)|striptags|length }}",
        "{{ ('x ' * 1000000)|truncate(20)|length }}",
        "{{ ('x' * 1000000)|title|length }}",
        "{{ ('&' * 1000000)|escape|length }}",
    ],
)
def test_renderer__filters_that_are_fast(
    source: str, template: Callable[[str], TemplateFile], context: Context
) -> None:
    """Jinja's own filters over regular expressions take no time that grows with the square of the text."""
    assert int(rendered(template(source), context, Limits(seconds=5)))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a\n{{ x }}", "t.j2:2: 'x' is undefined"),
        ("a\n{% nonsense %}", "t.j2:2: Encountered unknown tag 'nonsense'."),
        ("a\n{% include 'no.j2' %}", "t.j2:2: there is no file no.j2 in the workspace"),
        (" ", "t.j2: the template rendered nothing"),
    ],
)
def test_renderer__errors(
    source: str, expected: str, template: Callable[[str], TemplateFile], context: Context
) -> None:
    """Errors of the template reach the parent as they are."""
    with pytest.raises(TemplateError, match=re.escape(expected)):
        rendered(template(source), context)


def test_renderer__long_error(template: Callable[[str], TemplateFile], context: Context) -> None:
    """An error that quotes a long text is cut in the child already."""
    with pytest.raises(TemplateError) as caught:
        rendered(template("{{ vars['a' * 100000] }}"), context)
    [fault] = caught.value.faults
    assert fault.startswith("t.j2:1: there is no 'aaaaa")
    assert len(fault) == 4000


def test_renderer__answers_that_are_too_large(template: Callable[[str], TemplateFile]) -> None:
    """Answers of the API that do not fit the memory of the child are one clear error too."""
    answers = {**sample(), "creators_top": {"data": [], "more": "x" * 90_000_000}}
    expected = "t.j2: the API's answers and the template need more than 96 MiB"
    with pytest.raises(TemplateError, match=expected):
        rendered(template("x"), context_of(answers), Limits(mebibytes=96))


def test_renderer__broken(template: Callable[[str], TemplateFile]) -> None:
    """A child that ends in another way is a bug, and said to be one."""
    with pytest.raises(RuntimeError, match="the renderer broke"):
        rendered(template("x"), Unknown())  # type: ignore[arg-type]


class Unknown:
    """What the child cannot import."""


@needs_proc
@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGTERM, signal.SIGXCPU], ids=lambda kill: kill.name)
def test_renderer__killed(kill: signal.Signals, template: Callable[[str], TemplateFile], context: Context) -> None:
    """A child that is killed, by whomever, is one clear error."""
    with Renderer(template("x"), os.environ, Clock()) as renderer:
        child = only_child()
        os.kill(child, kill)
        with pytest.raises(TemplateError, match=r"^t\.j2: the template was stopped: it took more than 10 s or 512 MiB"):
            renderer.render(context)


@needs_proc
def test_renderer__environment(template: Callable[[str], TemplateFile]) -> None:
    """The child has no input of the action in its environment, and the variables of the system."""
    environ = {**os.environ, "DIGEST_API_KEY": "c4nary", "INPUT_API-KEY": "c4nary", "HARMLESS": "1"}
    with Renderer(template("x"), environ, Clock()):
        child = only_child()
        has = Path(f"/proc/{child}/environ")
        # A fork holds its parent's until it has become the child.
        until(lambda: b"HARMLESS=1" in has.read_bytes())
        assert b"c4nary" not in has.read_bytes()
        assert b"c4nary" not in Path(f"/proc/{child}/cmdline").read_bytes()


@needs_proc
def test_renderer__limits(template: Callable[[str], TemplateFile]) -> None:
    """The child's memory and computing time are bounded by the system, and it leaves no core dump."""
    with Renderer(template("x"), os.environ, Clock(), Limits(seconds=7, mebibytes=300)):
        child = only_child()
        until(lambda: _limit(child, "Max core file size") == ["0", "0"])
        assert _limit(child, "Max address space") == [str(300 * 1024**2)] * 2
        assert _limit(child, "Max cpu time") == ["14", "14"]


def _limit(pid: int, name: str) -> list[str]:
    lines = Path(f"/proc/{pid}/limits").read_text(encoding="utf-8").splitlines()
    [line] = [line for line in lines if line.startswith(name)]
    return line.removeprefix(name).split()[:2]


@needs_proc
def test_renderer__leaves_no_process(template: Callable[[str], TemplateFile], context: Context) -> None:
    """No child is left, alive or dead: not when it was used, not when it was not, not when it hung."""
    rendered(template("x"), context)
    with Renderer(template("x"), os.environ, Clock()):
        assert only_child()
    clock = Clock().within(0.5)
    with pytest.raises(TemplateError, match="the time for it is up"):
        rendered(template("{{ (9 ** (9 ** 9)) % 7 }}"), context, clock=clock)
    assert children() == []


@needs_proc
def test_renderer__ends_with_its_parent() -> None:
    """A parent that is killed leaves no child behind."""
    program = (
        "import os, sys; from pathlib import Path; from digest.clock import Clock;"
        " from digest.sandbox import Renderer; from digest.templates import locate;"
        " renderer = Renderer(locate('weekly.md.j2', Path()), os.environ, Clock());"
        " print('started', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"started\n"
        [child] = renderers(parent.pid)
        parent.kill()
    until(lambda: not Path(f"/proc/{child}").exists())


@pytest.mark.parametrize("why", ["the run was cancelled", "the time for it is up"])
def test_renderer__stops_with_the_run(why: str, template: Callable[[str], TemplateFile], context: Context) -> None:
    """When the run is cancelled or its time is up, the child is ended, and that is what is said."""
    clock = replace(Clock(), stopped=lambda: True) if "cancelled" in why else Clock().within(0.3)
    start = time.monotonic()
    with pytest.raises(TemplateError) as caught:
        rendered(
            template("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"),
            context,
            clock=clock,
        )
    assert caught.value.faults == (f"t.j2: the template was stopped: {why}",)
    assert time.monotonic() - start < 8


def _served(before: str, *arguments: str) -> dict[str, str]:
    """Return what a child answers that was started after the shell command or the Python statement *before*."""
    file = locate("weekly.md.j2", ROOT)
    given = pickle.dumps((file, Limits())) + pickle.dumps(context_of(sample()))
    program = f"{before}; from digest.confined import main; main()"
    done = subprocess.run(
        [*arguments, sys.executable, "-c", program], check=True, cwd=ROOT, input=given, capture_output=True
    )
    said: dict[str, str] = json.loads(done.stdout)
    return said


def test_child__without_limits() -> None:
    """Where the system has no such limits, as Windows, the child renders all the same."""
    said = _served("import sys; sys.modules['resource'] = None")
    assert said["markdown"].startswith("# T\n")


def test_child__with_lower_limits() -> None:
    """Where lower limits are set already, they stay, and the child renders."""
    said = _served("pass", "bash", "-c", 'ulimit -v 450000 -t 15; exec "$@"', "bash")
    assert said["markdown"].startswith("# T\n")
