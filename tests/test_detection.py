"""A chat is known by its URL: by the whole host, and by the path where teams run their own server."""

from __future__ import annotations

import pytest
from payloads import URLS

from digest.config import Config
from digest.errors import InputError
from digest.standin import API_KEY

TOKEN = "x" * 68
HOOK = "https://discord.com/api/webhooks/000000000000000000"
FLOW = "/workflows/0123abc/triggers/manual/paths/invoke?api-version=1&sig=0123"
TELEGRAM = f"https://api.telegram.org/bot12345:{'x' * 35}"


def webhook(line: str) -> tuple[str, str]:
    """Return kind and host of one line of `webhook-url`."""
    config = Config.from_environ({"DIGEST_API_KEY": API_KEY, "DIGEST_WEBHOOK_URL": line})
    [found] = config.webhooks
    return found.kind, found.host


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        *((url, kind) for kind, url in URLS.items()),
        ("https://hooks.slack-gov.com/services/T000/B000/XXXX", "slack"),
        ("https://hooks.slack.com/workflows/T000/A000/1234/abcd", "slack-workflow"),
        (f"https://ptb.discord.com/api/v10/webhooks/000000000000000000/{TOKEN}?thread_id=1", "discord"),
        (f"https://discordapp.com/api/webhooks/000000000000000000/{TOKEN}/slack", "discord"),
        (f"{HOOK}/{TOKEN}/github", "discord"),
        (f"https://prod-1.westus.logic.azure.com:443{FLOW}", "teams"),
        (f"https://default01.0a.environment.api.powerplatform.com/powerautomate/automations/direct{FLOW}", "teams"),
        ("https://HOOKS.SLACK.COM/services/T000/B000/XXXX", "slack"),
        ("https://api.ciscospark.com/v1/webhooks/incoming/abc", "webex"),
        ("https://open.feishu.cn/open-apis/bot/v2/hook/ab-c", "lark"),
        ("https://team.example.com/sub/hooks/abcdefghijklmnopqrstuvwxyz", "mattermost"),
        (f"https://team.example.com/hooks/{'a' * 17}/{'b' * 40}", "rocketchat"),
        ("https://team.example.com/api/v1/external/slack_incoming?api_key=1&stream=s", "zulip"),
        ("https://hooks.zapier.com/hooks/catch/123/abc/", "json"),
        ("https://hook.eu1.make.com/abcdefghijkl", "json"),
        ("https://n8n.example.com/webhook/abc", "json"),
        ("http://127.0.0.1:8000/hooks/abc", "json"),
        ("mattermost https://team.example.com/hooks/abc", "mattermost"),
        ("json https://hooks.slack.com/services/T000/B000/XXXX", "json"),
    ],
)
def test_kind__by_url(url: str, kind: str) -> None:
    """The URL of each chat is known; a kind in front wins."""
    assert webhook(url)[0] == kind


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://hooks.slack.com.evil.test/services/T000/B000/XXXX", "looks like one of a chat"),
        ("https://evil.test/hooks.slack.com/services/T000/B000/XXXX", "looks like one of a chat"),
        ("https://hooks.slack.com:8443/services/T000/B000/XXXX", "looks like one of a chat"),
        ("https://team.example.com/hooks/abc", "write which one it is in front"),
        ("https://team.example.com/api/v1/external/github", "Slack-compatible"),
        ("https://acme.webhook.office.com/webhookb2/abc", "Office 365 connectors were retired in May 2026"),
        ("https://outlook.office.com/webhook/abc", "Office 365 connectors were retired in May 2026"),
        ("https://prod-1.westus.logic.azure.com/workflows/0123/triggers/manual/paths/invoke", "sig="),
        ("https://chat.googleapis.com/v1/spaces/AAAA/messages?key=1", "token="),
        ("https://chat.googleapis.com/v1/spaces/AAAA/messages", "key="),
        (f"{TELEGRAM}/sendMessage", "chat_id="),
        ("https://team.example.com/api/v1/external/slack_incoming?stream=s", "api_key="),
        ("zulip https://team.example.com/api/v1/messages?api_key=1", "slack_incoming"),
        ("slack https://hooks.slack.com/triggers/T000/1/abc", ""),
        ("slack https://hooks.slack.com/actions/T000/1/abc", ""),
        ("slack-workflow https://hooks.slack.com/triggers/T000/1/abc#not!a!name", "variable"),
        ("https://xn--a.test/x", "expected https://HOST/PATH"),
    ],
)
def test_url__refused(url: str, why: str) -> None:
    """A look-alike, a retired chat and a URL without its secret part are refused, without being shown."""
    with pytest.raises(InputError) as caught:
        webhook(url)
    [fault] = caught.value.faults
    assert fault.startswith("webhook-url: line 1: ")
    assert why in fault
    assert url.rsplit(maxsplit=1)[-1] not in fault


def test_host__of_another_script() -> None:
    """A host in Punycode is a host."""
    assert webhook("https://xn--bcher-kva.example/x") == ("json", "xn--bcher-kva.example")
