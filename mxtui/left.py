"""What guards of drains have held: the next flush takes it, batch by batch, and an operator's own holds stay.

One small file beside the register of a queue's drains. A message is in it by its identity, and only until somebody
holds or releases it himself; what it says of a message that is not in hold any more means nothing.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from mxtui.folders import alone, replace_file
from mxtui.model.message import Identity
from mxtui.model.plan import Target
from mxtui.model.planning import same_message

FILE: Final = "left.json"

HOLDING: Final = 30.0
EACH: Final = 0.001
"""Seconds from the word that messages are about to be held until they are, and more for each of them."""


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

    def changed(self) -> int:
        """Another figure says that something is new; 0 where nothing was ever left."""
        try:
            return self._path.stat().st_mtime_ns
        except OSError:
            return 0

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

    def seen(self, queue_ids: Collection[str], at: float) -> None:
        """A drain had these, and they stay: some recipients may have been marked in them since they were held."""
        if queue_ids and self._path.exists():
            with suppress(OSError), self._alone():
                known = dict(self.known())
                if again := known.keys() & queue_ids:
                    self._write(known | {each: known[each]._replace(at=at) for each in again})

    def _alone(self) -> AbstractContextManager[None]:
        """Between reading and writing nobody else writes: a console holds while a drain does. Raises OSError."""
        return alone(self._path.with_suffix(".lock"))

    def _write(self, left: Mapping[str, Left]) -> None:
        replace_file(self._path, msgspec.json.encode(left))


_decoder: msgspec.json.Decoder[dict[str, Left]] = msgspec.json.Decoder(dict[str, Left])


def as_left(known: Mapping[str, Left], since: Mapping[str, float]) -> Mapping[str, Left]:
    """Of what is known that which nobody has released and held again, past us, with postsuper(1).

    `since`: when each was put into hold (epoch seconds), as far as the queue can say.
    """
    together = Counter(left.at for left in known.values())

    def by_the_guard(queue_id: str, left: Left) -> bool:
        return since.get(queue_id, 0.0) <= left.at + HOLDING + EACH * together[left.at]

    return {queue_id: left for queue_id, left in known.items() if by_the_guard(queue_id, left)}


def is_left(target: Target, known: Mapping[str, Left]) -> bool:
    """Whether it is in hold because a guard put it there."""
    left = known.get(target.queue_id)
    if left is None or target.state != "hold":
        return False
    return same_message(target.identity, Identity(target.queue_id, left.inode, left.arrival))
