"""The direct way: queued mail by our own sender, each result durable before the next try (see `model.drain.way`)."""

import asyncio
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from mxtui.delivery.direct.ending import Endings
from mxtui.delivery.direct.sender import Sender
from mxtui.delivery.direct.taking import Route
from mxtui.delivery.policy import Policy
from mxtui.delivery.routes import Dialer
from mxtui.errors import MxtuiError, NotPermitted
from mxtui.model.drain.way import Feed, Settled
from mxtui.model.plan import Target
from mxtui.model.planning import same_message
from mxtui.model.route import Ourselves
from mxtui.primary.lookup import Lookup
from mxtui.queues.postfix.direct.custody import Custodian
from mxtui.queues.postfix.direct.journal import Journal, read, replay
from mxtui.queues.postfix.direct.recovery import Recovered, Unknown, recover, unknown
from mxtui.queues.postfix.direct.telling import Teller
from mxtui.queues.postfix.layout import Layout
from mxtui.queues.postfix.permission import Privileges

TURN: Final = 0.1
"""Seconds at most between two looks at the feed."""

UNKNOWN: Final = "sent to {host} and never answered: it may have been delivered; release it, or delete it"


class Direct:
    """One queue's `model.drain.way.Way`. For those who may read and write queue files: root, as a rule.

    `folder` is for the journal, one for each queue. `route` tells where a domain's mail goes; it may block, and raise
    MxtuiError. What a host refuses for good stays in hold, whatever it was before: Postfix would return it.
    """

    def __init__(
        self,
        layout: Layout,
        folder: Path,
        route: Route,
        *,
        ourselves: Ourselves,
        policy: Policy | None = None,
        privileges: Privileges | None = None,
        lookup: Lookup | None = None,
    ) -> None:
        self.unknown: tuple[Unknown, ...] = ()
        """In hold, perhaps delivered: an operator decides. Found at the start, and at the end with those of the run."""
        self._layout = layout
        self._folder = folder
        self._route = route
        self._policy = policy or Policy(xclient=False)  # as Postfix's own smtp(8), which tells nothing of clients
        self._teller = Teller(layout, privileges or Privileges())
        self._dialer = Dialer(ourselves, lookup or Lookup(), self._policy)

    def recover(self) -> Recovered:
        """Bring an interrupted run to its end before anything is planned: what it had in hold is where it was again.

        `deliver` does the same, but for whoever plans after a run that had everything in hold nothing is left to plan.
        Raises as `deliver`; nothing happens where no run was interrupted.
        """
        if not replay(read(self._folder)):
            return Recovered()
        self._require_permission()
        with Journal(self._folder) as journal, closing(self._teller):
            return recover(self._layout, self._teller, journal)

    def _require_permission(self) -> None:
        if not os.access(self._layout.queue_directory / "hold", os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
            raise NotPermitted("queue files may not be read and written", "Run as root.")

    def deliver(self, feed: Feed, stop: threading.Event) -> Iterator[Sequence[Settled]]:
        """See `Way`. Raises NotPermitted, Guarded (another run has this queue), MxtuiError (no room for a journal)."""
        self._require_permission()
        with Journal(self._folder) as journal, closing(self._teller):
            recovered = recover(self._layout, self._teller, journal)
            self.unknown = recovered.unknown
            custodian = Custodian(self._layout, self._teller, journal)
            endings = Endings(custodian, journal)
            sender = Sender(custodian, endings, self._dialer, self._policy, self._route)
            with asyncio.Runner() as runner:
                try:
                    yield from self._turns(runner, sender, endings, feed, stop, recovered)
                finally:
                    runner.run(sender.wind_up())
                    left = replay(read(self._folder))
                    self.unknown = unknown(left.values())  # the run's own, too
                    # The next flush, of whatever kind, reads it first: no room for that is no reason to end badly.
                    with suppress(MxtuiError):
                        journal.begin(left.values())
        if endings.failure is not None:
            raise endings.failure

    def _turns(
        self,
        runner: asyncio.Runner,
        sender: Sender,
        endings: Endings,
        feed: Feed,
        stop: threading.Event,
        recovered: Recovered,
    ) -> Iterator[Sequence[Settled]]:
        doubtful = {each.queue_id: each for each in recovered.unknown}
        while True:
            stopping = stop.is_set() or feed.stopped or endings.failure is not None
            if stopping:
                runner.run(sender.stop())
            over = stopping or feed.over
            targets = feed.take(room) if not over and (room := sender.room) > 0 else ()
            known = [target for target in targets if _is_among(target, doubtful)]
            others = [_as_it_is(target, recovered) for target in targets if target not in known]
            sender.caps = {key: feed.connections_to(str(key)) for key in sender.hosts}
            runner.run(sender.turn(others, feed.connections, TURN))
            told = [endings.left(each, _words(doubtful[each.queue_id]), doubtful=True) for each in known]
            yield [*sender.settled(), *told]
            if over and not sender.in_hand:
                return


def _is_among(target: Target, doubtful: Mapping[str, Unknown]) -> bool:
    """Whether nobody knows if it was delivered."""
    found = doubtful.get(target.queue_id)
    return found is not None and same_message(target.identity, found.identity)


def _as_it_is(target: Target, recovered: Recovered) -> Target:
    """Planned for while an interrupted run had it in hold, it was put back since."""
    return target._replace(state="deferred") if target.queue_id in recovered.released else target


def _words(doubtful: Unknown) -> str:
    return UNKNOWN.format(host=doubtful.host)
