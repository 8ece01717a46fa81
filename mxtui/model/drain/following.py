"""From verdicts on recipients to what became of messages. No I/O, no clock.

A verdict on a message needs evidence for it: a message that left the queue, of which no delivery was seen, is
`vanished` and never counts as delivered.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mxtui.model.drain.way import Settled
from mxtui.model.flushing import message_fate
from mxtui.model.plan import Fate, Target, Verdict


@dataclass(slots=True)
class _Following:
    expected: int
    since: float
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    """Per recipient, the latest."""
    busy: bool = False
    doubtful: bool = False
    unreachable: bool = False
    sent_before: bool = False


class Followed:
    """What was taken from a feed and has no verdict yet, and what has one that was not told yet."""

    def __init__(self, now: float) -> None:
        self._open: dict[str, _Following] = {}
        self._settled: list[Settled] = []
        self.moved_at = now
        """When something was taken, or a verdict came."""

    def __len__(self) -> int:
        return len(self._open)

    def __contains__(self, queue_id: object) -> bool:
        return queue_id in self._open

    def __iter__(self) -> Iterator[str]:
        return iter(self._open)

    def take(self, target: Target, now: float, *, sent_before: bool = False) -> None:
        """This one is in hand from now on; `sent_before` is as in `Settled`."""
        self._open[target.queue_id] = _Following(max(1, target.recipients), now, sent_before=sent_before)
        self.moved_at = now

    def verdict(
        self,
        verdict: Verdict,
        original: str = "",
        *,
        busy: bool = False,
        doubtful: bool = False,
        unreachable: bool = False,
    ) -> None:
        """One recipient's; others' mail and what is closed already are passed over.

        `original` tells apart recipients that were aliases of one address: each has a verdict of its own. The rest
        is as in `Settled`; `doubtful` is its `possible_duplicate`.
        """
        following = self._open.get(verdict.queue_id)
        if following is None:
            return
        self.moved_at = verdict.at
        following.busy |= busy
        following.doubtful |= doubtful
        following.unreachable |= unreachable
        following.verdicts[f"{verdict.recipient}\0{original}"] = verdict
        if len(following.verdicts) >= following.expected:
            fate = message_fate(each.fate for each in following.verdicts.values())
            self._close(verdict.queue_id, fate, verdict.at)

    def back_in_queue(self, queue_id: str, now: float) -> None:
        """Seen waiting again after a try: deferred, whatever else is known."""
        self._close(queue_id, "deferred", now)

    def kept_from(self, queue_id: str, why: str, now: float) -> None:
        """Not tried, and not for its primary's sake: deferred, which says nothing of that."""
        following = self._open.get(queue_id)
        if following is not None:
            following.verdicts.setdefault("\0", Verdict(queue_id, "", "deferred", "", why, now))
            self._close(queue_id, "deferred", now, untried=True)

    def put_back(self, queue_id: str, why: str, now: float) -> None:
        """Its turn never came, for whoever wanted it tried wants no more: it waits as before."""
        if self._open.pop(queue_id, None) is not None:
            verdict = Verdict(queue_id, "", "deferred", "", why, now)
            self._settled.append(Settled(queue_id, "deferred", (verdict,), untried=True))
            self.moved_at = now

    def returned(self, queue_id: str, now: float) -> None:
        """The queue gave it up, and said so."""
        self._close(queue_id, "expired", now)

    def gone_before(self, queue_id: str, now: float) -> None:
        """Somebody delivered or removed it before its turn: it was not tried."""
        if self._open.pop(queue_id, None) is not None:
            self._settled.append(Settled(queue_id, "vanished"))
            self.moved_at = now

    def left(self, queue_id: str, now: float) -> None:
        """No longer in the queue, and no more evidence will come: a delivery that was not seen was none."""
        following = self._open.get(queue_id)
        if following is None:
            return
        fate = message_fate(verdict.fate for verdict in following.verdicts.values())
        # Some recipients' delivery was seen, of others nothing: the whole is not known to be delivered.
        if fate == "delivered" and len(following.verdicts) < following.expected:
            fate = "vanished"
        self._close(queue_id, fate, now)

    def _close(self, queue_id: str, fate: Fate, now: float, *, untried: bool = False) -> None:
        following = self._open.pop(queue_id, None)
        if following is not None:
            verdicts = tuple(following.verdicts.values())
            seconds = max(0.0, now - following.since)
            self._settled.append(
                Settled(
                    queue_id,
                    fate,
                    verdicts,
                    seconds,
                    following.busy,
                    following.doubtful,
                    untried,
                    unreachable=following.unreachable,
                    sent_before=following.sent_before,
                )
            )
            self.moved_at = now

    def settled(self) -> Sequence[Settled]:
        """Each message that has a verdict, once."""
        settled, self._settled = self._settled, []
        return settled
