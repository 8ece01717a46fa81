"""What mail that was handed in anew (postsuper -r) is called now, where no log tells: its time of arrival is kept.

pickup(8) removes the file in maildrop once the new one is whole: what is in neither has left the queue.
"""

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from typing import Final

from mxtui.model.message import Identity
from mxtui.queues.postfix.layout import Layout
from mxtui.queues.postfix.whereabouts import FLOW, arrival

EXACT: Final = 0.00001
"""Seconds between two times of arrival that are one: microseconds, read as a float."""

LAG: Final = 10.0
"""Seconds from the moment when some were handed in anew until somebody asked for the last of them."""


def waits_for_pickup(layout: Layout, identity: Identity) -> bool:
    """Whether this very file is in maildrop still."""
    try:
        status = os.lstat(layout.queue_directory / layout.hashing.folder("maildrop", identity.queue_id)
                          / identity.queue_id)  # fmt: skip
    except OSError:
        return False
    return identity.inode in (0, status.st_ino)


def new_names(layout: Layout, wanted: Collection[Identity], since: float) -> Mapping[str, str]:
    """The new IDs of those that are queued, by their old ones; what came before `since` is not looked into.

    Costs a listing: 0.3 s for 100,000 messages.
    """
    arrivals = {each.queue_id: each.arrival for each in wanted}
    found: dict[str, str] = {}
    for entry in _files(layout):
        with suppress(OSError):
            if entry.stat(follow_symlinks=False).st_ctime < since - LAG:
                continue
            arrived = arrival(entry.path)
            for old, at in arrivals.items():
                if arrived is not None and abs(arrived - at) < EXACT and entry.name != old:
                    found[old] = entry.name
    return found


def _files(layout: Layout) -> Iterator["os.DirEntry[str]"]:
    for state in FLOW:
        waiting = [str(layout.queue_directory / state)]
        while waiting:
            with suppress(OSError), os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        yield entry
