"""The chats, as they are played: what each takes, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from digest.chats import ANYWHERE, CHATS, Chat
from digest.standin import Request


def _post(kind: str, body: object, path: str = "", **query: str) -> Request:
    """Return a request as the destination of *kind* makes it, but for the body."""
    url = urlsplit(CHATS[kind].path)
    asked = {**dict(httpx.QueryParams(url.query)), **query}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"user-agent": "DiscordBot (https://example.test, 1)"}
    return Request("POST", path or url.path, {name: value for name, value in asked.items() if value}, headers, content)


def _slack(*blocks: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"text": "a", "blocks": list(blocks)}


def _rich(*elements: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"type": "rich_text", "elements": list(elements)}


def _section(**element: Any) -> Mapping[str, Any]:
    return _rich({"type": "rich_text_section", "elements": [{"type": "text", "text": "a", **element}]})


def _table(rows: int = 1, columns: int = 1, text: str = "a", **more: Any) -> Mapping[str, Any]:
    return {"type": "table", "rows": [[_section(text=text)] * columns] * rows, **more}


def _header(text: str) -> Mapping[str, Any]:
    return {"type": "header", "text": {"type": "plain_text", "text": text}}


def _list(indent: int) -> Mapping[str, Any]:
    return _rich({"type": "rich_text_list", "style": "bullet", "indent": indent, "elements": []})


def _lark(*lines: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    return {"msg_type": "post", "content": {"post": {"en_us": {"title": "", "content": list(lines)}}}}


DIVIDER = {"type": "divider"}
REFUSED: list[tuple[str, object, str]] = [
    ("slack", b"text=hi", "invalid_payload"),
    ("slack", {}, "no_text"),
    ("slack", {"text": "", "blocks": []}, "no_text"),
    ("slack", _slack({"type": "markdown", "text": "a"}), "internal error"),
    ("slack", _slack(_table(), _table()), "invalid_attachments"),
    ("slack", _slack(*[DIVIDER] * 51), "invalid_blocks"),
    ("slack", _slack({"type": "carousel"}), "invalid_blocks"),
    ("slack", _slack(_section(text="")), "invalid_blocks"),
    ("slack", _slack(_section(type="link", url="")), "invalid_blocks"),
    ("slack", _slack(_rich({"type": "section"})), "invalid_blocks"),
    ("slack", _slack(_list(9)), "invalid_blocks"),
    ("slack", _slack(_header("")), "invalid_blocks"),
    ("slack", _slack(_header("🎥" * 76)), "invalid_blocks"),
    ("slack", _slack(_table(rows=0)), "invalid_blocks"),
    ("slack", _slack(_table(rows=101)), "invalid_blocks"),
    ("slack", _slack(_table(columns=21)), "invalid_blocks"),
    ("slack", _slack(_table(column_settings=[None])), "invalid_blocks"),
    ("slack", _slack(_table(rows=100, text="a" * 101)), "invalid_blocks"),
    ("slack", _slack(*[_section(text="a" * 3_000)] * 5), "msg_blocks_too_long"),
    ("slack-workflow", b"[]", "invalid"),
    ("discord", b"", "too long"),
    ("discord", {"content": " "}, "empty"),
    ("discord", {"content": "🎥" * 1_001}, "too long"),
    ("teams", b"{", "TriggerInputSchemaMismatch"),
    ("google-chat", {"markupSyntax": "MARKUP_SYNTAX_MARKDOWN"}, "invalid"),
    ("google-chat", {"text": "a" * 4_097}, "too long"),
    ("google-chat", {"text": "a", "cardsV2": "é" * 16_000}, "too long"),
    ("mattermost", {"text": ""}, "no text"),
    ("rocketchat", {"text": "a", "channel": "#b"}, "no override"),
    ("rocketchat", {"text": None}, "invalid"),
    ("rocketchat", {"text": "🎥" * 2_501}, "too long"),
    ("zulip", {"text": "\n"}, "no content"),
    ("zulip", _slack(_section()), "unknown block"),
    ("zulip", _slack(_table()), "unknown block"),
    ("telegram", {"text": "a"}, "no chat"),
    ("telegram", {"chat_id": 1, "text": " "}, "empty"),
    ("telegram", {"chat_id": 1, "text": "<b> </b>", "parse_mode": "HTML"}, "empty"),
    ("telegram", {"chat_id": 1, "text": "🎥" * 2_049}, "too long"),
    ("webex", {"html": "a"}, "invalid"),
    ("webex", {"markdown": "é" * 3_720}, "too long"),
    ("lark", b"a", "invalid"),
    ("lark", {"msg_type": "interactive"}, "invalid"),
    ("lark", {"msg_type": "text", "content": {"text": ""}}, "invalid"),
    ("lark", _lark(), "invalid"),
    ("lark", _lark([]), "invalid"),
    ("lark", _lark([{"tag": "hr"}]), "invalid"),
    ("lark", _lark([{"tag": "text", "text": ""}]), "invalid"),
    ("lark", _lark([{"tag": "text", "text": "é" * 10_000}]), "too long"),
    ("json", b"null", "invalid"),
]


@pytest.mark.parametrize(("kind", "body", "reply"), REFUSED)
def test_chat__refuses(kind: str, body: object, reply: str) -> None:
    """A played chat refuses what the real one refuses, in its words, and shows nothing."""
    chat = Chat(kind)
    assert chat(_post(kind, body)) == {**ANYWHERE, **CHATS[kind].replies}[reply]
    assert chat.shown == []


TAKEN: list[tuple[str, object]] = [
    ("slack", {"text": "a" * 40_000}),
    ("slack", _slack(*[DIVIDER] * 50)),
    ("slack", _slack(_table(), _header("🎥" * 75), _list(8), _section(type="link", url="https://example.test"))),
    ("slack", _slack(_table(rows=100, columns=20, text="a" * 5, column_settings=[{}] * 20))),
    ("discord", {"content": "🎥" * 1_000 + "\n"}),
    ("google-chat", {"text": "a" * 4_096}),
    ("rocketchat", {"text": "🎥" * 2_500}),
    ("zulip", _slack(DIVIDER)),
    ("telegram", {"chat_id": 1, "text": "a < b & c"}),
    ("telegram", {"chat_id": 1, "text": f"<b>{'🎥' * 2_048}</b>", "parse_mode": "HTML"}),
    ("telegram", {"chat_id": 1, "text": '<a href="https://example.test">&lt;</a>', "parse_mode": "HTML"}),
    ("webex", {"text": "a"}),
    ("lark", _lark([{"tag": "text", "text": "a"}, {"tag": "a", "text": "b", "href": "https://example.test"}])),
    ("lark", {"msg_type": "text", "content": {"text": "a"}}),
    ("json", {}),
]


@pytest.mark.parametrize(("kind", "body"), TAKEN)
def test_chat__takes_what_is_just_within_its_limits(kind: str, body: object) -> None:
    """A played chat takes what the real one takes."""
    chat = Chat(kind)
    assert 200 <= chat(_post(kind, body)).status < 300
    assert len(chat.shown) == 1


@pytest.mark.parametrize(
    "html",
    [
        "<b>a",
        "a</b>",
        "<b><i>a</b></i>",
        "<h1>a</h1>",
        "a<br>b",
        "<blockquote>a<blockquote>b</blockquote></blockquote>",
        "<a>b</a>",
        "<!-- a -->",
        "<!DOCTYPE html>",
        "a<?php ?>",
    ],
)
def test_telegram__checks_html(html: str) -> None:
    """Telegram takes balanced HTML of the tags that it knows, and nothing else."""
    chat = Chat("telegram")
    reply = chat(_post("telegram", {"chat_id": 1, "text": html, "parse_mode": "HTML"}))
    assert reply == CHATS["telegram"].replies["bad HTML"]


@pytest.mark.parametrize(
    ("kind", "query", "reply"),
    [
        ("teams", "sig", "DirectApiAuthorizationRequired"),
        ("google-chat", "key", "bad key"),
        ("google-chat", "token", "forbidden"),
        ("zulip", "api_key", "bad key"),
    ],
)
def test_chat__asks_for_the_whole_url(kind: str, query: str, reply: str) -> None:
    """A URL that lost a part of its query opens nothing."""
    assert Chat(kind)(_post(kind, {"text": "a"}, **{query: ""})) == CHATS[kind].replies[reply]


@pytest.mark.parametrize("kind", CHATS)
def test_chat__is_posted_to(kind: str) -> None:
    """A played chat takes no other method."""
    assert Chat(kind)(replace(_post(kind, {}), method="GET")).status == 405


def test_telegram__knows_its_methods() -> None:
    """The path of Telegram names the method."""
    assert Chat("telegram")(_post("telegram", {}, path="/bot1:a")).status == 404


def test_discord__asks_for_a_user_agent() -> None:
    """What does not say that it is a bot is held up before it gets to Discord."""
    chat = Chat("discord")
    assert chat(replace(_post("discord", {"content": "a"}), headers={})) == CHATS["discord"].replies["cloudflare"]


def test_discord__without_wait_says_nothing() -> None:
    """Unless it is asked to wait, Discord answers 204 to all."""
    assert Chat("discord")(_post("discord", {"content": "hi"})).status == 204


def _card(**more: Any) -> dict[str, Any]:
    return {"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "TextBlock", "text": "a"}], **more}


def _cards(*cards: Mapping[str, Any], kind: str = "application/vnd.microsoft.card.adaptive") -> Mapping[str, Any]:
    return {"type": "message", "attachments": [{"contentType": kind, "content": card} for card in cards]}


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (_cards(_card()), 1),
        (_cards(_card(body=[{"type": "Table", "rows": [{"type": "TableRow", "cells": []}]}])), 1),
        ({"text": "a"}, 0),
        ({"attachments": []}, 0),
        (_cards(_card(), kind="text/plain"), 0),
        (_cards(_card(version="1.6")), 0),
        (_cards(_card(body=[])), 0),
        (_cards(_card(body=[{"type": "Chart.Donut"}])), 0),
        (_cards(_card(body=[{"type": "RichTextBlock", "inlines": []}])), 0),
        (_cards(_card(body=[{"type": "TextBlock", "text": "é" * 10_500}])), 0),
    ],
)
def test_teams__loses_what_it_cannot_show(body: Mapping[str, Any], shown: int) -> None:
    """Teams answers 202 to any JSON, and posts a card only if it is well."""
    chat = Chat("teams")
    assert (chat(_post("teams", body)).status, len(chat.shown)) == (202, shown)


def test_slack_workflow__loses_what_is_no_text() -> None:
    """A workflow is started by any JSON, and fails if a variable is no text."""
    chat = Chat("slack-workflow")
    bodies: list[Mapping[str, Any]] = [{"text": "a"}, {"blocks": []}]
    assert [chat(_post("slack-workflow", body)).status for body in bodies] == [200, 200]
    assert chat.shown == [{"text": "a"}]


def test_mattermost__chops_and_zulip_cuts() -> None:
    """What is too long for Mattermost becomes several posts, and Zulip drops the end of it."""
    mattermost, zulip = Chat("mattermost"), Chat("zulip")
    mattermost(_post("mattermost", {"text": "a" * 16_384}))
    zulip(_post("zulip", {"text": "a" * 10_001}))
    assert [len(body["text"]) for body in mattermost.shown] == [16_383, 1]
    assert [len(body["text"]) for body in zulip.shown] == [10_000]


def test_google_chat__shows_a_request_once() -> None:
    """A request id that was seen gets the first message's name, whatever the second says."""
    chat = Chat("google-chat")
    first, second, third = (
        chat(_post("google-chat", {"text": text}, requestId=name)) for text, name in (("a", "1"), ("b", "1"), ("b", ""))
    )
    assert first == second
    assert first != third
    assert [body["text"] for body in chat.shown] == ["a", "b"]


def test_chat__unknown_fault() -> None:
    """A fault that the chat does not know is told at once."""
    with pytest.raises(KeyError):
        Chat("slack", ["no such word"])
