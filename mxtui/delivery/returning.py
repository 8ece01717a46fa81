"""Notices that serve owes to senders of failed mail: tried until the relay takes each, also after a restart.

The debt is in the envelope (`returning`) from the moment that the message fails: nobody is surprised by notices for
what failed before they were configured. One at a time: whoever is told can wait, and mail for the primaries cannot.
"""

import asyncio
import heapq
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from mxtui.delivery.notice import Notifier, NotTakenError, concerned, why_not
from mxtui.delivery.outcome import pause
from mxtui.delivery.policy import Policy
from mxtui.delivery.settling import Log
from mxtui.errors import Guarded, InDelivery, MxtuiError
from mxtui.model.envelope import Envelope
from mxtui.queues.spool.claim import Claim
from mxtui.queues.spool.committer import Committer
from mxtui.queues.spool.store import Spool


class Returner:
    """Belongs to one event loop; its caller holds the spool's forwarder lock."""

    def __init__(
        self,
        spool: Spool,
        committer: Committer,
        notifier: Notifier,
        policy: Policy,
        log: Log,
        *,
        pausing: Callable[[], bool],
    ) -> None:
        self._spool = spool
        self._committer = committer
        self._notifier = notifier
        self._policy = policy
        self._log = log
        self._pausing = pausing
        self._due: list[tuple[float, str]] = []
        """Monotonic seconds and ID."""
        self._failures: dict[str, int] = {}
        self._relay_failures = 0
        self._wake = asyncio.Event()

    def owed(self, envelope: Envelope) -> Envelope:
        """The envelope of a message that fails, with the debt where there is one.

        What a primary refuses is spam more often than not: where no scanner has seen it, an operator decides.
        """
        reason = why_not(envelope, "failed")
        if not reason and envelope.screened is not None and envelope.screened.unscanned:
            reason = f"No scanner has seen it: {envelope.screened.unscanned}."
        if reason:
            self._log("not_returned", "warning", id=envelope.id, why=reason)
            return envelope
        return replace(envelope, returning=True) if concerned(envelope) else envelope

    def add(self, id: str) -> None:  # noqa: A002 (the field's own word)
        """A message is in `failed`; whether its sender is owed a notice, its envelope says."""
        heapq.heappush(self._due, (0.0, id))
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled. A relay that cannot be reached is left alone as a host is; a notice put off waits alone."""
        for id in await asyncio.to_thread(self._left):  # noqa: A001
            self.add(id)
        loop = asyncio.get_running_loop()
        while True:
            now = loop.time()
            if not self._due or self._due[0][0] > now or self._pausing():
                self._wake.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._rest(now)):
                        await self._wake.wait()
                continue
            _, id = heapq.heappop(self._due)  # noqa: A001
            wait, relay = await self._try(id)
            if wait is not None:
                heapq.heappush(self._due, (loop.time() + wait, id))
            if relay and wait is not None:
                await asyncio.sleep(wait)

    def _left(self) -> list[str]:
        """Debts of the last time."""
        return [envelope.id for envelope in self._spool.envelopes("failed") if envelope.returning]

    def _rest(self, now: float) -> float | None:
        if self._pausing():
            return 1.0
        return max(0.0, self._due[0][0] - now) if self._due else None

    async def _try(self, id: str) -> tuple[float | None, bool]:  # noqa: A002
        """Seconds until it is tried again, None where it is done with; and whether it was for the relay's sake."""
        try:
            claim = await asyncio.to_thread(self._spool.claim, id)
        except InDelivery:
            return self._policy.retry, False
        except (MxtuiError, OSError) as error:
            self._log("not_returned", "warning", id=id, why=str(error))
            return self._again(id), False
        if claim is None:
            return None, False
        with claim:
            if claim.state != "failed" or not claim.envelope.returning:
                return None, False  # an operator had the last word
            try:
                if await self._notifier.notify(claim):
                    await self._committer.finish(claim)
                    self._log("returned", id=id, sender=claim.envelope.sender)
                self._failures.pop(id, None)
                self._relay_failures = 0
            except NotTakenError as error:
                self._log("not_returned", "warning", id=id, why=str(error), again=not error.lasting)
                self._relay_failures = 0
                if not error.lasting:
                    return self._again(id), False
                await self._given_up(claim)
            except Guarded as error:
                self._log("not_returned", "warning", id=id, why=error.hint or str(error))
                await self._given_up(claim)
            except (MxtuiError, OSError) as error:
                self._relay_failures += 1
                self._log("not_returned", "warning", id=id, why=str(error), again=True)
                return pause(self._relay_failures, self._policy.retry, self._policy.retry_longest), True
        return None, False

    def _again(self, id: str) -> float:  # noqa: A002
        self._failures[id] = self._failures.get(id, 0) + 1
        return pause(self._failures[id], self._policy.retry, self._policy.retry_longest)

    async def _given_up(self, claim: Claim) -> None:
        """No notice can be had for it: it is the operator's."""
        self._failures.pop(claim.id, None)
        with suppress(OSError):  # asked again after the next start, then
            await self._committer.record(claim, replace(claim.envelope, returning=False))
