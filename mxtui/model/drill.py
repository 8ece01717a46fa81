"""A drill: one marked message sent through the backup, and followed."""

from dataclasses import dataclass
from typing import Final, Literal

Path = Literal["primary", "queue"]
"""`primary`: straight through. `queue`: kept back here first, seen in the queue, then let go to the primary."""

Result = Literal["passed", "failed"]

MARK: Final = "X-Mxtui-Drill"
"""Header field that carries a drill's own name."""


@dataclass(frozen=True, slots=True)
class Drill:
    """How one went; a line of drills.jsonl."""

    at: float
    """When it began, seconds since the epoch."""
    domain: str
    path: Path
    result: Result
    seconds: float
    """From the first word to the verdict."""
    detail: str
    """The evidence, or what was missing; may quote a server."""
