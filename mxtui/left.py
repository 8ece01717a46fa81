"""What guards of drains have held: the next flush takes it, batch by batch, and an operator's own holds stay.

One small file beside the register of a queue's drains. A message is in it by its identity, and only until somebody
holds or releases it himself; what it says of a message that is not in hold any more means nothing.
"""

import fcntl
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from mxtui.folders import give_away, replace_file
from mxtui.model.message import Identity
from mxtui.model.plan import Target
from mxtui.model.planning import same_message

FILE: Final = "left.json"


class Left(NamedTuple):
    """One message that a guard held."""

    inode: int
    arrival: float
    at: float
    """When; epoch seconds."""


class LeftByGuards:
    """One queue's; `folder` is that of its drains. What cannot be read is empty: nothing is taken that is not known."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def known(self) -> Mapping[str, Left]:
        """By queue ID. 0.1 s for 100,000."""
        with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
            return _decoder.decode(self._path.read_bytes())
        return {}

    def add(self, targets: Iterable[Target], at: float) -> None:
        """These are about to be held by a guard. Raises OSError."""
        fresh = {each.queue_id: Left(each.identity.inode, each.identity.arrival, at) for each in targets}
        with self._alone():
            self._write({**self.known(), **fresh})

    def forget(self, queue_ids: Collection[str]) -> None:
        """Somebody else has decided about these, or they are gone. Where one may not write, it says too much."""
        if queue_ids and self._path.exists():
            with suppress(OSError), self._alone():
                known = self.known()
                if not known.keys().isdisjoint(queue_ids):
                    self._write({each: left for each, left in known.items() if each not in queue_ids})

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Between reading and writing nobody else writes: a console holds while a drain does. Raises OSError."""
        path = self._path.with_suffix(".lock")
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            give_away(lock, path.parent)
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _write(self, left: Mapping[str, Left]) -> None:
        replace_file(self._path, msgspec.json.encode(left))


_decoder: msgspec.json.Decoder[dict[str, Left]] = msgspec.json.Decoder(dict[str, Left])


def is_left(target: Target, known: Mapping[str, Left]) -> bool:
    """Whether it is in hold because a guard put it there."""
    left = known.get(target.queue_id)
    if left is None or target.state != "hold":
        return False
    return same_message(target.identity, Identity(target.queue_id, left.inode, left.arrival))
