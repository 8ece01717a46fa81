"""How a drill goes: what a kind of mail system has to be able to do for it, and the run itself."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from mxtui.drilling.letter import Letter
from mxtui.errors import Guarded, MxtuiError, NotPermitted, UsageError
from mxtui.message.sanitize import one_line
from mxtui.model.drill import Drill, Path


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen of it."""

    passed: bool
    text: str
    """The log's line, or the primary's reply; or what was waited for in vain. Hostile."""


class Course(Protocol):
    """One mail system. Every method blocks, for as long as the drill may take.

    Raises Guarded, NotPermitted, UsageError: nothing was sent; MxtuiError: the drill failed for that.
    """

    def straight(self, letter: Letter) -> Evidence:
        """In, and on to the primary."""
        ...

    def by_queue(self, letter: Letter, say: Callable[[str], None]) -> Evidence:
        """In, kept in the queue, seen there, let go, and on to the primary."""
        ...


def run(
    course: Course, letter: Letter, domain: str, path: Path, say: Callable[[str], None], clock: Callable[[], float]
) -> Drill:
    """Do it: how it went. Raises Guarded, NotPermitted, UsageError where it cannot be done at all."""
    at, began = clock(), time.monotonic()
    try:
        evidence = course.straight(letter) if path == "primary" else course.by_queue(letter, say)
    except (Guarded, NotPermitted, UsageError):
        raise
    except MxtuiError as error:
        evidence = Evidence(False, error.message)
    took = round(time.monotonic() - began, 3)
    return Drill(at, domain, path, "passed" if evidence.passed else "failed", took, one_line(evidence.text, 400))
