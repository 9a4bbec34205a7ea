"""Lay measures out as one plain table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.measure import Program


@dataclass(frozen=True, slots=True)
class Row:
    """
    One comparison.

    Attributes:
        ours:
            What is compared.
        theirs:
            With what.
        latency:
            How late the stand-ins answered; empty where none was asked.
        bound:
            The largest ratio of wall times that is expected, if any is.
    """

    ours: Program
    theirs: Program
    latency: str
    bound: float | None = None

    def cells(self) -> tuple[str, ...]:
        """Return the texts of the row."""
        wall, cpu = (self.ours.median(what) / self.theirs.median(what) for what in ("wall", "cpu"))
        expected = "" if self.bound is None else f"<= {self.bound:.2f} {'met' if wall <= self.bound else 'MISSED'}"
        names = (self.ours.name, self.theirs.name, self.latency)
        return *names, _wall(self.ours), _wall(self.theirs), f"{wall:.2f}", f"{cpu:.2f}", expected


def table(rows: Sequence[Row]) -> str:
    """Return the rows below a head, in columns as wide as they need."""
    head = ("A", "B", "latency", "A: ms", "B: ms", "A/B", "cpu A/B", "expected A/B")
    lines = [head, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _wall(program: Program) -> str:
    """Return median, least and most, in milliseconds."""
    walls = program.values("wall")
    return f"{program.median('wall') * 1000:.0f} ({min(walls) * 1000:.0f}-{max(walls) * 1000:.0f})"
