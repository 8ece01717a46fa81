"""What a killed run of our own sender has in hold, for whoever looks at the queue in the meantime."""

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from mxtui.model.alerts.facts import KilledDrain
from mxtui.queues.postfix.direct.journal import NAME, read, replay
from mxtui.queues.postfix.layout import Layout
from mxtui.queues.postfix.whereabouts import held_since


class _Left(NamedTuple):
    interrupted: int
    unanswered: tuple[str, ...]


def killed(layout: Layout, folder: Path) -> KilledDrain | None:
    """By its journal in a folder, while nobody drains; None where nothing is left, or one may not look.

    Costs a look at the journal where it changed (a million lines take 3 s), and one at each message whose fate nobody
    knows, which an operator may have released or deleted since.
    """
    try:
        found = (folder / NAME).stat()
        left = _read(folder, found.st_mtime_ns, found.st_size)
    except OSError:
        return None
    held = held_since(layout, left.unanswered)
    unanswered = tuple(each for each in left.unanswered if each in held)
    if not left.interrupted and not unanswered:
        return None
    return KilledDrain(found.st_mtime, left.interrupted, unanswered)


@lru_cache(maxsize=4)
def _read(folder: Path, changed: int, size: int) -> _Left:  # noqa: ARG001 (what it may be remembered by)
    unfinished = replay(read(folder))
    unanswered = tuple(queue_id for queue_id, each in unfinished.items() if each.begun is not None)
    return _Left(len(unfinished) - len(unanswered), unanswered)
