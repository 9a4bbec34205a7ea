"""
Payloads, read by what nobody here wrote: Slack's own models, Microsoft's card renderer, the chats' own parsers.

Needs Node, npm's packages of `cards/` in .cache/cards, and Chromium: `make e2e`.
"""

from __future__ import annotations

import base64
import importlib
import json
import os
import re
import shutil
import subprocess
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import pytest

from digest.destinations import DESTINATIONS, Message
from digest.destinations.protocol import Payload
from digest.document import Block, visible
from digest.mail import page
from digest.markdown import parse
from digest.text import Text

ROOT = Path(__file__).resolve().parents[2]
CARDS = Path(__file__).parent / "cards"
#: What npm installed.
PACKAGES = ROOT / ".cache" / "cards" / "node_modules"
#: Kept for people to look at.
SCREENSHOTS = ROOT / ".cache" / "screenshots"
#: One of Debian's, of Ubuntu's, of GitHub's machines.
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
#: No part of the test may ask another machine.
OFFLINE = (
    *("--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--no-sandbox",  # CI is root
)
#: Characters that are there to be in the way, and are not seen.
INVISIBLE = re.compile("[\u200b\u2060]")
#: What stands for marks where a chat has no escapes, and the marks.
ALIKE = str.maketrans(
    "\N{ASTERISK OPERATOR}\N{TILDE OPERATOR}\N{MODIFIER LETTER GRAVE ACCENT}\N{MODIFIER LETTER LOW MACRON}"
    "\N{FULLWIDTH LEFT SQUARE BRACKET}\N{FULLWIDTH RIGHT SQUARE BRACKET}",
    "*~`_[]",
)

Tree: TypeAlias = "str | list[Any]"

EVERYTHING = """\
# CreatorAudit: weekly recap

Last 7 days, to 22 Nov 2026, against the *7 days* before

- Total views: **1.28M** (▲ 12.5%)
- Engagement rate: **4.23%** (▼ 0.38 pp)
- Active accounts: **37** (▲ 5.7%)

## Top creators

1. **Zoë Nguyễn**: 412.9K views
2. **さくら & Co. \\<studio>**: 287.1K views
3. **Marta \\*la chef\\* Oliveira**: 190.4K views
4. **Łukasz 🎥**: 64.4K views

## By platform

| platform | accounts | views | change |
| :--- | ---: | ---: | :---: |
| TikTok | 12 | 812.4K | **▲ 14%** |
| Instagram | 18 | 402.1K | ▼ 2% |
| YouTube | 7 | 70.0K | `new` |

### Below

> A quote of *two*
> lines, with `code`, ~~less~~ and a [link](https://example.test/why?a=b&c=d).

- outer
  - inner **bold**
    1. deep
- [x] done
- [ ] to do

```python
def views(creator: str) -> int:
    return 42
```

---

*Read more on the [dashboard](https://app.example.test/).*
"""
#: Every way in which a template may show a name.
AROUND = """\
# Recap of {name}

- first {name}, then **{name}**: 1K
- *{name}* and ~~{name}~~

1. **{name}** has [{name}](https://app.example.test/x)

| creator | views |
| --- | --: |
| {name} | **{name}** |

> {name}

{name}

**{name}** {name}
"""
HARMLESS = "Zoe"
HOSTILE = (
    *("@everyone", "@here", "@channel", "@all", "<!channel>", "&lt;!channel&gt;", "<@U123ABC>", "<users/all>"),
    *("<at id=all></at>", "@**all**", "<@123456789012345678>", "<@&123456789012345678>", "<#123456789012345678>"),
    *("</cmd:123456789012345678>", "<t:1700000000>", "[x](javascript:alert(1))", "](https://evil.test)"),
    *("https://evil.com/x", "www.evil.com", "evil.com", "a@evil.com", "<https://evil.com|click>"),
    *("*a* _b_ ~c~ ||e||", "**a**", "__a__", "~~a~~", "`a`", "``a` b``", "```a", "| cell | break |", "# heading"),
    *("#tag", "~town-square", "1. item", "- item", "> quote", "::error::x", "##[add-mask]e", ":smile:", ":100:"),
    *(
        "\u202egnp.exe",
        "a\u200db",
        "N" * 5_000,
        "👨‍👩‍👧‍👦",
        "$$x$$",
        "\\*a\\*",
        "a\\",
        "_",
        "*",
        "-# small",
        "&#42;a&#42;",
    ),
)
#: Nodes of the chats' parsers that call somebody, or lead somewhere.
CALLS = {
    "everyone",
    "here",
    "user",
    "role",
    "channel",
    "at_mention",
    "mention_user",
    "mention_channel",
    "slash_command",
}


def _message(markdown: str) -> Message:
    return Message("CreatorAudit: weekly recap", markdown, parse(markdown))


def _payloads(kind: str, markdown: str) -> Sequence[Payload]:
    """Return what a chat of *kind* gets."""
    return DESTINATIONS[kind].payloads(_message(markdown), urlsplit("https://chat.example.test/?chat_id=1"))


def _cases() -> dict[str, str]:
    """Return Markdown by name: all there is, the golden messages, and each hostile name in every place."""
    golden = {
        file.parent.name: file.read_text(encoding="utf-8")
        for file in sorted((ROOT / "tests" / "golden").glob("*/message.md"))
    }
    return {"everything": EVERYTHING, **golden, **{f"name {name[:20]!r}": _around(Text(name)) for name in HOSTILE}}


def _around(name: str) -> str:
    return AROUND.format(name=name)


CASES = _cases()


def test_cases__are_many() -> None:
    """The golden messages are found."""
    assert len(CASES) > len(HOSTILE) + 40


# --- Slack --------------------------------------------------------------------

# `make lint` does not install them, so they have no types here.
slack_sdk: Any = importlib.import_module("slack_sdk.models.blocks")
slackblocks: Any = importlib.import_module("slackblocks")


@pytest.mark.parametrize("case", CASES)
def test_slack__is_valid_to_slack_sdk(case: str) -> None:
    """Slack's own models take every block, find no fault with it, and know each of its fields."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it warns of names that it does not know
        for payload in _payloads("slack", CASES[case]):
            for body in (payload.body, *payload.simpler):
                blocks = body.get("blocks", [])
                assert [block.to_dict() for block in slack_sdk.Block.parse_all(blocks)] == blocks


@pytest.mark.parametrize("case", CASES)
def test_slack__is_valid_to_slackblocks(case: str) -> None:
    """Built once more with slackblocks, which checks types and limits, a message is the same."""
    for payload in _payloads("slack", CASES[case]):
        blocks = [_built(block) for block in payload.body["blocks"]]
        message = slackblocks.WebhookMessage(text=payload.body["text"], blocks=blocks)
        assert _without_defaults(message.to_dict()["blocks"]) == _without_defaults(payload.body["blocks"])


def _built(node: Mapping[str, Any]) -> Any:
    """Return a block or an element of ours as one of slackblocks."""
    return _BUILD[node["type"]](node)


def _elements(node: Mapping[str, Any]) -> list[Any]:
    return [_built(element) for element in node["elements"]]


def _built_table(node: Mapping[str, Any]) -> Any:
    rows = [[_built(cell["elements"][0]) for cell in row] for row in node["rows"]]
    return slackblocks.TableBlock(rows, [slackblocks.ColumnSettings(**column) for column in node["column_settings"]])


_BUILD: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "header": slackblocks.HeaderBlock.from_dict,
    "divider": lambda _: slackblocks.DividerBlock(),
    "table": _built_table,
    "rich_text": lambda node: slackblocks.RichTextBlock(_elements(node)),
    "rich_text_section": lambda node: slackblocks.RichTextSection(_elements(node)),
    "rich_text_preformatted": lambda node: slackblocks.RichTextCodeBlock(_elements(node)),
    "rich_text_quote": lambda node: slackblocks.RichTextQuote(_elements(node)),
    "rich_text_list": lambda node: slackblocks.RichTextList(
        node["style"], _elements(node), node["indent"], node.get("offset", 0)
    ),
    "text": lambda node: slackblocks.RichText(node["text"], **node.get("style", {})),
    "link": lambda node: slackblocks.RichTextLink(node["url"], node["text"], **node.get("style", {})),
}


def _without_defaults(value: Any) -> Any:
    """Return *value* without what slackblocks adds, and what is left out when it is 0."""
    if isinstance(value, list):
        return [_without_defaults(inner) for inner in value]
    if not isinstance(value, Mapping):
        return value
    return {
        name: _without_defaults(inner)
        for name, inner in value.items()
        if name not in ("block_id", "border") and (inner or name not in ("emoji", "offset"))
    }


# --- In a browser -------------------------------------------------------------


@pytest.fixture(scope="session")
def browser() -> str:
    """Return the browser's program."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert found, f"none of {', '.join(BROWSERS)} is installed"
    return found


def _open(browser: str, file: Path, *options: str) -> str:
    """Open *file* and return the page as it is when it was loaded."""
    profile = file.parent / "profile"
    shutil.rmtree(profile, ignore_errors=True)
    command = [browser, *OFFLINE, f"--user-data-dir={profile}", *options, "--dump-dom", file.as_uri()]
    environ = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": "disabled:"}
    done = subprocess.run(command, check=True, env=environ, capture_output=True, encoding="utf-8", timeout=120)
    return done.stdout


def _screenshot(browser: str, file: Path, name: str, *options: str, height: int) -> bytes:
    """Take a picture of *file* and keep it."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    picture = SCREENSHOTS / f"{name}.png"
    picture.unlink(missing_ok=True)
    _open(browser, file, f"--screenshot={picture}", f"--window-size=752,{height}", *options)
    return picture.read_bytes()


def _shown(browser: str, folder: Path, payloads: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Return what Microsoft's renderer makes of each of *payloads*: its findings, the text, the links."""
    dom = _open(browser, _card_page(folder, payloads))
    report = re.search(r'<script type="application/json">([\w+/=]+)</script>', dom)
    assert report, dom[-2000:]
    shown = json.loads(base64.b64decode(report[1]))
    assert isinstance(shown, list)
    return shown


def _card_page(folder: Path, payloads: Sequence[Mapping[str, Any]]) -> Path:
    shutil.copy(CARDS / "card.html", folder)
    shutil.copy(PACKAGES / "adaptivecards" / "dist" / "adaptivecards.js", folder)
    (folder / "payloads.js").write_text(f"const payloads = {json.dumps(payloads)};\n", encoding="utf-8")
    return folder / "card.html"


def test_teams__is_rendered_whole(browser: str, tmp_path: Path) -> None:
    """Microsoft's renderer finds no fault with any card, and shows every word and no other link."""
    cards = {case: [payload.body for payload in _payloads("teams", markdown)] for case, markdown in CASES.items()}
    shown = iter(_shown(browser, tmp_path, [body for bodies in cards.values() for body in bodies]))
    for case, bodies in cards.items():
        parts = [next(shown) for _ in bodies]
        assert [part["findings"] for part in parts] == [[]] * len(parts), case
        blocks = parse(CASES[case])
        assert _missing(visible(blocks), " ".join(part["text"] for part in parts)) == [], case
        assert {link for part in parts for link in part["links"]} <= set(_addresses(blocks)), case


def test_teams__keeps_the_indent_of_code(browser: str, tmp_path: Path) -> None:
    """Lines of code stand where they stood: the browser folds white space, and so does Teams."""
    (payload,) = _payloads("teams", "```\nif a:\n    b\n```\n")
    (shown,) = _shown(browser, tmp_path, [payload.body])
    assert shown["text"].replace("\N{NO-BREAK SPACE}", " ") == "if a:\n    b"


def test_teams__the_checks_can_fail(browser: str, tmp_path: Path) -> None:
    """An element that the renderer does not know, and words that are lost, are found."""
    (payload,) = _payloads("teams", "Hi")
    body: dict[str, Any] = json.loads(json.dumps(payload.body))
    body["attachments"][0]["content"]["body"][0]["type"] = "NoSuchBlock"
    (shown,) = _shown(browser, tmp_path, [body])
    assert len(shown["findings"]) == 1
    assert _missing("Hi", shown["text"]) == ["Hi"]


def test_teams__screenshot(browser: str, tmp_path: Path) -> None:
    """There is a picture of a card, for people to judge."""
    (payload,) = _payloads("teams", EVERYTHING)
    picture = _screenshot(browser, _card_page(tmp_path, [payload.body]), "teams", height=1120)
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 20_000


def test_mail__screenshots(browser: str, tmp_path: Path) -> None:
    """There are pictures of the mail by day and by night; they are not the same."""
    message = _message(EVERYTHING)
    file = tmp_path / "mail.html"
    file.write_text(page(message.title, message.blocks), encoding="utf-8")
    light = _screenshot(browser, file, "mail-light", height=1180)
    # 0 is dark: third_party/blink/public/mojom/css/preferred_color_scheme.mojom
    dark = _screenshot(browser, file, "mail-dark", "--blink-settings=preferredColorScheme=0", height=1180)
    assert light.startswith(b"\x89PNG")
    assert min(len(light), len(dark)) > 20_000
    assert light != dark


def _missing(expected: str, shown: str) -> list[str]:
    """Return the words of *expected* that *shown* does not have, in order."""
    rest, missing = "".join(_seen(shown).split()), []
    for word in _seen(expected).split():
        before, found, after = rest.partition(word)
        if not found:
            missing.append(word)
        rest = after if found else before
    return missing


def _seen(text: str) -> str:
    """Return *text* as people see it, who see no difference between characters that look the same."""
    return INVISIBLE.sub("", text).translate(ALIKE)


def _addresses(blocks: Sequence[Block]) -> Iterator[str]:
    """Yield the addresses of all links in *blocks*, however they are held."""
    yield from re.findall(r"Link\(url='([^']*)'", repr(blocks))


# --- The chats' own parsers ---------------------------------------------------


def _read(chat: str, texts: Sequence[str]) -> list[list[Tree]]:
    """Return how *chat* reads each of *texts*."""
    messages = json.dumps([{"chat": chat, "text": text} for text in texts])
    done = subprocess.run(
        ["node", str(CARDS / "read.cjs")],
        input=messages,
        env={**os.environ, "NODE_PATH": str(PACKAGES)},
        check=False,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    trees = json.loads(done.stdout)
    assert isinstance(trees, list)
    return trees


def _read_all(chat: str, messages: Sequence[Sequence[str]]) -> list[list[list[Tree]]]:
    """Return how *chat* reads the parts of each message; starting Node takes longer than reading."""
    parts = iter(_read(chat, [part for message in messages for part in message]))
    return [[next(parts) for _ in message] for message in messages]


def _texts(chat: str, markdown: str) -> list[str]:
    """Return the parts of a message as *chat* gets them."""
    name = "content" if chat == "discord" else "text"
    return [str(payload.body[name]) for payload in _payloads(chat, markdown)]


def _said(trees: Sequence[Tree]) -> str:
    """Return what people see of *trees*; only nodes inside a line touch what stands around them."""
    said = ""
    for tree in trees:
        if isinstance(tree, str):
            said += tree
        elif not _is_target(tree):
            said += _said(tree[1:]) if tree[0] in _INSIDE_LINES else f"\n{_said(tree[1:])}\n"
    return said


def _is_target(tree: Tree) -> bool:
    return tree[0] == "target" and not isinstance(tree, str)


def _types(trees: Sequence[Tree]) -> list[str]:
    """Return the types of all nodes, outer ones first."""
    return [kind for tree in trees if not isinstance(tree, str) for kind in (tree[0], *_types(tree[1:]))]


def _targets(trees: Sequence[Tree]) -> list[str]:
    nodes = [tree for tree in trees if not isinstance(tree, str)]
    return [target for tree in nodes for target in ([tree[1]] if _is_target(tree) else _targets(tree[1:]))]


_STRESS = {"strong", "em", "emph", "del", "strikethrough", "bold", "italic", "strike"}
_INSIDE_LINES = {*_STRESS, "link", "autolink", "url", "code", "inlineCode", "inline_code", "emoji", "hashtag", *CALLS}
#: Nodes by which each parser says what a document says, as far as it knows that.
LOOKS: Mapping[str, set[str]] = {
    "discord": {"heading", "strong", "em", "strikethrough", "link", "codeBlock", "inlineCode", "blockQuote"},
    "mattermost": {
        *("heading", "strong", "emph", "del", "link", "code_block", "code", "block_quote"),
        *("list", "item", "table", "table_row", "table_cell", "thematic_break"),
    },
    "rocketchat": {
        *("heading", "bold", "italic", "strike", "link", "code_block", "inline_code", "quote"),
        *("unordered_list", "ordered_list", "list_item"),
    },
}
READERS = tuple(LOOKS)


@pytest.mark.parametrize("chat", READERS)
def test_markdown__looks_native(chat: str) -> None:
    """The chat's own parser sees headlines, stress, lists, links, quotes, code, and tables where it knows them."""
    (trees,) = _read(chat, _texts(chat, EVERYTHING))
    assert LOOKS[chat] <= set(_types(trees))
    assert sorted(set(_targets(trees))) == sorted({*_addresses(parse(EVERYTHING))})


@pytest.mark.parametrize("chat", READERS)
@pytest.mark.parametrize("case", ["everything", "creators-25", "hostile-names"])
def test_markdown__loses_no_word(chat: str, case: str) -> None:
    """Every word can be read after the chat's own parser is through with it."""
    said = "\n".join(_said(trees) for trees in _read(chat, _texts(chat, CASES[case])))
    assert _missing(visible(parse(CASES[case])), said) == []


@pytest.mark.parametrize("chat", READERS)
def test_name__is_never_markup(chat: str) -> None:
    """Whatever a creator is called, and wherever the template shows it, the chat's own parser sees words."""
    names = [HARMLESS, *(Text(name) for name in HOSTILE)]
    (harmless, *_), *read = _read_all(chat, [_texts(chat, _around(name)) for name in names])
    for name, parts in zip(HOSTILE, read, strict=True):
        trees = [tree for part in parts for tree in part]
        if len(parts) == 1:
            assert _unstressed(trees) == _unstressed(harmless), (name, trees)
            assert _seen(_said(trees)).count(Text(name).raw) >= 10, (name, trees)
        assert set(_targets(trees)) == {"https://app.example.test/x"}, name


@pytest.mark.parametrize("chat", READERS)
def test_raw_name__calls_nobody(chat: str) -> None:
    """Nobody is called even by a template that shows names as they arrived."""
    parts = [text for name in HOSTILE for text in _texts(chat, _around(Text(name).raw))]
    assert {kind for trees in _read(chat, parts) for kind in _types(trees)} & CALLS == set()


@pytest.mark.parametrize(("chat", "text"), [("discord", "@here"), ("mattermost", "@here"), ("rocketchat", "@here")])
def test_markdown__the_parsers_know_calls(chat: str, text: str) -> None:
    """The parsers would see a call if there were one."""
    (trees,) = _read(chat, [text])
    assert set(_types(trees)) & CALLS


def _unstressed(trees: Sequence[Tree]) -> list[str]:
    """Return the types of *trees* without those of stress: what stress cannot hold safely is said without."""
    return [kind for kind in _types(trees) if kind not in _STRESS]
