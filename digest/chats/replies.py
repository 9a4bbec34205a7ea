"""How chats answer: each vendor's form of no, and what may befall a request to any of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from digest.chats.rules import Body
from digest.standin import Reply

#: The connection ends without an answer.
SILENCE = Reply(0, b"")


def text(status: int, words: str = "", **headers: str) -> Reply:
    """Answer in words."""
    return Reply(status, words.encode(), {"Content-Type": "text/plain", **_named(headers)})


def page(status: int, words: str, **headers: str) -> Reply:
    """Answer with a page, as what stands before a chat does."""
    return Reply(status, f"<html>{words}</html>".encode(), {"Content-Type": "text/html", **_named(headers)})


def data(status: int, body: Body, **headers: str) -> Reply:
    """Answer in JSON."""
    return Reply(status, json.dumps(body).encode(), {"Content-Type": "application/json", **_named(headers)})


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def texts(status: int, *words: str) -> dict[str, Reply]:
    """Answer with nothing but a word, by that word."""
    return {word: text(status, word) for word in words}


def discord(status: int, code: int, message: str, **more: Any) -> Reply:
    """Say no as Discord does."""
    return data(status, {"message": message, "code": code, **more})


def limited(seconds: float, **headers: str) -> Reply:
    """Say that it is too often as Discord does."""
    return data(429, {"message": "You are being rate limited.", "retry_after": seconds, "global": False}, **headers)


def flow(status: int, code: str) -> dict[str, Reply]:
    """Say no as Power Automate does, by the code."""
    return {code: data(status, {"error": {"code": code, "message": f"{code}."}})}


def google(code: int, status: str, message: str) -> Reply:
    """Say no as Google does."""
    return data(code, {"error": {"code": code, "message": message, "status": status}})


def mattermost(status: int, name: str, message: str) -> Reply:
    """Say no as Mattermost does."""
    return data(status, {"id": name, "message": message, "status_code": status})


def telegram(status: int, description: str, **parameters: int) -> Reply:
    """Say no as Telegram does."""
    more = {"parameters": parameters} if parameters else {}
    return data(status, {"ok": False, "error_code": status, "description": description, **more})


def lark(code: int, message: str) -> Reply:
    """Say no as Lark does, with success as the status."""
    return data(200, {"code": code, "msg": message, "data": {}})


def zulip(status: int, code: str, message: str, **more: float) -> Reply:
    """Say no as Zulip does."""
    return data(status, {"result": "error", "code": code, "msg": message, **more})


#: What may befall a request to any chat, most of it before it gets there.
ANYWHERE: Mapping[str, Reply] = {
    "silence": SILENCE,
    "method not allowed": text(405, "Method Not Allowed"),
    "redirect": Reply(302, b"", {"Location": "https://elsewhere.example.test/"}),
    "too large": text(413, "Request Entity Too Large"),
    "internal error": text(500),
    "bad gateway": page(502, "502 Bad Gateway"),
    "unavailable": text(503, "Service Unavailable"),
    "gateway timeout": text(504, "upstream request timeout"),
    "proxy is busy": page(429, "You are being rate limited", Retry_After="7"),
    "busy for an hour": text(429, "Too Many Requests", Retry_After="3600"),
}
