"""Whatever a creator is called, and whatever a template does with the name, it stays a name."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from fakes import NOW
from payloads import bodies, check_says, commonmark, is_commonmark, message, normal, payloads, strings

from digest.audit import Audit
from digest.context import Context, build
from digest.destinations import DESTINATIONS
from digest.document import visible
from digest.inputs import timezone
from digest.markdown import parse
from digest.models import parse_overview, parse_ranking
from digest.render import Template
from digest.templates import locate
from digest.text import Text

NAMES = (
    *("@everyone", "@here", "@channel", "<!channel>", "&lt;!channel&gt;", "<@U123ABC>", "<users/all>"),
    *("<at id=all></at>", "@**all**", "[x](javascript:alert(1))", "](https://evil.test)", "*a* _b_ ~c~ ||e||"),
    *("a `name` with ``ticks``", "| cell | break |", "# heading", "1. item", "::error::x", "##[add-mask]e"),
    *("\u202eright to left\u202c", "zero\u200dwidth\u200bjoiner", "👩\u200d👩\u200d👧", "x" * 5000, "   "),
)
#: What templates do with names: filters, slices, and every place of Markdown.
TEMPLATES = (
    "{% for c in creators %}- {{ c.name }} **{{ c.name }}** *{{ c.name }}* ~~{{ c.name }}~~\n{% endfor %}",
    "{% for c in creators %}{{ c.name }}\n\n{% endfor %}",
    "{% for c in creators %}{{ c.name | upper }} {{ c.name | replace('\\\\', '') }} {{ c.name[1:] }}\n\n{% endfor %}",
    "{% for c in creators %}# {{ c.name | truncate(20) }}\n\n> {{ c.name | title }}\n\n{% endfor %}",
    "{% for c in creators %}`{{ c.name }}` [{{ c.name }}](https://app.test/c?name={{ c.name }})\n\n{% endfor %}",
    "| name |\n| --- |\n{% for c in creators %}| {{ c.name }} |\n{% endfor %}",
)
#: What calls somebody, or runs something, in one chat or another.
CALLS = re.compile(r"@(everyone|here|channel|all)\b|<!|<@|<users/|<at\b|@\*\*", re.IGNORECASE)


def context(*names: str) -> Context:
    """Return a context with creators of these names."""
    rows = [{"id": f"c{index}", "name": name, "views": 10} for index, name in enumerate(names)]
    audit = Audit(parse_overview({"data": {"views": 1}}), parse_ranking({"data": rows}, 25))
    return build(audit, title="Recap", period="7d", zone=timezone("UTC"), variables={}, now=NOW)


def rendered(source: str, tmp_path: Path, *names: str) -> str:
    """Return what a template makes of these names."""
    (tmp_path / "t.j2").write_text(source, encoding="utf-8")
    return Template(locate("./t.j2", tmp_path)).render(context(*names))


@pytest.mark.parametrize("source", TEMPLATES)
@pytest.mark.parametrize("kind", DESTINATIONS)
def test_name__calls_nobody_and_is_only_words(kind: str, source: str, tmp_path: Path) -> None:
    """No name is a mention, markup, a link or a line of its own, in any chat, in any place, after any filter."""
    harmless = parse(rendered(source, tmp_path, *["Zoe"] * len(NAMES)))
    sent = message(rendered(source, tmp_path, *NAMES))
    assert [type(block) for block in sent.blocks] == [type(block) for block in harmless]
    for part in payloads(kind, sent):
        for body in bodies(part):
            shown = {key: value for key, value in body.items() if key not in ("markdown", "html", "data", "title")}
            assert [text for text in strings(shown) if CALLS.search(text)] == []
            assert "javascript:alert(1)" not in re.findall(r'"(?:url|href)": "([^"]*)"', json.dumps(body))
            assert kind != "discord" or body["allowed_mentions"] == {"parse": []}
    parts = payloads(kind, sent)
    if len(parts) == 1:
        for body in bodies(parts[0]):
            check_says(kind, body, sent.blocks)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", DESTINATIONS)
def test_raw_name__calls_nobody(kind: str, name: str, tmp_path: Path) -> None:
    """Even a name that a template shows raw calls nobody."""
    sent = message(rendered("{% for c in creators %}{{ c.name.raw }}\n\n{% endfor %}end", tmp_path, name))
    for part in payloads(kind, sent):
        for body in bodies(part):
            shown = {key: value for key, value in body.items() if key not in ("markdown", "html", "data", "title")}
            assert [text for text in strings(shown) if CALLS.search(text)] == []


@pytest.mark.parametrize(
    "kind",
    [kind for kind in DESTINATIONS if kind != "json" and is_commonmark(kind, payloads(kind, message("text"))[0].body)],
)
def test_name__makes_no_node_for_a_reader_of_commonmark(kind: str, tmp_path: Path) -> None:
    """Read as CommonMark with HTML alive, a message of hostile names has the nodes of one of harmless names."""
    source = "{% for c in creators %}{{ c.rank }}. {{ c.name }}\n{% endfor %}"
    kinds = []
    for names in (("Zoe",) * len(NAMES), NAMES):
        [part] = payloads(kind, message(rendered(source, tmp_path, *(name[:40] for name in names))))
        text = next(text for text in strings(part.body) if "\n" in text)
        kinds.append([node.type for node in commonmark(text).walk() if node.type not in ("text", "text_special")])
    assert kinds[0] == kinds[1]


def test_long_name__is_cut() -> None:
    """A name of 5,000 characters has 255."""
    assert len(Text("x" * 5000).raw) == 255


def test_blank_name__is_the_id(tmp_path: Path) -> None:
    """A name of spaces is none."""
    assert visible(parse(rendered("{{ creators[0].name }}", tmp_path, "   "))) == "c0"


def test_joined_emoji__stay_whole(tmp_path: Path) -> None:
    """The joiners of an emoji family are kept; overrides of the direction are not."""
    assert visible(parse(rendered("{{ creators[0].name }}", tmp_path, "👩\u200d👩\u200d👧"))) == "👩\u200d👩\u200d👧"
    assert normal("ab") == visible(parse(rendered("{{ creators[0].name }}", tmp_path, "a\u202eb")))
