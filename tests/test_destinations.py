"""Each destination before its chat, which is played: what the digest makes of every answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

import httpx
import pytest
from fakes import FakeClock, FakeNetwork, Run

from digest.chats import ANYWHERE, CHATS, SILENCE, Chat
from digest.clock import Clock
from digest.config import Webhook
from digest.deliver import Result, deliver
from digest.destinations import DESTINATIONS, Message, detect
from digest.markdown import parse
from digest.standin import Request, serving

#: Where each kind is at home; the rest of a URL is the chat's own `path`.
HOSTS: Mapping[str, str] = {
    "slack": "hooks.slack.com",
    "slack-workflow": "hooks.slack.com",
    "discord": "discord.com",
    "teams": "prod-00.westeurope.logic.azure.com",
    "google-chat": "chat.googleapis.com",
    "telegram": "api.telegram.org",
    "webex": "webexapis.com",
    "lark": "open.larksuite.com",
    "zulip": "zulip.example.test",
    "rocketchat": "rocketchat.example.test",
    "mattermost": "mattermost.example.test",
    "json": "hooks.example.test",
}
MARKDOWN = """\
# CreatorAudit — weekly recap

Last 7 days, to 22 Nov 2026

- Total views: **1.28M** (▲ 12.5%)
- Engagement rate: **4.23%** ([why](https://example.test/why))

| creator | views |
| --- | ---: |
| Zoë Nguyễn | 412.9K |
| Marta \\*la chef\\* | 190.4K |

## Top creators

1. **Zoë Nguyễn** has *412.9K* views
2. ~~Łukasz 🎥~~

> Said `so`.

---

```text
a  b
```
"""
MESSAGE = Message(
    title="CreatorAudit — weekly recap",
    markdown=MARKDOWN,
    blocks=parse(MARKDOWN),
    data={"days": 7},
    id="0b54b4de-2a0f-4fd0-8d3f-6a4b3c9f1e11",
    sent_at="2026-11-22T06:17:00+00:00",
    more_url="https://example.test/run",
)
#: In two parts at least, wherever there is a limit.
LONG = "\n\n".join(f"n{number}n {'a word ' * 60}" for number in range(60))


@dataclass
class World:
    """One chat behind a real one's URL, and a clock that does not wait."""

    clock: FakeClock = field(default_factory=FakeClock)
    network: FakeNetwork = field(default_factory=FakeNetwork)

    def deliver(self, chat: Chat, kind: str, message: Message = MESSAGE) -> Result:
        """Post *message* to *chat* and return how that ended."""
        url = webhook_url(kind)
        self.network.on("POST", url.partition("?")[0], answers(chat))
        with httpx.Client(transport=self.network, trust_env=False) as chats:
            (result,) = deliver(chats, message, [Webhook(kind, HOSTS[kind], url)], self.clock.clock())
        return result


@pytest.fixture
def world() -> World:
    """Return a world without a chat."""
    return World()


def webhook_url(kind: str) -> str:
    """Return the URL of a webhook of *kind*."""
    return f"https://{HOSTS[kind]}{CHATS[kind].path}"


def answers(chat: Chat) -> Callable[[httpx.Request], httpx.Response]:
    """Return *chat* as a network answers with it; where it is silent, time runs out."""

    def answer(request: httpx.Request) -> httpx.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        asked = Request(request.method, request.url.path, dict(request.url.params), headers, request.content)
        reply = chat(asked)
        if reply is SILENCE:
            message = "no answer"
            raise httpx.ReadTimeout(message, request=request)
        return httpx.Response(reply.status, content=reply.body, headers=dict(reply.headers))

    return answer


@dataclass(frozen=True)
class End:
    """How a delivery is to end whose first request meets a fault; no other request does."""

    status: str
    attempts: int = 1
    waits: tuple[float, ...] = ()
    says: str = ""


def again(wait: float) -> End:
    """The same is sent again, after *wait*, and is accepted."""
    return End("accepted", 2, (wait,))


def no(says: str) -> End:
    """Nothing is sent again, and the user is told what to do."""
    return End("failed", says=says)


REMOVED = no("the webhook was removed or may not post")
DISLIKED = no("the receiver did not like the message")
TOO_LONG = no("the message is too long for this chat")
UNKNOWN = End("unknown", says="the message may have been posted: look into the chat")
#: Of every chat, but for what is said of one below.
USUAL: Mapping[str, End] = {
    "silence": UNKNOWN,
    "method not allowed": DISLIKED,
    "redirect": no("redirects are not followed"),
    "too large": TOO_LONG,
    "internal error": again(0.5),
    "bad gateway": again(0.5),
    "unavailable": again(0.5),
    "gateway timeout": again(0.5),
    "proxy is busy": again(7.0),
    "busy for an hour": no("asked to wait 3600 s, longer than the 90 s that this action waits"),
}
ENDS: Mapping[str, Mapping[str, End]] = {
    "slack": {
        "internal error": again(1.1),
        "invalid_payload": again(1.1),
        "invalid_blocks": again(1.1),
        "invalid_attachments": again(1.1),
        "msg_blocks_too_long": again(1.1),
        "rollup_error": again(1.1),
        "no_text": again(1.1),
        "user_not_found": no("the person whom the webhook writes to is gone"),
        "action_prohibited": no("the workspace does not let this webhook post"),
        "posting_to_general_channel_denied": no("the workspace does not let webhooks post to #general"),
        "invalid_token": REMOVED,
        "channel_not_found": no("the webhook's channel is gone; make a webhook for another one"),
        "channel_is_archived": no("the webhook's channel is archived; make a webhook for another one"),
        "no_service": REMOVED,
        "no_team": REMOVED,
        "no_active_hooks": REMOVED,
        "busy": again(3.0),
        "not Slack": no("this is not how Slack says yes"),
    },
    "slack-workflow": {"invalid": no("give the workflow a text variable"), "gone": REMOVED, "busy": again(3.0)},
    "discord": {
        "too long": DISLIKED,
        "empty": DISLIKED,
        "forum": no("the channel is a forum: add ?thread_id="),
        "harmful link": DISLIKED,
        "invalid token": REMOVED,
        "gone": REMOVED,
        "request too large": TOO_LONG,
        "overloaded": again(0.5),
        "busy": again(2.0),
        "busy, in the body alone": again(64.57),
        "cloudflare": no("Discord's firewall turned this runner away"),
    },
    "teams": {
        "TriggerInputSchemaMismatch": no("the workflow expects another body"),
        "WorkflowTriggerIsNotEnabled": no("the workflow is switched off; switch it on in Power Automate"),
        "DirectApiAuthorizationRequired": no("set the workflow's trigger to 'Anyone'"),
        "WorkflowNotFound": no("the workflow was removed; make a new one"),
        "busy": again(10.0),
    },
    "google-chat": {
        "silence": again(0.5),
        "invalid": again(1.1),
        "too long": again(1.1),
        "no markup": again(1.1),
        "bad key": REMOVED,
        "forbidden": REMOVED,
        "gone": REMOVED,
        "same messageId": no("remove messageId= from the URL"),
        "busy": again(0.5),
    },
    "mattermost": {"invalid": DISLIKED, "no text": DISLIKED, "gone": REMOVED, "locked": REMOVED, "busy": again(2.0)},
    "rocketchat": {
        "unavailable": no("the integration is switched off"),
        "invalid": DISLIKED,
        "too long": DISLIKED,
        "no override": DISLIKED,
        "gone": REMOVED,
        "script failed": no("the server did not take the message; look at the integration's script"),
        "busy": again(6.0),
    },
    "zulip": {
        "invalid": DISLIKED,
        "no content": DISLIKED,
        "unknown block": DISLIKED,
        "no stream": REMOVED,
        "bad key": REMOVED,
        "not in the stream": no("look at the bot's stream and topic"),
        "busy": again(28.7),
    },
    "telegram": {
        "invalid": no("check chat_id= in the URL"),
        "no chat": no("check chat_id= in the URL"),
        "chat not found": no("check chat_id= in the URL"),
        "migrated": no("the group has a new id"),
        "empty": no("check chat_id= in the URL"),
        "too long": no("check chat_id= in the URL"),
        "bad HTML": again(1.1),
        "bad token": REMOVED,
        "kicked": no("the bot is a member of that chat"),
        "gone": REMOVED,
        "conflict": DISLIKED,
        "busy": again(35.0),
        "not Telegram": no("this is not how Telegram says yes"),
    },
    "webex": {"invalid": DISLIKED, "too long": DISLIKED, "gone": REMOVED, "busy": again(5.0)},
    "lark": {
        "invalid": again(0.5),
        "gone": no("make a new bot"),
        "signature": no("the bot asks for a signature"),
        "key words": no("the bot takes only messages with one of its key words"),
        "too long": TOO_LONG,
        "busy": again(0.5),
        "busy, in words": again(0.5),
    },
    "json": {
        "silence": again(0.5),
        "invalid": DISLIKED,
        "queue full": DISLIKED,
        "not registered": no("switch the workflow on, and use the URL for production"),
        "gone": REMOVED,
        "busy": again(4.0),
    },
}
FAULTS = [(kind, name, end) for kind in CHATS for name, end in {**USUAL, **ENDS[kind]}.items()]


def test_chats__are_the_destinations() -> None:
    """Every kind of destination has a chat that plays it, and what each may answer is expected here."""
    assert set(DESTINATIONS) == set(CHATS) == set(HOSTS) == set(ENDS)
    assert {kind: {*ANYWHERE, *chat.replies} for kind, chat in CHATS.items()} == {
        kind: {*USUAL, *ends} for kind, ends in ENDS.items()
    }


@pytest.mark.parametrize("kind", CHATS)
def test_path__is_one_of_the_kind(kind: str) -> None:
    """The URL of a played chat, on the host of the real one, is recognised, and nothing is wrong with it."""
    url = urlsplit(webhook_url(kind))
    assert detect(url) == kind
    DESTINATIONS[kind].check(url)


@pytest.mark.parametrize("kind", CHATS)
def test_action__is_accepted(kind: str, network: FakeNetwork, clock: FakeClock, run: Callable[..., Run]) -> None:
    """The whole action posts the weekly sample once, to each kind of chat, and its people see it."""
    chat = Chat(kind)
    url = f"https://chat.example.test{CHATS[kind].path}"
    network.on("POST", url.partition("?")[0], answers(chat))
    done = run(webhook_url=f"{kind} {url}")
    assert (done.code, done.errors) == (0, [])
    (result,) = json.loads(done.outputs["results"])
    assert (result["kind"], result["status"], result["parts"], result["attempts"]) == (kind, "accepted", 1, 1)
    assert (len(chat.received), len(chat.shown), clock.waits) == (1, 1, [])
    assert "Zoë Nguyễn" in json.dumps(chat.shown, ensure_ascii=False)


@pytest.mark.parametrize("kind", CHATS)
def test_action__over_sockets(kind: str) -> None:
    """Over real sockets too the message reaches people, at the path and with the query of the real chat."""
    chat = Chat(kind)
    with serving(chat) as root, httpx.Client(trust_env=False) as chats:
        url = f"{root}{CHATS[kind].path}"
        (result,) = deliver(chats, MESSAGE, [Webhook(kind, "127.0.0.1", url)], Clock())
    assert (result.status, result.error, len(chat.shown)) == ("accepted", "", 1)


@pytest.mark.parametrize("kind", ["slack", "json"])
def test_silence__over_sockets(kind: str, world: World) -> None:
    """A connection that ends without an answer is an answer that was lost."""
    chat = Chat(kind, ["silence"])
    with serving(chat) as root, httpx.Client(trust_env=False) as chats:
        webhook = Webhook(kind, "127.0.0.1", f"{root}{CHATS[kind].path}")
        (result,) = deliver(chats, MESSAGE, [webhook], world.clock.clock())
    assert (result.status, result.attempts, len(chat.shown)) == ENDS_OF_SILENCE[kind]


ENDS_OF_SILENCE = {"slack": ("unknown", 1, 1), "json": ("accepted", 2, 1)}


@pytest.mark.parametrize(("kind", "fault", "end"), FAULTS)
def test_fault__ends_as_documented(world: World, kind: str, fault: str, end: End) -> None:
    """Each answer gives the right result, after the right number of tries and the waits that were asked for."""
    chat = Chat(kind, [fault])
    result = world.deliver(chat, kind)
    assert (result.status, result.attempts, tuple(world.clock.waits)) == (end.status, end.attempts, end.waits)
    assert end.says in result.error
    assert (result.error == "") is (end.status == "accepted")
    assert len(chat.received) == end.attempts
    assert len(chat.shown) == (end.status != "failed")


@pytest.mark.parametrize("kind", CHATS)
def test_busy__gives_up_after_four_tries(world: World, kind: str) -> None:
    """A chat that stays busy is asked four times, at least as far apart as it says, and the user is told to wait."""
    chat = Chat(kind, ["busy"] * 5)
    result = world.deliver(chat, kind)
    (wait,) = ENDS[kind]["busy"].waits
    expected = [max(wait, backoff) for backoff in (0.5, 1.0, 2.0)]
    assert (result.status, result.attempts, world.clock.waits) == ("failed", 4, expected)
    assert result.error.endswith("re-run the job later")
    assert (len(chat.received), chat.shown) == (4, [])


@pytest.mark.parametrize("kind", [kind for kind in CHATS if DESTINATIONS[kind].idempotent])
def test_lost_answer__is_asked_for_again(world: World, kind: str) -> None:
    """A chat that knows a message by its id is asked again with the same id, and shows the message once."""
    chat = Chat(kind, ["silence", "bad gateway", "silence"])
    result = world.deliver(chat, kind)
    assert (result.status, result.attempts, len(chat.shown)) == ("accepted", 4, 1)
    assert {CHATS[kind].name(request) for request in chat.received} == {f"{MESSAGE.id}-0"}
    assert [MESSAGE.id] * 4 == [request.json()["id"] for request in chat.received if kind == "json"] or kind != "json"


def test_idempotent__are_two() -> None:
    """Only Google Chat, and receivers of JSON, know a message by an id."""
    known = {kind for kind in CHATS if CHATS[kind].name(_with_ids())}
    assert {kind for kind in CHATS if DESTINATIONS[kind].idempotent} == {"google-chat", "json"} == known


def _with_ids() -> Request:
    return Request("POST", "/", {"requestId": "1"}, {"idempotency-key": "1"})


# --- Several parts ------------------------------------------------------------


def long() -> Message:
    """Return a message that no chat takes whole."""
    return replace(MESSAGE, markdown=LONG, blocks=parse(LONG))


LIMITED = [kind for kind in CHATS if kind != "json"]


@pytest.mark.parametrize("kind", LIMITED)
def test_parts__come_in_order_with_pauses(world: World, kind: str) -> None:
    """A long message is posted in parts, in order, with the chat's pause between two; the chat cuts none."""
    chat = Chat(kind)
    result = world.deliver(chat, kind, long())
    assert (result.status, result.error) == ("accepted", "")
    assert 2 <= result.parts <= 5
    assert (len(chat.received), len(chat.shown)) == (result.parts, result.parts)
    assert world.clock.waits == [DESTINATIONS[kind].pause] * (result.parts - 1)
    said = json.dumps([request.json() for request in chat.received], ensure_ascii=False)
    found = [number for number in range(60) if f"n{number}n" in said]
    assert found == list(range(len(found)))
    assert result.truncated is (found != list(range(60)))
    assert ("The message is cut here" in said) is result.truncated


def test_parts__json_has_one(world: World) -> None:
    """Where there is no limit a long message is one part."""
    chat = Chat("json")
    result = world.deliver(chat, "json", long())
    assert (result.parts, result.truncated, len(chat.shown)) == (1, False, 1)


@pytest.mark.parametrize("kind", LIMITED)
def test_parts__truncate(world: World, kind: str) -> None:
    """With `truncate` a long message is one part, which says how much is left out and leads to the whole."""
    chat = Chat(kind)
    result = world.deliver(chat, kind, replace(long(), overflow="truncate"))
    assert (result.status, result.parts, result.truncated) == ("accepted", 1, True)
    said = json.dumps(chat.shown, ensure_ascii=False)
    assert "characters are left out" in said
    assert MESSAGE.more_url is not None
    assert MESSAGE.more_url in said


@pytest.mark.parametrize("kind", LIMITED)
@pytest.mark.parametrize(("fault", "status"), [("too large", "failed"), ("silence", "unknown")])
def test_parts__end_with_the_first_that_fails(world: World, kind: str, fault: str, status: str) -> None:
    """After a part that was not accepted no other is sent; the result counts those that were."""
    if kind == "google-chat" and fault == "silence":
        fault, status = "forbidden", "failed"
    chat = Chat(kind, ["", fault])
    result = world.deliver(chat, kind, long())
    assert (result.status, result.parts, result.attempts, len(chat.received)) == (status, 1, 2, 2)


@pytest.mark.parametrize("kind", LIMITED)
def test_parts__go_on_after_a_wait(world: World, kind: str) -> None:
    """A part that the chat was too busy for is sent again before the next one; no part is lost or doubled."""
    calm, busy = Chat(kind), Chat(kind, ["", "busy"])
    expected = World().deliver(calm, kind, long())
    result = world.deliver(busy, kind, long())
    assert (result.status, result.parts, result.attempts) == ("accepted", expected.parts, expected.parts + 1)
    assert [dict(body) for body in busy.shown] == [dict(body) for body in calm.shown]


# --- What is special about one chat -------------------------------------------


def test_slack__table_then_preformatted_then_text() -> None:
    """A Slack that refuses tables gets the table as preformatted text; one that refuses blocks gets plain text."""
    whole, no_tables, no_blocks = Chat("slack"), Chat("slack", lacking=["tables"]), Chat("slack", lacking=["blocks"])
    ends = [World().deliver(chat, "slack") for chat in (whole, no_tables, no_blocks)]
    assert [(end.status, end.attempts) for end in ends] == [("accepted", 1), ("accepted", 2), ("accepted", 3)]
    types = [{block["type"] for block in chat.shown[0].get("blocks", ())} for chat in (whole, no_tables, no_blocks)]
    assert types == [{"header", "rich_text", "divider", "table"}, {"header", "rich_text", "divider"}, set()]
    assert "rich_text_preformatted" in json.dumps(no_tables.shown)
    assert all("Zoë Nguyễn" in chat.shown[0]["text"] for chat in (whole, no_tables, no_blocks))


def test_slack__ladder_has_an_end(world: World) -> None:
    """A Slack that refuses plain text too is asked three times, with a pause between, and it is called a bug."""
    chat = Chat("slack", ["invalid_blocks", "internal error", "internal error"])
    result = world.deliver(chat, "slack")
    assert (result.status, result.attempts, world.clock.waits) == ("failed", 3, [1.1, 1.1])
    assert result.error == "answered 500; Slack did not take the message even as plain text; report it as a bug"


def test_slack__ladder_for_each_part(world: World) -> None:
    """Each part climbs down by itself."""
    chat = Chat("slack", lacking=["blocks"])
    result = world.deliver(chat, "slack", long())
    assert (result.status, result.attempts) == ("accepted", 2 * result.parts)


def test_google_chat__falls_back_to_the_old_dialect(world: World) -> None:
    """A Google Chat that does not know `markupSyntax` gets its old dialect, under the same request id."""
    chat = Chat("google-chat", ["silence", "busy"], lacking=["markupSyntax"])
    result = world.deliver(chat, "google-chat")
    assert (result.status, result.attempts) == ("accepted", 4)
    first, *_, last = (request.json() for request in chat.received)
    assert first["markupSyntax"] == "MARKUP_SYNTAX_MARKDOWN"
    assert "**Zoë Nguyễn**" in first["text"]
    assert set(last) == {"text"}
    assert "*Zoë Nguyễn*" in last["text"]
    assert "**" not in last["text"]
    assert {request.query["requestId"] for request in chat.received} == {f"{MESSAGE.id}-0"}


def test_google_chat__each_part_has_an_id(world: World) -> None:
    """The parts of a message have ids of their own, or the chat would show the first only."""
    chat = Chat("google-chat")
    result = world.deliver(chat, "google-chat", long())
    assert [request.query["requestId"] for request in chat.received] == [f"{MESSAGE.id}-{n}" for n in range(5)]
    assert len(chat.shown) == result.parts


def test_google_chat__another_dialect_does_not_help(world: World) -> None:
    """A Google Chat that refuses both dialects is not asked a third time."""
    chat = Chat("google-chat", ["invalid", "invalid"])
    result = world.deliver(chat, "google-chat")
    assert (result.status, result.attempts) == ("failed", 2)
    assert "did not take the message in either dialect" in result.error


def test_discord__a_webhook_that_is_gone_is_not_called_again(world: World) -> None:
    """After a 404 Discord is not called again, neither for the same part nor for the next."""
    chat = Chat("discord", ["gone"])
    result = world.deliver(chat, "discord", long())
    assert (result.status, result.attempts, len(chat.received)) == ("failed", 1, 1)


def test_discord__is_asked_for_an_answer(world: World) -> None:
    """Discord answers with the message, as it is told to; nobody is mentioned, no link previewed, no thread lost."""
    chat = Chat("discord")
    url = f"{webhook_url('discord')}?thread_id=42"
    world.network.on("POST", webhook_url("discord"), answers(chat))
    with httpx.Client(transport=world.network, trust_env=False) as chats:
        deliver(chats, MESSAGE, [Webhook("discord", "discord.com", url)], world.clock.clock())
    (request,) = chat.received
    assert request.query == {"thread_id": "42", "wait": "true"}
    assert (request.json()["allowed_mentions"], request.json()["flags"]) == ({"parse": []}, 4)


def test_teams__gives_no_receipt(world: World) -> None:
    """An accepted card is called so, with the note that Teams gives no receipt."""
    result = world.deliver(Chat("teams"), "teams")
    assert (result.status, result.error) == ("accepted", "")
    assert result.note.startswith("Teams gives no receipt")


def test_teams__is_the_only_one_with_a_note(world: World) -> None:
    """Other chats need no note."""
    assert [kind for kind in CHATS if World().deliver(Chat(kind), kind).note] == ["teams"]
    assert world.clock.waits == []


def test_telegram__falls_back_to_plain_text(world: World) -> None:
    """A Telegram that cannot parse the HTML gets plain text."""
    chat = Chat("telegram", ["bad HTML"])
    world.deliver(chat, "telegram")
    assert [request.json().get("parse_mode") for request in chat.received] == ["HTML", None]
    assert [request.json()["chat_id"] for request in chat.received] == ["-1000"] * 2
    assert "<" not in chat.shown[0]["text"]


def test_all__at_the_same_time(world: World) -> None:
    """Each chat's end is its own: one that is gone keeps none from the message, and the order is that given."""
    chats = {kind: Chat(kind, ["gone"] if kind == "discord" else []) for kind in CHATS}
    for kind, chat in chats.items():
        world.network.on("POST", webhook_url(kind).partition("?")[0], answers(chat))
    webhooks = [Webhook(kind, HOSTS[kind], webhook_url(kind)) for kind in CHATS]
    with httpx.Client(transport=world.network, trust_env=False) as client:
        results = deliver(client, MESSAGE, webhooks, world.clock.clock())
    assert [result.kind for result in results] == list(CHATS)
    assert [result.kind for result in results if result.status != "accepted"] == ["discord"]


def test_results__never_hold_the_url(world: World) -> None:
    """No part of a webhook's URL but the host is in a result, whatever the chat says."""
    for kind, name, _ in FAULTS:
        result = repr(World().deliver(Chat(kind, [name] * 4), kind))
        path, _, query = CHATS[kind].path.partition("?")
        assert path not in result
        assert not query or query not in result
    assert world.network.requests == []


def _hints() -> Iterator[str]:
    """Yield what is said about each answer that ends a delivery."""
    for kind, name, end in FAULTS:
        if end.status == "failed":
            yield World().deliver(Chat(kind, [name]), kind).error


def test_advice__is_one_line() -> None:
    """Whatever a chat answers, the user gets one line: the status, the server's words, and what to do."""
    hints = list(_hints())
    assert [hint for hint in hints if not re.fullmatch(r"answered \d{3}.*; .+", hint)] == []
    assert len(hints) > 50
