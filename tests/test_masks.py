"""What is masked of secrets, and hidden in whatever form others write it."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Mapping
from urllib.parse import quote, quote_plus, unquote

import pytest

from digest.inputs import variable
from digest.masks import hidden, hidden_text, of_url, secrets, written

KEY = "ca_live_0123456789abcdef"
URL = "https://chat.example.test/in/T0001/tok_0123456789abcdef"
TOKEN = "ghs_0123456789abcdef"
WAYS: Mapping[str, Callable[[str], str]] = {
    "as it is": str,
    "quoted": quote,
    "quoted whole": lambda text: quote(text, safe=""),
    "quoted in lower case": lambda text: re.sub("%..", lambda code: code[0].lower(), quote(text, safe="")),
    "quoted as a form": quote_plus,
    "decoded": unquote,
    "in JSON": json.dumps,
    "in PHP's JSON": lambda text: json.dumps(text).replace("/", "\\/"),
    "in HTML": html.escape,
}


def _environ(**inputs: str) -> dict[str, str]:
    given = {"api-key": KEY, "webhook-url": URL, **{name.replace("_", "-"): value for name, value in inputs.items()}}
    return {variable(name): value for name, value in given.items()}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("secret", [KEY, "/in/T1/to ken&more=", "sig%2Fnature%3D0123", 'k+0/1=2%&"<9'])
def test_hidden__however_it_is_written(secret: str, way: str) -> None:
    """Nothing is left of a secret that a server repeats in its own way."""
    text = WAYS[way](secret).strip('"')
    assert hidden_text(f"a {text} \ud800", [secret]) == "a *** \ud800"
    assert hidden(b"\xff " + text.encode(), written([secret])) == b"\xff ***"


def test_hidden__longest_first() -> None:
    """A part of a secret does not keep the whole from being hidden."""
    assert hidden_text(f"at {URL}.", of_url(URL)) == "at ***."


def test_hidden__nothing_short() -> None:
    """What is too short to be a secret is left, or there would be no words."""
    assert hidden_text("a b c", ["", "a", "b c"]) == "a b c"


def test_secrets__whole_and_parts() -> None:
    """Key, token and URL are masked, and what of the URL would be as good as the whole; longest first."""
    url = "https://chat.example.test/hooks/T0001/tok_0123456789?token=qry_0123456789&n=1"
    assert secrets(_environ(webhook_url=f" slack  {url}\n", github_token=TOKEN)) == [
        f"slack  {url}",
        url,
        "/hooks/T0001/tok_0123456789?token=qry_0123456789&n=1",
        "/hooks/T0001/tok_0123456789",
        KEY,
        "token=qry_0123456789&n=1",
        TOKEN,
        "qry_0123456789",
        "tok_0123456789",
    ]


def test_of_url__each_segment() -> None:
    """A token inside of a path is masked too, as Telegram's; names of an API are not."""
    token = "bot1234567890:tok_0123456789"
    parts = of_url(f"https://api.telegram.org/{token}/sendMessage?chat_id=-100123")
    assert token in parts
    assert {"sendMessage", "api.telegram.org"} & set(parts) == set()
    assert "slack_incoming" not in of_url("https://z.test/api/slack_incoming/x?api_key=0123456789")


def test_secrets__words_are_not_masked() -> None:
    """A last segment that is a word would be masked all over the log; a long one is no word."""
    masked = secrets(_environ(webhook_url="https://chat.test/v1/spaces/messages?key=abcdefghijklmnopqrst"))
    assert "messages" not in masked
    assert "abcdefghijklmnopqrst" in masked


@pytest.mark.parametrize("line", ["", " ", "\n\n", "https://a.b/", "a b", "json"])
def test_secrets__nothing_short(line: str) -> None:
    """What is shorter than eight characters is not masked, but for the URL it is part of."""
    masked = secrets(_environ(api_key="short", webhook_url=line))
    assert masked == ([line] if len(line) >= 8 else [])


@pytest.mark.parametrize("separator", [" ", "\t", "  \t "])
def test_secrets__url_behind_a_kind(separator: str) -> None:
    """A URL is masked whatever white space stands before it."""
    assert URL in secrets(_environ(webhook_url=f"json{separator}{URL}"))


def test_secrets__of_invalid_inputs() -> None:
    """What is refused is masked as well: other steps may print it."""
    masked = secrets(
        _environ(api_key="“0123456789”", webhook_url="http://user:passw0rd@chat.example.test/in/tok_01234")
    )
    assert {"“0123456789”", "tok_01234", "/in/tok_01234"} <= set(masked)
