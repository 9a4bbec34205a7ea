"""Templates of a team: what they may do, and what the user is told when they are wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from steps import clean_environ

from digest.changes import Change
from digest.clock import Clock
from digest.confined import Limits
from digest.context import Context, ShownCreator, ShownFigure, ShownMetric
from digest.errors import TemplateError
from digest.render import MAX_OUTPUT, Template
from digest.sandbox import Renderer
from digest.templates import locate
from digest.text import Text, reveal

VIEWS = ShownFigure("total_views", Text("Total views"), 1284530, 1141800, "", Change("up", 12.5, "%"))
NOBODY = ShownCreator(1, None, Text("*Z* [x](y)\n# _"), ShownMetric("views", Text("views"), 9, ""), {})
CONTEXT = Context(
    title=Text("The week"),
    period="7d",
    days=7,
    date=date(2026, 11, 22),
    timezone="UTC",
    figures=(VIEWS,),
    compared=True,
    creators=(NOBODY,),
    notices=(),
    vars={"team": "A", "items": "kept"},
    raw={"overview": {"data": {"type": "overview", "rows": [1, 2], "keys": "mine"}}},
)


@pytest.fixture
def render(tmp_path: Path) -> Callable[..., str]:
    """Return a function that renders files, by name, in a workspace; the first one is the entry."""

    def render(*contents: str, **files: str) -> str:
        texts = {"main": contents[0], **files} if contents else files
        for name, text in texts.items():
            file = tmp_path / f"{name.replace('__', '/')}.j2"
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
        entry = next(iter(texts)).replace("__", "/")
        return reveal(Template(locate(f"./{entry}.j2", tmp_path)).render(CONTEXT))

    return render


def _fault(render: Callable[..., str], *contents: str, **files: str) -> str:
    with pytest.raises(TemplateError) as caught:
        render(*contents, **files)
    [fault] = caught.value.faults
    return fault


def test_render__sees_the_context(render: Callable[..., str]) -> None:
    """A template sees every variable, its own filters, and what the API sent as it was."""
    text = (
        "{{ title }}|{{ days }}|{{ date | date }}|{{ figures[0] | value }}|{{ figures[0].change | change }}"
        "|{{ vars.team }}|{{ raw.overview.data.rows[1] }}"
    )
    assert render(text) == "The week|7|22 Nov 2026|1.28M|▲ 12.5%|A|2\n"


def test_render__key_wins_over_a_method(render: Callable[..., str]) -> None:
    """A key of the data that is called like a method of its mapping is the key."""
    assert render("{{ vars.items }} {{ raw.overview.data.keys }} {{ raw.keys() | list }}") == "kept mine ['overview']\n"


def test_render__shields_names(render: Callable[..., str]) -> None:
    """Markup in a name is escaped, whatever filter it went through; under `raw` it is live."""
    shown = render("{{ creators[0].name }}|{{ creators[0].name | upper | truncate(5, true, '') }}")
    assert shown == "\\*Z\\* \\[x\\](y) # \\_|\\*Z\\* \\[\n"
    assert render("{{ creators[0].name.raw }}") == "*Z* [x](y) # _\n"


def test_render__blank_lines(render: Callable[..., str]) -> None:
    """No blank line stands twice, none first, none last, and the message ends its line."""
    assert render("\n\n a \n\n\n\n\nb\n\n") == "a \n\nb\n"


def test_render__lone_surrogate(render: Callable[..., str]) -> None:
    """What cannot be written as UTF-8 is replaced, so that the message can be posted."""
    assert render("a{{ '\\ud800' }}b") == "a\N{REPLACEMENT CHARACTER}b\n"


@pytest.mark.parametrize("text", ["", "  \n\n", "{# nothing #}", "{% if false %}x{% endif %}"])
def test_render__nothing(render: Callable[..., str], text: str) -> None:
    """A template that renders nothing is an error: an empty message is not posted."""
    assert _fault(render, text) == "main.j2: the template rendered nothing, and an empty message is not posted"


def test_extends__builtin(render: Callable[..., str]) -> None:
    """A team's template overrides one block of the built-in one and keeps the others."""
    built_in = reveal(Template(locate("weekly.md.j2", Path())).render(CONTEXT))
    ours = render('{% extends "weekly.md.j2" %}\n{% block title %}\n# Ours for {{ vars.team }}\n{% endblock %}\n')
    assert ours.splitlines()[0] == "# Ours for A"
    assert ours.splitlines()[1:] == built_in.splitlines()[1:]


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        (
            {"main": '{% extends "weekly.md.j2" %}\n{% block titel %}x{% endblock %}'},
            "main.j2:2: weekly.md.j2 has no block 'titel'; did you mean 'title'?",
        ),
        (
            {"main": '{% extends "base.j2" %}', "base": '{% extends "weekly.md.j2" %}{% block zzz %}{% endblock %}'},
            "base.j2:1: weekly.md.j2 has no block 'zzz'",
        ),
    ],
)
def test_extends__block_that_is_not_there(render: Callable[..., str], files: dict[str, str], fault: str) -> None:
    """A block that overrides nothing is an error, and not left out in silence."""
    assert _fault(render, **files) == fault


@pytest.mark.parametrize(
    "files",
    [
        {"main": '{% extends "weekly.md.j2" %}{% block title %}# a {% block ours %}b{% endblock %}{% endblock %}'},
        {
            "main": '{% extends "base.j2" %}{% block ours %}b{% endblock %}',
            "base": '{% extends "weekly.md.j2" %}{% block title %}# a {% block ours %}{% endblock %}{% endblock %}',
        },
        {"main": '{% set parent = "weekly.md.j2" %}{% extends parent %}{% block ours %}{% endblock %}'},
        {"main": '{% if days == 8 %}{% extends "weekly.md.j2" %}{% endif %}{% block ours %}b{% endblock %}'},
        {"main": "extends {% block ours %}b{% endblock %}"},
    ],
)
def test_extends__block_that_may_be(render: Callable[..., str], files: dict[str, str]) -> None:
    """A block inside of an overridden one is new; and what only rendering tells is left to that."""
    assert render(**files)


def test_extends__with_super(render: Callable[..., str]) -> None:
    """A block may hold what it overrides."""
    ours = render('{% extends "weekly.md.j2" %}{% block title %}{{ super() }}And more.{% endblock %}')
    assert ours.startswith("# The week\nAnd more.")


@pytest.mark.parametrize("name", ["weekly.md", "team__weekly.md"])
def test_extends__builtin_of_the_same_name(render: Callable[..., str], name: str) -> None:
    """A team's file may be called like the built-in template that it extends."""
    ours = render(**{name: '{% extends "weekly.md.j2" %}{% block title %}# Ours\n{% endblock %}'})
    assert ours.startswith("# Ours\n")
    assert "Total views: **1.28M**" in ours


def test_include__files_beside(render: Callable[..., str]) -> None:
    """Files beside the template are included, imported and extended by their names."""
    text = (
        '{% extends "base.j2" %}{% from "macros.j2" import bold %}'
        '{% block body %}{% include "part.j2" %} {{ bold(title) }}{% endblock %}'
    )
    files = {
        "team__main": text,
        "team__base": "<{% block body %}{% endblock %}>",
        "team__part": "part of {{ vars.team }}",
        "team__macros": "{% macro bold(x) %}**{{ x }}**{% endmacro %}",
    }
    assert render(**files) == "<part of A **The week**>\n"


def test_include__file_named_like_a_builtin(render: Callable[..., str]) -> None:
    """A name that is a built-in one means that; with `./` it means the file beside."""
    files = {"weekly.md": "theirs"}
    assert render('{% include "./weekly.md.j2" %}', **files) == "theirs\n"
    assert render('{% include "weekly.md.j2" %}', **files).startswith("# The week\n")


def test_include__optional(render: Callable[..., str]) -> None:
    """A file that may be missing is left out."""
    assert render('a{% include "no.j2" ignore missing %}b') == "ab\n"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a\n{% if %}", "main.j2:2: Expected an expression, got 'end of statement block'"),
        ("a\n\n{{ title", "main.j2:3: unexpected end of template, expected 'end of print statement'."),
        ("{% for x in figures %}\n", "main.j2:1: Unexpected end of template."),
        ("\n{{ title | shout }}", "main.j2:2: No filter named 'shout'."),
        ("\n{{ 1 is odder }}", "main.j2:2: No test named 'odder'."),
        ("\n{% import os %}", "main.j2:2: "),
    ],
)
def test_syntax_error__file_and_line(render: Callable[..., str], text: str, fault: str) -> None:
    """What cannot be compiled is told with file and line."""
    assert _fault(render, text).startswith(fault)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a\n{{ figuers }}", "main.j2:2: 'figuers' is undefined; did you mean 'figures'?"),
        ("{% for x in creator %}{% endfor %}", "main.j2:1: 'creator' is undefined; did you mean 'creators'?"),
        ("{{ zebra }}", "main.j2:1: 'zebra' is undefined"),
        ("{{ vars.teem }}", "main.j2:1: there is no 'teem' in it; did you mean 'team'?"),
        ("{{ vars.zebra }}", "main.j2:1: there is no 'zebra' in it"),
        ("{{ raw.overview.date }}", "main.j2:1: there is no 'date' in it; did you mean 'data'?"),
        ("\n{{ figures[0].vaule }}", "main.j2:2: this figure has no 'vaule'; did you mean 'value'?"),
        ("{{ figures[0].change.amonut }}", "main.j2:1: this change has no 'amonut'; did you mean 'amount'?"),
        ("{{ creators[0].headline.lable }}", "main.j2:1: this metric has no 'lable'; did you mean 'label'?"),
        ("{{ title.rwa }}", "main.j2:1: this text has no 'rwa'; did you mean 'raw'?"),
        ("{{ days.zebra }}", "main.j2:1: 'int object' has no attribute 'zebra'"),
        ("{{ figures.views }}", "main.j2:1: a list has no 'views', though its items may; loop over it"),
        ("{{ freshness.total }}", "main.j2:1: null has no 'total'; ask for it inside of an `if` only"),
        ("{{ figures[9].name }}", "main.j2:1: tuple object has no element 9"),
    ],
)
def test_unknown_name__nearest_is_named(render: Callable[..., str], text: str, fault: str) -> None:
    """A variable or attribute that is not there is an error, never nothing, and names the nearest that is."""
    assert _fault(render, text) == fault


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("\n{{ 1 // 0 }}", "main.j2:2: ZeroDivisionError: "),
        ("{{ days + title }}", "main.j2:1: TypeError: "),
        ("{{ title | number }}", "main.j2:1: TypeError: number: expected a number, got Text"),
        ("{{ date | date('{hour}') }}", "main.j2:1: ValueError: date: the pattern knows {day}, {month}, "),
        ("\n\n{{ figures[0] | change }}", "main.j2:3: TypeError: change: expected the `change` of a figure"),
        ("{{ range(10 ** 9) }}", "main.j2:1: OverflowError: Range too big"),
        ("\n{{ 'x' * 10 ** 17 }}", "main.j2:2: the template needs too much memory"),
        ("{% macro m() %}\n{{ m() }}{% endmacro %}{{ m() }}", "main.j2:2: the template includes or calls itself"),
    ],
)
def test_runtime_error__file_and_line(render: Callable[..., str], text: str, fault: str) -> None:
    """What fails while rendering is told with file and line."""
    assert _fault(render, text).startswith(fault)


@pytest.mark.parametrize("tag", ["include", "extends", "import"])
def test_missing_file__file_and_line(render: Callable[..., str], tag: str) -> None:
    """A file that is named but not there is told where it is named."""
    name = '"no.j2" as x' if tag == "import" else '"no.j2"'
    fault = _fault(render, f"\n{{% {tag} {name} %}}")
    assert fault.startswith("main.j2:2: there is no file no.j2 in the workspace; check out the repository")


def test_missing_file__none_of_several(render: Callable[..., str]) -> None:
    """Where several names are tried, the last one is told."""
    assert _fault(render, '{% include ["no.j2", "nor.j2"] %}').startswith("main.j2:1: there is no file nor.j2")


def test_missing_file__no_name_at_all(render: Callable[..., str]) -> None:
    """An include of nothing is an error as well."""
    assert _fault(render, "{% include [] %}") == "main.j2:1: Tried to select from an empty list of templates."


def test_error_in_another_file__is_told_there(render: Callable[..., str]) -> None:
    """A fault in an included or extended file has the name and line of that file."""
    assert _fault(render, '\n{% include "part.j2" %}', part="\n\n{{ nix }}") == "part.j2:3: 'nix' is undefined"
    assert _fault(render, '{% include "part.j2" %}', part="\n{% endif %}").startswith("part.j2:2: Encountered unknown")
    assert _fault(render, '{% extends "base.j2" %}', base="{{ 1 / 0 }}").startswith("base.j2:1: ZeroDivisionError")


@pytest.mark.parametrize(
    "text",
    [
        '{% include "main.j2" %}',
        '{% extends "main.j2" %}',
        '{% import "main.j2" as x %}',
        '{% include "./main.j2" %}',
        '{% include "other.j2" %}',
    ],
)
def test_include__of_itself(render: Callable[..., str], text: str) -> None:
    """A template that includes itself, also by way of another one, ends in one error."""
    fault = _fault(render, text, other='{% include "main.j2" %}')
    assert fault.split(":")[0] in ("main.j2", "other.j2")
    assert fault.endswith(":1: the template includes or calls itself without end")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{% for i in range(99999) %}{% for j in range(99999) %}runaway{% endfor %}{% endfor %}", 1),
        ("\n\n{% for i in range(99999) %}\n{{ raw }}{% endfor %}", 4),
        ("a\n{{ 'x' * days * 999999 }}\n", 2),
        ("{{ 'é' * 500000 }}", 1),
    ],
)
def test_runaway_output__is_stopped(render: Callable[..., str], text: str, line: int) -> None:
    """A message that grows over 900 KiB ends in one error at the line that made it, not in a full memory."""
    assert _fault(render, text) == f"main.j2:{line}: the message grew over 900 KiB; is a loop running away?"


def test_runaway_output__just_not(render: Callable[..., str]) -> None:
    """A message of the largest size is rendered."""
    assert len(render(f"{{{{ 'x' * {MAX_OUTPUT} }}}}")) == MAX_OUTPUT + 1


def test_endless_loop__is_interrupted(tmp_path: Path) -> None:
    """A loop that makes nothing but takes its time is interrupted at its line, in the child that a run renders in."""
    loop = "\n{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
    (tmp_path / "main.j2").write_text(loop, encoding="utf-8")
    with (
        Renderer(locate("main.j2", tmp_path), clean_environ(), Clock(), Limits(seconds=1)) as renderer,
        pytest.raises(TemplateError, match=r"^main\.j2:2: the template took more than 1 s; is a loop running away\?$"),
    ):
        renderer.render(CONTEXT)


@pytest.mark.parametrize(
    "expression",
    [
        "''.__class__",
        "''.__class__.__mro__[1].__subclasses__()",
        "''['__class__']",
        "'' | attr('__class__')",
        "[''] | map(attribute='__class__') | join",
        "figures[0].__dataclass_fields__",
        "figures[0].change.__class__.__init__.__globals__",
        "title.__reduce__()",
        "title.__class__('x')",
        "raw.__class__",
        "range.__self__",
        "date.__class__",
        "self.__init__.__globals__",
        "self._TemplateReference__context",
        "namespace.__init__.__globals__",
        "dict.__base__",
        "loop",
        "'{0.__class__}'.format(title)",
        "'{0[__class__]}'.format(title)",
        "'%s'.__mod__",
        "('{0.__class__}' | format)(title)",
        "date | date('{day.__class__}')",
        "date | date('{year.__class__.__mro__}')",
        "date | date('{day[0]}')",
        "date | date('{day:{year.__class__}}')",
        "date | date('{day:999999999}')",
        "date | date('{}')",
        "date | date('{0}')",
        "lipsum",
        "cycler",
        "joiner",
        "lipsum.__globals__['os'].popen('id').read()",
        "cycler.__init__.__globals__.os",
        "raw.update({'a': 1})",
        "raw.overview.clear()",
        "raw.overview.data.rows.append(3)",
        "raw.overview.data.rows.sort(reverse=true)",
        "raw.overview.data.rows.pop()",
        "raw.overview.data.pop('type')",
        "vars.setdefault('a', 'b')",
        "config",
        "environ",
        "os",
        "open('/etc/passwd')",
        "__import__('os')",
    ],
)
def test_sandbox__holds(render: Callable[..., str], expression: str) -> None:
    """Nothing but plain data can be reached, nothing can be changed; the error says where the attempt is."""
    fault = _fault(render, f"\n{{{{ {expression} }}}}")
    assert fault.startswith("main.j2:2: ")
    assert CONTEXT.raw == {"overview": {"data": {"type": "overview", "rows": [1, 2], "keys": "mine"}}}
    assert dict(CONTEXT.vars) == {"team": "A", "items": "kept"}


@pytest.mark.parametrize("text", ["{% set figures[0].value = 1 %}", "{% set vars.team = 'B' %}"])
def test_sandbox__no_assignment_to_attributes(render: Callable[..., str], text: str) -> None:
    """A template cannot assign to what it is given."""
    assert _fault(render, text).startswith("main.j2:1: ")


@pytest.mark.parametrize("tag", ["{% do raw.clear() %}", "{% debug %}", "{% python %}{% endpython %}"])
def test_sandbox__no_extensions(render: Callable[..., str], tag: str) -> None:
    """Jinja's extensions are off."""
    assert _fault(render, tag).startswith("main.j2:1: Encountered unknown tag")


def test_template__file_that_vanished(tmp_path: Path) -> None:
    """A template that went away after the inputs were read is told by its name."""
    with pytest.raises(TemplateError, match=r"^gone\.j2: there is no file gone\.j2 in the workspace"):
        Template(locate("gone.j2", tmp_path))
