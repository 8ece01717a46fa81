"""What was measured beside what was promised, for eyes and for README."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Unit = Literal["s", "ms", "×", "MB", "%", "B/s", "B", ""]

_HEADS = ("figure", "measured", "limit", "verdict")

_DIGITS: dict[Unit, int] = {"s": 2, "ms": 0, "×": 2, "MB": 0, "%": 1, "B/s": 0, "B": 0, "": 0}


@dataclass(frozen=True)
class Figure:
    """One row."""

    name: str
    measured: float | None
    """None: it could not be measured here, and `note` says why."""
    unit: Unit = "s"
    limit: float | None = None
    """The most it may be; None where the figure only explains others."""
    note: str = ""

    @property
    def missed(self) -> bool:
        """Whether it is over its limit."""
        return self.measured is not None and self.limit is not None and self.measured > self.limit

    def cells(self) -> tuple[str, str, str, str]:
        """As printed."""
        name = f"{self.name} ({self.note})" if self.note else self.name
        if self.measured is None:
            return name, "–", _written(self.limit, self.unit), "not measured"
        verdict = "" if self.limit is None else "MISSED" if self.missed else "met"
        return name, _written(self.measured, self.unit), _written(self.limit, self.unit), verdict


def _written(value: float | None, unit: Unit) -> str:
    if value is None:
        return ""
    number = f"{value:,.{_DIGITS[unit]}f}"
    return f"{number} {unit}".rstrip()


def as_text(figures: Sequence[Figure], machine: str) -> str:
    """For a terminal."""
    rows = [_HEADS, *(figure.cells() for figure in figures)]
    name, measured, limit = (max(len(row[column]) for row in rows) for column in range(3))
    lines = [f"{row[0]:{name}}  {row[1]:>{measured}}  {row[2]:>{limit}}  {row[3]}".rstrip() for row in rows]
    return "\n".join((*lines, "", machine))


def as_markdown(figures: Sequence[Figure], machine: str) -> str:
    """For README."""
    rows = [_HEADS, ("---", "---:", "---:", "---"), *(figure.cells() for figure in figures)]
    return "\n".join((*("| " + " | ".join(row) + " |" for row in rows), "", machine))
