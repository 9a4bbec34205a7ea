"""Each input: given, empty, malformed; and what may never be shown of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from steps import ROOT, clean_environ

from digest.config import TITLES, Config
from digest.errors import InputError
from digest.inputs import variable

KEY = "ca_live_0123456789abcdef"
URL = "https://chat.example.test/in/T0001/tok_0123456789abcdef"
TOKEN = "ghs_0123456789abcdef"
DEPENDABOT = {"GITHUB_ACTOR": "dependabot[bot]", "GITHUB_EVENT_NAME": "pull_request"}
FORK = {"GITHUB_ACTOR": "somebody", "GITHUB_EVENT_NAME": "pull_request"}


def _environ(environ: Mapping[str, str] | None = None, /, **inputs: str) -> dict[str, str]:
    given = {"api-key": KEY, "webhook-url": URL, **{name.replace("_", "-"): value for name, value in inputs.items()}}
    return {**{variable(name): value for name, value in given.items()}, **(environ or {})}


def _config(environ: Mapping[str, str] | None = None, /, **inputs: str) -> Config:
    return Config.from_environ(_environ(environ, **inputs))


def _faults(environ: Mapping[str, str] | None = None, /, **inputs: str) -> tuple[str, ...]:
    with pytest.raises(InputError) as caught:
        _config(environ, **inputs)
    return caught.value.faults


def test_config__defaults() -> None:
    """With the two secrets alone, every other input has its documented default."""
    config = _config()
    assert config.api_key == KEY
    assert [(hook.kind, hook.host, hook.url) for hook in config.webhooks] == [("json", "chat.example.test", URL)]
    assert config.template.name == "weekly.md.j2"
    assert (config.period, config.limit, config.title) == ("7d", 5, "CreatorAudit — weekly recap")
    assert (config.timezone.key, config.variables, config.dry_run) == ("UTC", {}, False)
    assert (config.base_url, config.timeout) == ("https://api.creatoraudit.com/v2", 30.0)
    assert (config.overflow, config.on_stale, config.on_rerun) == ("split", "note", "post")
    assert (config.max_time, config.github_token) == (300.0, "")


def test_config__empty_is_not_given() -> None:
    """An input set to nothing, as an unset variable of the repository is, has its default."""
    empty = _config(limit="", period=" ", title="\n", timezone="", timeout="", dry_run="", template="", base_url="")
    assert empty == _config()


@pytest.mark.parametrize(("period", "title"), TITLES.items())
def test_title__by_period(period: str, title: str) -> None:
    """Without a title, the period gives one; a title of the user's wins."""
    assert _config(period=period).title == title
    assert _config(period=period, title=" Our week ").title == "Our week"


@pytest.mark.parametrize(("text", "limit"), [("1", 1), ("25", 25), ("05", 5), (" 7 ", 7)])
def test_limit__accepted(text: str, limit: int) -> None:
    """Whole numbers from 1 to 25 are taken, white space around them is not."""
    assert _config(limit=text).limit == limit


@pytest.mark.parametrize(("text", "seconds"), [("0.5", 0.5), ("30", 30.0), ("300", 300.0)])
def test_timeout__accepted(text: str, seconds: float) -> None:
    """Seconds may have a fraction."""
    assert _config(timeout=text).timeout == seconds


@pytest.mark.parametrize(("text", "flag"), [("true", True), ("false", False)])
def test_dry_run__accepted(text: str, flag: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Booleans are exactly true and false."""
    assert _config(dry_run=text).dry_run is flag


@pytest.mark.parametrize(("text", "seconds"), [("1", 1.0), ("300", 300.0), ("21600", 21600.0)])
def test_max_time__accepted(text: str, seconds: float) -> None:
    """The whole run may take as long as a job."""
    assert _config(max_time=text).max_time == seconds


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("overflow", ("split", "truncate")),
        ("on_stale", ("note", "warn", "skip", "fail", "ignore")),
        ("on_rerun", ("post", "skip")),
    ],
)
def test_choice__accepted(name: str, choices: tuple[str, ...]) -> None:
    """Each of the documented words is taken."""
    assert tuple(getattr(_config(**{name: choice}), name) for choice in choices) == choices


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("period", "14d", "7d, 30d or 90d"),
        ("period", "7D", "7d, 30d or 90d"),
        ("limit", "0", "a whole number from 1 to 25"),
        ("limit", "26", "a whole number from 1 to 25"),
        ("limit", "five", "a whole number from 1 to 25"),
        ("limit", "5.0", "a whole number from 1 to 25"),
        ("limit", "-5", "a whole number from 1 to 25"),
        ("limit", "\N{ARABIC-INDIC DIGIT FIVE}", "a whole number from 1 to 25"),
        ("dry-run", "yes", "true or false"),
        ("dry-run", "True", "true or false"),
        ("overflow", "cut", "split or truncate"),
        ("overflow", "Split", "split or truncate"),
        ("on-stale", "warning", "note, warn, skip, fail or ignore"),
        ("on-rerun", "fail", "post or skip"),
        ("max-time", "0", "a whole number of seconds from 1 to 21600"),
        ("max-time", "21601", "a whole number of seconds from 1 to 21600"),
        ("max-time", "1.5", "a whole number of seconds from 1 to 21600"),
        ("max-time", "5m", "a whole number of seconds from 1 to 21600"),
        ("timezone", "Mars/Olympus", "an IANA time zone"),
        ("timezone", "Europe", "an IANA time zone"),
        ("timezone", "../../etc/passwd", "an IANA time zone"),
        ("timezone", "/etc/passwd", "an IANA time zone"),
        ("timeout", "0", "a number of seconds, more than 0 and at most 300"),
        ("timeout", "301", "a number of seconds, more than 0 and at most 300"),
        ("timeout", "1e2", "a number of seconds, more than 0 and at most 300"),
        ("timeout", "nan", "a number of seconds, more than 0 and at most 300"),
    ],
)
def test_bad_input__says_name_expectation_and_value(name: str, text: str, expected: str) -> None:
    """A bad input is named as in action.yml, with what was expected and what was given."""
    [fault] = _faults(**{name: text})
    assert fault.startswith(f"{name}: expected {expected}")
    assert fault.endswith(f"got {text!r}")


def test_bad_input__all_at_once() -> None:
    """Every bad input is named in one go, in one order, each line of it with its number."""
    faults = _faults(
        api_key=" ",
        webhook_url="http://chat.example.test/x\n\nnonsense\nhttps://ok.example.test/",
        template="no.md.j2",
        period="1y",
        limit="0",
        timezone="Nowhere",
        variables="a=1\nb\na=2",
        dry_run="1",
        base_url="api",
        timeout="-1",
    )
    assert [fault.split(":")[0] for fault in faults] == [
        "dry-run",
        "period",
        "api-key",
        "webhook-url",
        "webhook-url",
        "template",
        "limit",
        "timezone",
        "variables",
        "variables",
        "base-url",
        "timeout",
    ]
    assert [fault.split(":")[1] for fault in faults if fault.startswith("webhook-url")] == [" line 1", " line 3"]
    assert [fault.split(":")[1] for fault in faults if fault.startswith("variables")] == [" line 2", " line 3"]


@pytest.mark.parametrize("name", ["api-key", "webhook-url"])
@pytest.mark.parametrize(
    ("environ", "why"),
    [
        ({}, "add the secret to the repository, or name its environment in the job"),
        ({"GITHUB_EVENT_NAME": "schedule"}, "add the secret to the repository"),
        (FORK, "pull requests from forks get no secrets"),
        (DEPENDABOT, "runs that Dependabot starts get no Actions secrets"),
    ],
)
def test_empty_secret__says_why(name: str, environ: Mapping[str, str], why: str) -> None:
    """An empty secret is named, with the reason that is likely in this run."""
    [fault] = _faults(environ, **{name: "  "})
    assert fault.startswith(f"{name}: is empty; {why}")


def test_empty_secret__shows_how_to_pass_it() -> None:
    """The fix is the line of the workflow as it has to be."""
    assert _faults(webhook_url="")[0].endswith("pass ${{ secrets.DIGEST_WEBHOOK_URL }}")
    assert _faults(api_key="")[0].endswith("pass ${{ secrets.CREATORAUDIT_API_KEY }}")


def test_webhook_url__not_needed_in_a_dry_run() -> None:
    """A dry run may have no destination; one that is given is checked all the same."""
    assert _config(webhook_url="", dry_run="true").webhooks == ()
    [fault] = _faults(webhook_url="ftp://chat.example.test/", dry_run="true")
    assert fault.startswith("webhook-url: line 1: expected https://")


def test_webhook_url__one_a_line() -> None:
    """Lines are kept in order; empty ones and white space are dropped; a kind may stand first."""
    config = _config(webhook_url=f"\n  {URL}  \r\n\njson \t https://b.example.test/2\n")
    assert [(hook.kind, hook.host) for hook in config.webhooks] == [
        ("json", "chat.example.test"),
        ("json", "b.example.test"),
    ]
    assert [hook.url for hook in config.webhooks] == [URL, "https://b.example.test/2"]


@pytest.mark.parametrize("kind", ["pigeon", "JSON", "Json"])
def test_webhook_url__unknown_kind(kind: str) -> None:
    """A kind that is not known is shown, with those that are; the URL is not."""
    [fault] = _faults(webhook_url=f"{kind} {URL}")
    assert fault.startswith("webhook-url: line 1: expected URL, or KIND URL with a kind of ")
    assert "json" in fault
    assert fault.endswith(f", got {kind!r}")


@pytest.mark.parametrize(
    "url",
    [
        "https://chat.example.test",
        "HTTPS://Chat.Example.Test:8443/x?y=z#f",
        "https://chat_1.example-2.test./x",
        "https://10.0.0.7/x",
        "https://[2001:db8::1]:444/x",
        "http://localhost/x",
        "http://LOCALHOST:8080/x",
        "http://127.0.0.1:1/x",
        "http://127.9.9.9/x",
        "http://[::1]:1/x",
    ],
)
def test_url__accepted(url: str) -> None:
    """Any https:// URL is taken as it is written, and http:// ones of this machine."""
    assert [hook.url for hook in _config(webhook_url=url).webhooks] == [url]
    without = url.partition("?")[0].partition("#")[0]
    assert _config(base_url=f"{without}/").base_url == without.rstrip("/")


PLAIN_HTTP = "http:// is accepted for loopback hosts only"
NOT_A_URL = "expected https://HOST/PATH, without a user name or a password"
NOT_PRINTABLE = "the URL holds a space or a character outside ASCII"


@pytest.mark.parametrize("name", ["webhook-url", "base-url"])
@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://chat.example.test/SECRET", PLAIN_HTTP),
        ("http://127.0.0.1.example.test/SECRET", PLAIN_HTTP),
        ("http://localhost.example.test/SECRET", PLAIN_HTTP),
        ("http://10.0.0.1/SECRET", PLAIN_HTTP),
        ("https://user:SECRET@chat.example.test/", NOT_A_URL),
        ("https://SECRET@chat.example.test/", NOT_A_URL),
        ("http://SECRET@127.0.0.1/", NOT_A_URL),
        ("https://chat.example.test\\@evil.test/SECRET", NOT_A_URL),
        ("chat.example.test/SECRET", NOT_A_URL),
        ("SECRET", NOT_A_URL),
        ("ftp://chat.example.test/SECRET", NOT_A_URL),
        ("file:///etc/SECRET", NOT_A_URL),
        ("https:///SECRET", NOT_A_URL),
        ("https://", NOT_A_URL),
        ("https://?SECRET", NOT_A_URL),
        ("https://:443/SECRET", NOT_A_URL),
        ("https://chat.example.test:0/SECRET", NOT_A_URL),
        ("https://chat.example.test:/SECRET", NOT_A_URL),
        ("https://chat.example.test:99999/SECRET", NOT_A_URL),
        ("https://chat.example.test:https/SECRET", NOT_A_URL),
        ("https://[::1/SECRET", NOT_A_URL),
        ("https://[::1]SECRET/", NOT_A_URL),
        ("https://[chat.example.test]/SECRET", NOT_A_URL),
        ("https://[v1.chat]/SECRET", NOT_A_URL),
        ("https://chat[.example.test/SECRET", NOT_A_URL),
        ("https://chat..test/SECRET", NOT_A_URL),
        ("https://-chat.test/SECRET", NOT_A_URL),
        ("https://chat!.test/SECRET", NOT_A_URL),
        (f"https://{'a.' * 127}test/SECRET", NOT_A_URL),
        ("https://1.2.3.999/SECRET", NOT_A_URL),
        ("https://2130706433/SECRET", NOT_A_URL),
        ("https://chat.example.test/SEC RET", NOT_PRINTABLE),
        ("https://chat.example.test/SECRET”", NOT_PRINTABLE),
        ("https://chât.example.test/SECRET", NOT_PRINTABLE),
        ("https://chat.example.test/\u200bSECRET", NOT_PRINTABLE),
    ],
)
def test_url__refused_and_not_shown(name: str, url: str, why: str) -> None:
    """A URL that may not be called is refused with the reason, and no part of it is shown."""
    [fault] = _faults(**{name: url})
    assert fault.removeprefix("webhook-url: line 1: ").removeprefix("base-url: ").startswith(why)
    assert "SECRET" not in fault
    assert "example.test" not in fault


@pytest.mark.parametrize("tail", ["?key=SECRET", "#SECRET"])
def test_base_url__has_no_query(tail: str) -> None:
    """The API's root takes paths, so nothing may follow its own."""
    [fault] = _faults(base_url=f"https://api.example.test/v2{tail}")
    assert fault.startswith("base-url: expected the API's root without ? and #")
    assert "SECRET" not in fault


@given(
    authority=st.text(alphabet="abz019.-_:[]@%\\xXv", max_size=20)
    | st.ip_addresses().map(str)
    | st.ip_addresses(v=6).map(lambda ip: f"[{ip}]"),
    tail=st.text(alphabet="/?#@:%[]\\a .", max_size=10),
)
def test_url__is_read_as_httpx_reads_it(authority: str, tail: str) -> None:
    """Whatever is accepted, the HTTP client calls the host that was checked."""
    try:
        config = _config(webhook_url=f"https://{authority}{tail}")
    except InputError:
        return
    [webhook] = config.webhooks
    assert httpx.URL(webhook.url).raw_host.decode() == webhook.host


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "tab\tbed", "“quoted”", "clé", "nul\x01"])
def test_api_key__printable_ascii_only(key: str) -> None:
    """A key that cannot be a header's value is refused, and not shown."""
    [fault] = _faults(api_key=key)
    assert fault.startswith("api-key: holds a space, a line break or a character outside ASCII")
    assert key not in fault


@pytest.mark.parametrize("token", ["two words", "“quoted”"])
def test_github_token__printable_ascii_only(token: str) -> None:
    """A token that cannot be a header's value is refused, and not shown."""
    [fault] = _faults(github_token=token)
    assert fault.startswith("github-token: holds a space, a line break or a character outside ASCII")
    assert token not in fault


def test_secrets__are_stripped() -> None:
    """White space around a secret, which pasting leaves, is no part of it."""
    config = _config(api_key=f"\n {KEY}\r\n", webhook_url=f"\t{URL} \n", github_token=f" {TOKEN}\n")
    assert (config.api_key, config.webhooks[0].url, config.github_token) == (KEY, URL, TOKEN)


def test_config__repr_hides_secrets() -> None:
    """Neither the configuration nor a webhook shows a secret, not even in part."""
    config = _config(github_token=TOKEN)
    for shown in (repr(config), repr(config.webhooks), f"{config}"):
        assert "chat.example.test" in shown
        assert KEY not in shown
        assert TOKEN not in shown
        assert "tok_0123456789abcdef" not in shown
        assert "T0001" not in shown


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("", {}),
        ("team=A", {"team": "A"}),
        ("\n team = Growth & Co. \n\nlink=https://a.test/?b=c\nempty=\n", {
            "team": "Growth & Co.",
            "link": "https://a.test/?b=c",
            "empty": "",
        }),
    ],
)  # fmt: skip
def test_variables__accepted(text: str, variables: Mapping[str, str]) -> None:
    """Each line is a name and a value, which may hold further equals signs."""
    assert _config(variables=text).variables == variables


@pytest.mark.parametrize("line", ["team", "=A", "2x=1", "_x=1", "a-b=1", "é=1", "a b=1"])
def test_variables__malformed(line: str) -> None:
    """A line that is no assignment to a plain name is shown, with its number and the rule."""
    [fault] = _faults(variables=f"ok=1\n\n{line}")
    assert fault.startswith("variables: line 3: expected name=value")
    assert fault.endswith(f"got {line!r}")


def test_variables__twice() -> None:
    """A name given twice is refused, as one value would be lost."""
    assert _faults(variables="a=1\na=2") == ("variables: line 2: 'a' is given twice; keep one",)


def test_template__in_the_workspace(tmp_path: Path) -> None:
    """A path leads into `GITHUB_WORKSPACE`; a bad file is a bad input, found before any request."""
    (tmp_path / "ours.j2").write_text("x", encoding="utf-8")
    environ = {"GITHUB_WORKSPACE": str(tmp_path)}
    assert _config(environ, template="ours.j2").template.path == tmp_path / "ours.j2"
    (tmp_path / "ours.j2").write_bytes(b"one\ntwo \xff")
    assert _faults(environ, template="ours.j2") == (
        "template: ours.j2:2: a byte is not UTF-8; save the template as UTF-8",
    )


@pytest.mark.parametrize(("zone", "code"), [("UTC", 0), ("Europe/Paris", 2)])
def test_timezone__without_a_database(zone: str, code: int) -> None:
    """The default zone works on a machine that has no time zone database; others are refused there."""
    program = (
        "import os, sys\n"
        "sys.modules['tzdata'] = None  # what an import of a package that is missing finds\n"
        "from digest.config import Config\n"
        "from digest.errors import InputError\n"
        "try:\n"
        "    Config.from_environ(os.environ)\n"
        "except InputError as error:\n"
        "    sys.exit(error.exit_code)\n"
    )
    environ = {**clean_environ(), **_environ(timezone=zone), "PYTHONTZPATH": ""}
    done = subprocess.run([sys.executable, "-c", program], check=False, cwd=ROOT, env=environ)
    assert done.returncode == code
