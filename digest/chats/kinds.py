"""The chats as data: what each answers to a message that it takes, how it says no, and what it says no to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from digest.chats import rules
from digest.chats.replies import (
    data,
    discord,
    flow,
    google,
    lark,
    limited,
    mattermost,
    page,
    telegram,
    text,
    texts,
    zulip,
)
from digest.chats.rules import Body, Rule, holds, lacks, larger, longer, utf8, utf16, without
from digest.standin import Reply, Request


@dataclass(frozen=True, slots=True)
class Manners:
    """
    How one kind of chat behaves.

    Attributes:
        path:
            Path and query of a webhook's URL.
        takes:
            Makes the answer to a message, from the request and the number of
            messages before it.
        replies:
            Its other answers, by name.
        unread:
            Which of them a body earns that is no JSON object.
        rules:
            Which of them a message earns: the first whose rule says no.
        lacking:
            Rules that hold where the chat lacks a feature, by the feature's name.
        shows:
            What people see of a message that was taken: none, one or several.
        name:
            What names a message, so that a second of that name is not shown;
            empty if messages have no names.
    """

    path: str
    takes: Callable[[Request, int], Reply]
    replies: Mapping[str, Reply]
    unread: str
    rules: Sequence[tuple[str, Rule]] = ()
    lacking: Mapping[str, tuple[str, Rule]] = field(default_factory=dict)
    shows: Callable[[Body], Sequence[Body]] = lambda body: [body]
    name: Callable[[Request], str] = lambda _: ""


CHATS: Mapping[str, Manners] = {
    "slack": Manners(
        path=f"/services/T00000000/B00000000/{'X' * 24}",
        takes=lambda *_: text(200, "ok"),
        replies={
            **texts(400, "invalid_payload", "no_text", "invalid_blocks", "user_not_found", "msg_blocks_too_long"),
            **texts(403, "action_prohibited", "posting_to_general_channel_denied", "invalid_token"),
            **texts(404, "channel_not_found", "no_service", "no_team", "no_active_hooks"),
            **texts(410, "channel_is_archived"),
            **texts(500, "rollup_error"),
            "invalid_attachments": text(400, "invalid_attachments: only_one_table_allowed"),
            "busy": text(429, "rate_limited", Retry_After="3"),
            "not Slack": page(200, "Sign in"),
        },
        unread="invalid_payload",
        rules=(
            ("internal error", rules.slack_has("markdown")),
            ("no_text", lacks("text", "blocks")),
            ("invalid_attachments", rules.slack_has("table", most=1)),
            ("invalid_blocks", rules.slack_malformed),
            ("msg_blocks_too_long", rules.slack_long),
        ),
        lacking={
            "tables": ("invalid_blocks", rules.slack_has("table")),
            "blocks": ("internal error", holds("blocks")),
        },
    ),
    "slack-workflow": Manners(
        path="/triggers/T00000000/0000000000000/0123456789abcdef0123456789abcdef",
        takes=lambda *_: data(200, {"ok": True}),
        replies={
            "invalid": data(400, {"ok": False, "error": "invalid_webhook_trigger_payload"}),
            "gone": data(404, {"ok": False, "error": "trigger_not_found"}),
            "busy": data(429, {"ok": False, "error": "ratelimited"}, Retry_After="3"),
        },
        unread="invalid",
        shows=rules.workflow_shows,
    ),
    "discord": Manners(
        path=f"/api/webhooks/000000000000000000/{'X' * 68}",
        takes=lambda request, count: (
            data(200, {"id": str(count), **request.json()}) if request.query.get("wait") == "true" else text(204)
        ),
        replies={
            "too long": discord(400, 50035, "Invalid Form Body", errors={"content": {"_errors": []}}),
            "empty": discord(400, 50006, "Cannot send an empty message"),
            "forum": discord(400, 220001, "Webhooks posted to forum channels must have a thread_name or thread_id"),
            "harmful link": discord(400, 240000, "Message blocked by harmful links filter"),
            "invalid token": discord(401, 50027, "Invalid Webhook Token"),
            "gone": discord(404, 10015, "Unknown Webhook"),
            "request too large": discord(413, 40005, "Request entity too large"),
            "overloaded": discord(503, 130000, "API resource is currently overloaded. Try again a little later"),
            "busy": limited(1.337, Retry_After="2"),
            "busy, in the body alone": limited(64.57),
            "cloudflare": page(403, "error code: 1010"),
        },
        unread="too long",
        rules=(
            ("cloudflare", lambda request, _: not request.headers.get("user-agent", "").startswith("DiscordBot (")),
            ("empty", lacks("content", "embeds")),
            ("too long", longer("content", 2_000, utf16)),
        ),
    ),
    "teams": Manners(
        path="/workflows/0123456789abcdef/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers&sv=1.0&sig=0123",
        takes=lambda *_: text(202),
        replies={
            **flow(400, "TriggerInputSchemaMismatch"),
            **flow(400, "WorkflowTriggerIsNotEnabled"),
            **flow(401, "DirectApiAuthorizationRequired"),
            **flow(404, "WorkflowNotFound"),
            "busy": data(429, {"error": {"code": "TooManyRequests", "message": "Too many."}}, Retry_After="10"),
        },
        unread="TriggerInputSchemaMismatch",
        rules=(("DirectApiAuthorizationRequired", without("sig")),),
        shows=rules.teams_shows,
    ),
    "google-chat": Manners(
        path="/v1/spaces/AAAA/messages?key=0123&token=0123",
        takes=lambda request, count: data(200, {"name": f"spaces/AAAA/messages/{count}", **request.json()}),
        replies={
            "invalid": google(400, "INVALID_ARGUMENT", "Invalid JSON payload received."),
            "too long": google(400, "INVALID_ARGUMENT", "Message is longer than 4096 characters"),
            "no markup": google(400, "INVALID_ARGUMENT", 'Unknown name "markupSyntax": Cannot find field.'),
            "bad key": google(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
            "forbidden": google(403, "PERMISSION_DENIED", "The caller does not have permission"),
            "gone": google(404, "NOT_FOUND", "Webhook not found."),
            "same messageId": google(409, "ALREADY_EXISTS", "Requested entity already exists"),
            "busy": google(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
        },
        unread="invalid",
        rules=(
            ("forbidden", without("token")),
            ("bad key", without("key")),
            ("invalid", lacks("text")),
            ("too long", longer("text", 4_096, utf16)),
            ("too long", larger(32_000)),
        ),
        lacking={"markupSyntax": ("no markup", holds("markupSyntax"))},
        name=lambda request: request.query.get("requestId", ""),
    ),
    "mattermost": Manners(
        path=f"/hooks/{'x' * 26}",
        takes=lambda *_: text(200, "ok"),
        replies={
            "invalid": mattermost(400, "web.incoming_webhook.parse.app_error", "Unable to parse incoming data."),
            "no text": mattermost(400, "web.incoming_webhook.text.app_error", "No text specified."),
            "gone": mattermost(404, "app.webhooks.get_incoming.app_error", "Unable to get the webhook."),
            "locked": mattermost(403, "web.incoming_webhook.channel_locked.app_error", "Not permitted here."),
            "busy": text(429, "limit exceeded", Retry_After="2"),
        },
        unread="invalid",
        rules=(("no text", lacks("text")),),
        # The server cuts a longer text anywhere.
        shows=rules.chopped("text", 16_383),
    ),
    "rocketchat": Manners(
        path=f"/hooks/{'x' * 17}/{'x' * 43}",
        takes=lambda *_: data(200, {"success": True}),
        replies={
            "invalid": data(400, {"success": False, "error": "error-invalid-message"}),
            "too long": data(400, {"success": False, "error": "error-message-size-exceeded"}),
            "no override": data(400, {"success": False, "error": "overriding destination channel is disabled"}),
            "gone": data(401, {"success": False, "error": "Invalid integration id or token provided."}),
            "script failed": data(200, {"success": False, "error": "the script took another way"}),
            "busy": data(429, {"success": False, "error": "too many requests"}, Retry_After="6"),
        },
        unread="invalid",
        rules=(
            ("no override", holds("channel", "roomId")),
            ("invalid", lacks("text")),
            ("too long", longer("text", 5_000, utf16)),
        ),
    ),
    "zulip": Manners(
        path="/api/v1/external/slack_incoming?api_key=0123&stream=digest",
        takes=lambda *_: data(200, {"result": "success", "msg": ""}),
        replies={
            "invalid": zulip(400, "BAD_REQUEST", "Malformed JSON"),
            "no content": zulip(400, "BAD_REQUEST", "Message must not be empty"),
            "unknown block": zulip(400, "BAD_REQUEST", "Unknown block type"),
            "no stream": zulip(404, "STREAM_DOES_NOT_EXIST", "Channel 'digest' does not exist"),
            "bad key": zulip(401, "INVALID_API_KEY", "Invalid API key"),
            "not in the stream": data(200, {"result": "error", "msg": "Not authorized to send to channel 'digest'"}),
            "busy": data(429, {"result": "error", "code": "RATE_LIMIT_HIT", "msg": "Too often", "retry-after": 28.7}),
        },
        unread="invalid",
        rules=(
            ("bad key", without("api_key")),
            ("unknown block", rules.slack_has("rich_text")),
            ("unknown block", rules.slack_has("table")),
            ("no content", lacks("text")),
        ),
        shows=rules.cut("text", 10_000),
    ),
    "telegram": Manners(
        path=f"/bot00000:{'x' * 35}/sendMessage?chat_id=-1000",
        takes=lambda _, count: data(200, {"ok": True, "result": {"message_id": count}}),
        replies={
            "invalid": telegram(400, "Bad Request: can't parse JSON"),
            "no chat": telegram(400, "Bad Request: chat_id is empty"),
            "chat not found": telegram(400, "Bad Request: chat not found"),
            "migrated": telegram(400, "Bad Request: group chat was upgraded", migrate_to_chat_id=-1001),
            "empty": telegram(400, "Bad Request: message text is empty"),
            "too long": telegram(400, "Bad Request: message is too long"),
            "bad HTML": telegram(400, "Bad Request: can't parse entities: Unsupported start tag"),
            "bad token": telegram(401, "Unauthorized"),
            "kicked": telegram(403, "Forbidden: bot was kicked from the group chat"),
            "gone": telegram(404, "Not Found"),
            "conflict": telegram(409, "Conflict: terminated by other getUpdates request"),
            "busy": telegram(429, "Too Many Requests: retry after 35", retry_after=35),
            "not Telegram": page(200, "Sign in"),
        },
        unread="invalid",
        rules=(
            ("gone", lambda request, _: not request.path.endswith("/sendMessage")),
            ("no chat", lacks("chat_id")),
            ("bad HTML", rules.telegram_broken),
            ("empty", rules.telegram_silent),
            ("too long", rules.telegram_longer(4_096)),
        ),
    ),
    "webex": Manners(
        path=f"/v1/webhooks/incoming/{'X' * 70}",
        takes=lambda *_: text(204),
        replies={
            "invalid": data(400, {"message": "The request could not be understood by the server."}),
            "too long": data(400, {"message": "Message length limited to 7439 bytes."}),
            "gone": data(404, {"message": "Incoming webhook not found"}),
            "busy": data(429, {"message": "Too many requests"}, Retry_After="5"),
        },
        unread="invalid",
        rules=(
            ("invalid", lacks("markdown", "text")),
            ("too long", longer("markdown", 7_439, utf8)),
        ),
    ),
    "lark": Manners(
        path="/open-apis/bot/v2/hook/00000000-0000-0000-0000-000000000000",
        takes=lambda *_: data(200, {"code": 0, "msg": "success", "data": {}}),
        replies={
            "invalid": lark(9499, "Bad Request"),
            "gone": lark(19001, "param invalid: incoming webhook access token invalid"),
            "signature": lark(19021, "sign match fail or timestamp is not within one hour from current time"),
            "key words": lark(19024, "Key Words Not Found"),
            "too long": lark(19036, "request body too large"),
            "busy": lark(11232, "frequency limited"),
            "busy, in words": lark(9499, "too many request"),
        },
        unread="invalid",
        rules=(
            ("too long", larger(20_000)),
            ("invalid", rules.lark_malformed),
        ),
    ),
    "json": Manners(
        path="/hooks/catch/0123/0123456789abcdef",
        takes=lambda *_: data(200, {"status": "success"}),
        replies={
            "invalid": text(400, "Bad Request"),
            "queue full": text(400, "Queue is full."),
            "not registered": data(404, {"code": 404, "message": "The requested webhook is not registered."}),
            "gone": text(410, "There is no scenario listening for this webhook."),
            "busy": text(429, "Too many requests", Retry_After="4"),
        },
        unread="invalid",
        name=lambda request: request.headers.get("idempotency-key", ""),
    ),
}
