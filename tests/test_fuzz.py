"""Any answer of the API and any template end in a digest or in a clear error; so do all inputs that were found."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import httpx
import pytest
from fakes import API, HOOK, NOW, FakeClock, FakeNetwork, posted
from fuzzing import CORPUS, TARGETS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import anything, overviews, rankings, texts

from digest.audit import Audit
from digest.cli import main
from digest.context import Context, build
from digest.destinations import DESTINATIONS, Message
from digest.destinations.parts import MOST_PARTS
from digest.errors import TemplateError
from digest.filters import FILTERS
from digest.markdown import parse
from digest.models import parse_overview, parse_ranking
from digest.render import Template
from digest.standin import API_KEY, sample
from digest.templates import locate
from digest.text import reveal

FOUND = [(target, file) for target in TARGETS for file in sorted((CORPUS / target).iterdir())]


@pytest.mark.parametrize(("target", "file"), FOUND, ids=lambda value: getattr(value, "name", value))
def test_corpus(target: str, file: Path) -> None:
    """What the fuzzer once found, and what it started from, breaks nothing."""
    TARGETS[target](file.read_bytes())


def test_corpus__complete() -> None:
    """Each target has a corpus, and there is none without a target."""
    assert {folder.name for folder in CORPUS.iterdir()} == set(TARGETS) == {target for target, _ in FOUND}


_pages = st.fixed_dictionaries(
    {"data": anything | st.lists(anything, max_size=3)},
    optional={"pagination": anything | st.fixed_dictionaries({"has_next": st.booleans()}), "filters": anything},
)


@given(
    overview=overviews | st.just(sample()["overview"]),
    ranking=rankings | st.just(sample()["creators_top"]),
    accounts=anything | _pages,
)
@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
def test_run__any_answers(overview: Any, ranking: Any, accounts: Any) -> None:
    """Whatever JSON the API answers, the whole run posts one message, or says what is wrong; it never breaks."""
    network = FakeNetwork()
    for path, body in (("/overview", overview), ("/creators/top", ranking), ("/accounts", accounts)):
        network.on("GET", API + path, httpx.Response(200, content=json.dumps(body)))
    network.on("POST", HOOK, httpx.Response(200))
    log = io.StringIO()
    with tempfile.TemporaryDirectory() as temp:
        environ = {"DIGEST_API_KEY": API_KEY, "DIGEST_WEBHOOK_URL": HOOK, "RUNNER_TEMP": temp}
        code = main([], environ, log, transport=network, clock=FakeClock().clock())
    assert code in (0, 1), log.getvalue()
    assert len(network.to(HOOK)) == (code == 0)
    if code == 0:
        [body] = posted(network)
        assert body["markdown"].strip()
    else:
        assert "::error title=CreatorAudit digest::GET /" in log.getvalue()


#: Values, filters, operators and tests as templates have them, right ones and wrong ones.
_VALUES = """
    title period days date timezone figures compared creators notices vars raw movers freshness figures[0]
    creators[0].name creators[0].name.raw creators[0].metrics figures[0].change raw.overview vars.x nothing x
    loop.index none true 7 -1 0.5 'word' '' [] {} [1,2] {'a':1} range(3) 10**20 namespace(a=1) self
"""
_FILTERS = """
    abs capitalize count dictsort first float forceescape escape int items join last length list lower max min
    pprint random reverse round safe sort string striptags sum title tojson trim unique upper urlencode urlize
    wordcount xmlattr filesizeformat default default('d') center(9) indent(2) replace('a','b') truncate(5)
    wordwrap(5) batch(2) slice(2) groupby('name') map('upper') map(attribute='name') select reject sum('x')
    selectattr('name') format(1) attr('name') round(2) number(1) percent(9) date('{day}') date('{x}') nonsense
"""
_OPERATORS = "+ - * / // % ~ == < in and or"
_TESTS = "defined none mapping number string iterable odd"
_filters = st.sampled_from([*FILTERS, *_FILTERS.split()])
_expressions = st.recursive(
    st.sampled_from(_VALUES.split()),
    lambda inner: st.one_of(
        st.builds("{}|{}".format, inner, _filters),
        st.builds("({}) {} ({})".format, inner, st.sampled_from(_OPERATORS.split()), inner),
        st.builds("({})[{}]".format, inner, inner),
        st.builds("({}) if ({}) else ({})".format, inner, inner, inner),
        st.builds("({}) is {}".format, inner, st.sampled_from(_TESTS.split())),
    ),
    max_leaves=5,
)
_words = texts.filter(lambda text: "{" not in text) | st.sampled_from(["# H\n", "- a\n", "| a |\n|---|\n", "\n\n"])
_templates = st.recursive(
    _words | st.builds("{{{{ {} }}}}".format, _expressions),
    lambda inner: st.one_of(
        st.builds("{}{}".format, inner, inner),
        st.builds("{{% for x in {} %}}{}{{% else %}}{}{{% endfor %}}".format, _expressions, inner, inner),
        st.builds("{{% if {} %}}{}{{% endif %}}".format, _expressions, inner),
        st.builds("{{% set x = {} %}}{}".format, _expressions, inner),
        st.builds("{{% macro m(x) %}}{}{{% endmacro %}}{{{{ m({}) }}}}".format, inner, _expressions),
        st.builds("{{% filter {} %}}{}{{% endfilter %}}".format, _filters, inner),
        st.builds("{{% block title %}}{}{{% endblock %}}".format, inner),
        st.builds("{{% extends 'weekly.md.j2' %}}{}".format, inner),
        st.builds("{{% include {} %}}{}".format, _expressions | st.just("'weekly.md.j2'"), inner),
        st.builds("{{# {} #}}{{% raw %}}{}{{% endraw %}}".format, inner, inner),
        st.builds("{}{}".format, st.sampled_from(["{{", "}}", "{%", "%}", "{% end %}", "{% for %}", "{#"]), inner),
    ),
    max_leaves=6,
)


@cache
def _context() -> Context:
    audit = Audit(parse_overview(sample()["overview"]), parse_ranking(sample()["creators_top"], 5))
    return build(audit, title="T", period="7d", zone=ZoneInfo("UTC"), variables={"x": "y"}, now=NOW)


@given(source=_templates)
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_templates__any(source: str) -> None:
    """Whatever a template says, it makes a message that every chat can be sent, or one error with its place."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "t.j2").write_text(source, encoding="utf-8", errors="replace", newline="\n")
        shielded = _rendered(lambda: Template(locate("t.j2", Path(folder))).render(_context()))
    if shielded is None:
        return
    blocks = parse(shielded)
    message = Message("T", reveal(shielded), blocks, id="1", more_url="https://a.test/")
    for destination in DESTINATIONS.values():
        payloads = destination.payloads(message, urlsplit("https://a.test/x?chat_id=1"))
        assert 1 <= len(payloads) <= MOST_PARTS
        for payload in payloads:
            assert httpx.Request("POST", "https://a.test", json=payload.body).content


def _rendered(render: Callable[[], str]) -> str | None:
    try:
        return render()
    except TemplateError as error:
        faults = error.faults
    assert len(faults) == 1
    assert faults[0].startswith(("t.j2", "weekly.md.j2")), faults
    return None
