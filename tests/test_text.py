"""Text from outside stays text, whatever Markdown it holds and whatever a template does with it."""

from __future__ import annotations

import pickle
import unicodedata
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from digest.text import LONGEST, Text, clean, reveal


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("", ""),
        (" \t\n ", ""),
        ("a\r\nb\x0bc\u2028d\u2029e\x85f", "a b c d e f"),
        ("a\x00b\x1bc\x7fd", "abcd"),
        ("abc\u202edef\u2066\ufeff\u200b", "abcdef"),
        ("x\ue000\U00100041\ud800y", "xy"),
        ("tag\U000e0041", "tag"),
        ("no\u00a0break", "no break"),
        ("👩\u200d👩\u200d👧 नेपा\u200cली", "👩\u200d👩\u200d👧 नेपा\u200cली"),
        ("Zoe\u0308", "Zoe\u0308"),
    ],
)
def test_clean__one_printable_line(text: str, cleaned: str) -> None:
    """Line ends become spaces; control and format characters vanish; joiners of scripts and emoji stay."""
    assert clean(text) == cleaned


def test_clean__length() -> None:
    """A text is cut with an ellipsis where it is too long, and not before."""
    assert clean("x" * LONGEST) == "x" * LONGEST
    assert clean("x" * (LONGEST + 1)) == "x" * (LONGEST - 1) + "…"
    assert clean("x" * 5_000_000) == "x" * (LONGEST - 1) + "…"
    assert clean(" a" * 5000, longest=10) == "a a a a a…"


@given(st.text())
def test_clean__always(text: str) -> None:
    """Whatever comes, one line of printable characters goes, and to clean it again changes nothing."""
    cleaned = clean(text)
    assert len(cleaned) <= LONGEST
    assert cleaned.splitlines() in ([], [cleaned])
    assert not any(unicodedata.category(char) in ("Cc", "Cs", "Co") for char in cleaned)
    assert clean(cleaned) == cleaned


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Łukasz 🎥", "Łukasz 🎥"),
        ("dj_moonlight", "dj\\_moonlight"),
        ("*a* _b_ ~c~ ||e||", "\\*a\\* \\_b\\_ \\~c\\~ \\|\\|e\\|\\|"),
        ("`code` \\*", "\\`code\\` \\\\\\*"),
        ("[x](javascript:alert(1))", "\\[x\\](javascript:alert(1))"),
        ("![x](y)", "!\\[x\\](y)"),
        ("<b> <!channel> <@U1>", "\\<b> \\<!channel> \\<@U1>"),
        ("&lt; &#33; R&D & co", "\\&lt; \\&#33; R\\&D & co"),
        ("https://a.test http:// a:b", "https\\://a.test http\\:// a:b"),
        ("www.a.test a.test", "www\\.a.test a.test"),
        ("# heading", "\\# heading"),
        ("1. item", "1\\. item"),
        ("12) item", "12\\) item"),
        ("- item", "\\- item"),
        ("+ item", "\\+ item"),
        ("> quote", "\\> quote"),
        ("===", "\\=\\=\\="),
        ("---", "\\-\\-\\-"),
        ("| cell | break |", "\\| cell \\| break \\|"),
        ("A. Person (Jr.) #1, 50%!", "A. Person (Jr.) #1, 50%!"),
    ],
)
def test_reveal__escapes_what_could_be_markup(text: str, shown: str) -> None:
    """Each character that could mean something where it stands is escaped; the others are left in peace."""
    assert reveal(Text(text)) == shown
    assert reveal(f"a\n{Text(text)}\nb") == f"a\n{shown}\nb"


def test_reveal__place_decides() -> None:
    """What opens a line matters there alone, also behind markers of the template's own."""
    name = Text("# 1. x")
    assert reveal(f"by {name}") == "by # 1. x"
    assert reveal(f"- {name}") == "- \\# 1\\. x"
    assert reveal(f"> 3) {Text('- x')}") == "> 3) \\- x"
    assert reveal(f"www{Text('.a.test')}") == "www\\.a.test"
    assert reveal(f"https{Text('://a.test')}") == "https\\://a.test"


def test_reveal__leaves_the_template_alone() -> None:
    """Markdown of the template's own is not touched."""
    markdown = "# *a* [b](https://c.test) `d` <e> & 1. f\n"
    assert reveal(markdown) == markdown


@pytest.mark.parametrize(
    "around", ["{}", "by {}", "{} won", "- {}", "3. {}", "> {}", "# {}", "a\n{}\nb", "| {} |\n| - |\n| {} |"]
)
@given(name=st.text(alphabet="".join(chr(code) for code in range(33, 127)) + " aé▲", min_size=1, max_size=12))
@example(name="a | b")
@example(name="===")
@example(name="1. x")
@example(name="&amp;")
def test_reveal__is_text_for_a_parser(around: str, name: str) -> None:
    """A parser of CommonMark and of GitHub's tables finds the name as it is, and the same structure around any name."""
    text = Text(name)
    assume(text)
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    tokens = parser.parse(reveal(around.format(text, text)))
    plain = parser.parse(around.format("x", "x"))
    assert [token.type for token in _flat(tokens)] == [token.type for token in _flat(plain)]
    assert _texts(tokens) == [shown.replace("x", text.raw) for shown in _texts(plain)]


def _flat(tokens: Sequence[Token]) -> Iterator[Token]:
    """Yield all tokens, with text that escapes have split as one."""
    last = ""
    for token in tokens:
        if not (token.type == last == "text"):
            yield token
        last = token.type
        yield from _flat(token.children or ())


def _texts(tokens: Sequence[Token]) -> list[str]:
    """Return what is shown of each inline token."""
    inline = [token.children or [] for token in tokens if token.type == "inline"]
    return ["".join(child.content or "\n" for child in children) for children in inline]


def test_text__survives_filters() -> None:
    """Cutting, joining, sorting and changing the case keep a text shielded."""
    name = Text("*Zoë* <b>")
    for changed in (
        name.upper(),
        name[:4],
        name.replace("Z", "S"),
        name.title(),
        name + "!",
        f"{name:>12}",
        name[::-1],
    ):
        shown = reveal(f"by {changed}")
        assert shown.count("*") == shown.count("\\*") > 0
        assert shown.count("<") == shown.count("\\<")


def test_text__raw() -> None:
    """The text as it arrived, cleaned of what no chat can show, stays reachable."""
    assert Text(" *Zoë*\n<b>\u202e ").raw == "*Zoë* <b>"


def test_text__cannot_be_forged() -> None:
    """Characters that stand for shielded ones are dropped where they come from outside."""
    forged = "".join(chr(0x100000 + ord(char)) for char in "*x*")
    assert Text(forged).raw == ""


def test_text__pickles() -> None:
    """A text travels to another process and stays shielded there."""
    name = Text("*Zoë*")
    again = pickle.loads(pickle.dumps(name))
    assert (type(again), again, again.raw) == (Text, name, "*Zoë*")
