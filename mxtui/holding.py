"""Holding a domain, and letting it go: what a hold means for the queue, in the order that survives being killed.

    begin   the hold on disk → new mail caught → what is queued put into hold, the IDs on disk before each batch
    end     `ending` on disk → new mail no longer caught → what the hold put or caught there released → the hold gone

What a migration held is not released here: its new primary has taken no mail yet. The drain of `plan_end` lets go of
it, the canary first and then batch by batch, and whatever that leaves stays in hold, and the hold with it.

Killed in between, the same command again finishes it. Every batch goes through `operations`: planned, recorded, and
judged by evidence. What an operator held before is in hold afterwards, too.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from mxtui.errors import Guarded, MxtuiError, UsageError
from mxtui.holds import Holds
from mxtui.message.sanitize import one_line
from mxtui.model.holds import (
    REASON_LENGTH,
    Catching,
    DomainHold,
    HoldKind,
    held_for_others,
    in_force,
    may_start,
    start_cautions,
)
from mxtui.model.message import Identity, QueuedMessage
from mxtui.model.plan import Plan, Result, Target
from mxtui.model.planning import IN_DELIVERY, refusal, same_message, target_of
from mxtui.model.source import Verb
from mxtui.operations import Operations
from mxtui.queues.catch import Catch

PATIENCE: Final = 20.0
"""Seconds that mail in delivery is waited for, to be held if it comes back; what still is then is told."""

PAUSES: Final = (0.2, 0.5, 1.0, 2.0)
"""Seconds between looks at it; the last one again and again."""

Look = Callable[[str], Iterable[QueuedMessage]]
"""What is queued for a domain, or for one below it, at this moment; blocks."""


class Holding:
    """Begins and ends the holds of domains on one queue. Blocks; generators are run in threads."""

    def __init__(
        self,
        operations: Operations,
        holds: Holds,
        catch: Catch,
        look: Look,
        keep: Callable[[DomainHold], None],
        *,
        clock: Callable[[], float] = time.time,
        patience: float = PATIENCE,
    ) -> None:
        """`keep` leaves somebody behind who ends a suspension when its time is up, where nobody else would."""
        self.operations = operations
        self.holds = holds
        self.catch = catch
        self._look = look
        self._keep = keep
        self._clock = clock
        self._patience = patience

    def wanted(self, domain: str, kind: HoldKind, reason: str, seconds: float, to: str = "") -> DomainHold:
        """A hold from now on, of this operator. Raises UsageError without a reason."""
        if not reason.strip():
            raise UsageError(f"why {kind} {domain}?", "Say --reason: whoever meets it wants to know.")
        now = self._clock()
        return DomainHold(
            domain, kind, one_line(reason.strip(), REASON_LENGTH), self.operations.operator_name, now, now + seconds, to
        )

    def moves(self, hold: DomainHold) -> bool:
        """Whether the domain's messages are put into hold, rather than left alone by whoever delivers."""
        return hold.kind == "migrate" or not self.catch.leaves_alone

    # -- beginning ------------------------------------------------------------------------------------------------

    def plan(self, hold: DomainHold) -> Plan:
        """What is about to be held. Raises Guarded where another hold is in the way, NotPermitted."""
        if why := may_start(hold, self.holds.get(hold.domain)):
            raise Guarded(why, f"See it: mxtui migrate status {hold.domain}")
        targets = self._of_domain(hold) if self.moves(hold) else []
        plan = self.operations.plan(Verb.HOLD, targets, hold.selection)
        cautions = start_cautions(self.catching(hold), moves=self.moves(hold))
        return replace(plan, cautions=(*cautions, *plan.cautions))

    def catching(self, hold: DomainHold) -> Catching:
        """Whether new mail is caught. Raises Unreachable."""
        return self.catch.standing() if self.moves(hold) else Catching(True)

    def begin(self, hold: DomainHold, stop: threading.Event | None = None) -> Iterator[Result]:
        """Hold the domain, or hold it longer: a result for each message, in the order they come to be known.

        What is in delivery is waited for, as long as patience has it; what is delivered meanwhile has no result.
        Raises Guarded where somebody changes holds, and what `operations.execute` raises.
        """
        with self.holds.changing():
            before = self.holds.get(hold.domain)
            if why := may_start(hold, before):
                raise Guarded(why)
            hold = self._joined(hold, before)
            if before is None:
                self.holds.set_held(hold.domain, ())
            self.holds.put(hold)
            try:
                self._catch()
            except MxtuiError:
                self._take_back(hold, before)
                raise
            if hold.kind == "suspend" and self.moves(hold):
                self._keep(hold)
            yield from self._hold_all(hold, stop or threading.Event())

    def _joined(self, hold: DomainHold, before: DomainHold | None) -> DomainHold:
        """It goes on from where the one before it began; one that was ending is in force again."""
        caught = before.caught_since if before is not None else None
        if caught is None and self.catching(hold).works:
            caught = self._clock()
        return replace(hold, since=before.since if before is not None else hold.since, caught_since=caught)

    def _take_back(self, hold: DomainHold, before: DomainHold | None) -> None:
        """Nothing of it has happened."""
        if before is None:
            self.holds.remove(hold.domain)
        else:
            self.holds.put(before)

    def _catch(self) -> None:
        self.catch.follow(in_force(self.holds.all().values(), self._clock()).values())

    def _hold_all(self, hold: DomainHold, stop: threading.Event) -> Iterator[Result]:
        """Until nothing of the domain is on its way any more. The first act is the record of the hold, mail or not."""
        deadline = self._clock() + self._patience
        held = {each.queue_id: each for each in self.holds.held(hold.domain)}
        for number in range(1_000):
            found = self._of_domain(hold) if self.moves(hold) else []
            going = [target for target in found if not refusal(Verb.HOLD, target.state)]
            busy = {target.queue_id for target in found if target.state == "active"}
            for result in self._held(hold, going, held, stop) if going or not number else ():
                if result.detail == IN_DELIVERY and result.result == "refused":
                    busy.add(result.queue_id)
                else:
                    yield result
            if stop.is_set():
                return
            if not busy and not going:
                return
            if self._clock() >= deadline:
                yield from (Result(each, Verb.HOLD, "refused", IN_DELIVERY) for each in sorted(busy))
                return
            stop.wait(PAUSES[min(number, len(PAUSES) - 1)] if busy else 0.0)

    def _held(
        self, hold: DomainHold, going: Sequence[Target], held: dict[str, Identity], stop: threading.Event
    ) -> Iterator[Result]:
        """On disk as held before they are, and afterwards what was; broken off, what was meant stays there."""
        plan = self.operations.plan(Verb.HOLD, going, hold.selection)
        about = {target.queue_id: target.identity for target in plan.targets}
        self.holds.set_held(hold.domain, {**held, **about}.values())
        for result in self.operations.execute(plan, hold.reason, stop):
            if result.result == "done" or result.unsure:
                held[result.queue_id] = about[result.queue_id]
            yield result
        self.holds.set_held(hold.domain, held.values())

    def _of_domain(self, hold: DomainHold) -> list[Target]:
        """Oldest first."""
        found = (target_of(message) for message in self._look(hold.domain))
        return sorted((each for each in found if hold.domain in each.domains), key=lambda each: each.identity.arrival)

    # -- ending ---------------------------------------------------------------------------------------------------

    def known(self, domain: str, kind: HoldKind | None = None) -> DomainHold:
        """The hold of a domain. Raises UsageError where there is none, or another kind."""
        hold = self.holds.get(domain)
        if hold is None:
            raise UsageError(f"{domain} is not held", "mxtui migrate status and mxtui suspend --list show what is.")
        if kind is not None and hold.kind != kind:
            raise UsageError(f"{hold.mark}, not what was named", f"mxtui {hold.ended_by} ends it.")
        return hold

    def volume(self, hold: DomainHold) -> list[Target]:
        """What waits for its end: in hold because of it, oldest first."""
        put = {each.queue_id: each for each in self.holds.held(hold.domain)}
        found = []
        for message in self._look(hold.domain):
            if message.state != "hold":
                continue
            identity = put.get(message.queue_id)
            if (identity is not None and same_message(identity, message.identity)) or self.catch.caught(hold, message):
                found.append(target_of(message))
        return sorted(found, key=lambda each: each.identity.arrival)

    def plan_end(self, hold: DomainHold, *, forced: bool = False) -> Plan:
        """What is about to be let go, oldest first; what another hold concerns as well stays, and is the other's.

        Of a suspension it is a release; of a migration a flush, which releases each message when its turn comes.
        """
        going, staying = self._parted(hold, self.volume(hold) if self.moves(hold) else [])
        plan = self.operations.plan(Verb.RELEASE, going, hold.selection)
        if hold.kind == "migrate":
            plan = self.operations.plan_letting_go(plan, forced=forced)
        kept = [Result(t.queue_id, plan.verb, "refused", f"held for the {other.mark}, too") for t, other in staying]
        return replace(plan, excluded=(*plan.excluded, *kept))

    def catch_no_more(self, hold: DomainHold) -> DomainHold:
        """The beginning of an end: new mail goes by as ever, and what is held stays so. Raises as `begin` does."""
        with self.holds.changing():
            hold = self._ending(hold)
            self._handed_over(hold)
            return hold

    def _ending(self, hold: DomainHold) -> DomainHold:
        hold = replace(self.known(hold.domain), ending=True)
        self.holds.put(hold)
        self._catch()
        return hold

    def end(self, hold: DomainHold, reason: str = "", stop: threading.Event | None = None) -> Iterator[Result]:
        """The end of a suspension: catch nothing more, release, forget. Its mail is tried at once.

        Where a message could not be released, the same again goes on. Raises as `begin` does.
        """
        stop = stop or threading.Event()
        with self.holds.changing():
            hold = self._ending(hold)
            failed = False
            # Twice: a client that was between RCPT and the end of its message has its mail held all the same.
            for number in range(2):
                going = self._handed_over(hold)
                if not going and number:
                    break
                plan = self.operations.plan(Verb.RELEASE, going, hold.selection)
                for result in self.operations.execute(plan, reason, stop):
                    failed |= result.result in ("failed", "refused")
                    yield result
                if stop.is_set() or failed:
                    return
            self.forget(hold.domain)

    def _handed_over(self, hold: DomainHold) -> list[Target]:
        """What waits for this end alone; the rest is another's from now on."""
        going, staying = self._parted(hold, self.volume(hold) if self.moves(hold) else [])
        for target, other in staying:
            self.holds.set_held(other.domain, [*self.holds.held(other.domain), target.identity])
        return going

    def forget(self, domain: str) -> None:
        """The last of an end: what was released has been tried, or is tried by whoever delivers from now on.

        Where something is still held for it, or it was begun again, the hold stays, to be ended again.
        """
        hold = self.holds.get(domain)
        if hold is None or not hold.ending or (self.moves(hold) and self._parted(hold, self.volume(hold))[0]):
            return
        self.holds.remove(domain)
        self._catch()

    def _parted(
        self, hold: DomainHold, targets: Iterable[Target]
    ) -> tuple[list[Target], list[tuple[Target, DomainHold]]]:
        others = in_force(self.holds.all().values(), self._clock())
        others.pop(hold.domain, None)
        going, staying = [], []
        for target in targets:
            other = held_for_others(target.domains, others)
            if other is not None and self.moves(other):
                staying.append((target, other))
            else:
                going.append(target)
        return going, staying

    def overdue(self) -> list[DomainHold]:
        """Suspensions whose time is up, and that nobody has ended."""
        now = self._clock()
        return [hold for hold in self.holds.all().values() if hold.kind == "suspend" and hold.over(now)]
