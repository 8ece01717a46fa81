"""Many messages at once, without holding the index for long: the screen asks it for rows meanwhile."""

import time
from collections.abc import Collection, Iterator
from itertools import islice

from mxtui.index import Index
from mxtui.model.plan import Target

CHUNK = 1_000
"""Messages asked for at once: 20 ms. A hundred thousand in one go would keep keys waiting for two seconds."""


def targets_of(index: Index, queue_ids: Collection[str]) -> Iterator[Target]:
    """What a plan needs to know of those that are still queued. Blocks; for threads only."""
    remaining = iter(queue_ids)
    while some := list(islice(remaining, CHUNK)):
        yield from index.targets(some)
        time.sleep(0)  # locks are not fair: let the screen have its turn
