"""A drill: one marked message sent through the backup, and followed."""

from dataclasses import dataclass
from typing import Final, Literal

Path = Literal["primary", "queue"]
"""`primary`: straight through. `queue`: kept back here first, seen in the queue, then let go to the primary."""

Result = Literal["passed", "failed"]

Standing = Literal["failed", "never", "overdue", "passed"]
"""What the last drill of a domain says of today, worst first."""

MARK: Final = "X-Mxtui-Drill"
"""Header field that carries a drill's own name."""


@dataclass(frozen=True, slots=True)
class Drill:
    """How one went; a line of a record."""

    at: float
    """When it began, seconds since the epoch."""
    domain: str
    path: Path
    result: Result
    seconds: float
    """From the first word to the verdict."""
    detail: str
    """The evidence, or what was missing; may quote a server."""


def standing(last: Drill | None, now: float, every: float) -> Standing:
    """Whether a domain needs a drill; `every`: seconds after which one says little about today."""
    if last is None:
        return "never"
    if last.result == "failed":
        return "failed"
    return "overdue" if now - last.at > every else "passed"
