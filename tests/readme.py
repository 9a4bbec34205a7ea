"""
Write the parts of README.md that other files decide: the sample and the tables.

`make readme` runs this; `test_readme.py` fails when the README is not what it
would write. Each part stands between `<!-- name -->` and `<!-- /name -->`.
"""

from __future__ import annotations

import re
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from digest.audit import Audit
from digest.context import build
from digest.models import parse_overview, parse_ranking
from digest.movers import LONGEST_RANKING
from digest.render import Template
from digest.standin import sample
from digest.templates import locate
from digest.text import reveal

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
#: How many creators the README's sample shows, so that the workflow below it is on the first screen.
_CREATORS = 3


def written(readme: str) -> str:
    """Return *readme* with every generated part as it has to be."""
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    parts = {"sample": _sample(), "inputs": _inputs(action), "outputs": _outputs(action)}
    for name, content in parts.items():
        opening, closing = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        before, _, rest = readme.partition(opening)
        _, found, after = rest.partition(closing)
        if not found:
            message = f"README.md holds no {opening.strip()} with its end"
            raise ValueError(message)
        readme = before + opening + content + closing + after
    return readme


def _sample() -> str:
    answers = sample()
    audit = Audit(
        parse_overview(answers["overview"]),
        parse_ranking(answers["creators_top"], _CREATORS),
        longer=parse_ranking(answers["creators_top_30d"], LONGEST_RANKING),
    )
    context = build(
        audit,
        title="CreatorAudit — weekly recap",
        period="7d",
        zone=ZoneInfo("UTC"),
        variables={},
        now=datetime(2026, 11, 22, tzinfo=timezone.utc),
    )
    markdown = reveal(Template(locate("weekly.md.j2", ROOT)).render(context))
    # Headings of a sample do not belong into the README's own outline.
    lines = [re.sub(r"^#+ (.*)", r"**\1**", line) for line in markdown.splitlines()]
    return "".join(f"> {line}".rstrip() + "\n" for line in lines)


def _inputs(action: dict[str, Any]) -> str:
    rows = [f"| `{name}` | {_default(entry)} | {_sentence(entry)} |\n" for name, entry in action["inputs"].items()]
    return "| input | default | meaning |\n| --- | --- | --- |\n" + "".join(rows)


def _outputs(action: dict[str, Any]) -> str:
    rows = [f"| `{name}` | {_sentence(entry)} |\n" for name, entry in action["outputs"].items()]
    return "| output | meaning |\n| --- | --- |\n" + "".join(rows)


def _default(entry: dict[str, Any]) -> str:
    return "**required**" if entry.get("required") else f"`{entry['default']}`" if entry["default"] else ""


def _sentence(entry: dict[str, Any]) -> str:
    return str(entry["description"]).replace("|", "\\|") + "."


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
    sys.exit(0)
