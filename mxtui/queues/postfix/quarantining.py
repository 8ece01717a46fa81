"""Quarantine and back on a Postfix queue, and every other verb with regard to it.

On record before it is held, so that nothing that releases by kind finds it in hold without one; and out of hold before
it is off the record. Killed in between, the record says too much, which `Quarantine` sees through.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mxtui.folders import is_locked
from mxtui.model.plan import Result, Target
from mxtui.model.planning import IN_DELIVERY
from mxtui.model.source import Verb
from mxtui.queues.postfix import removal
from mxtui.queues.postfix.actions import Actions
from mxtui.queues.postfix.layout import Layout
from mxtui.queues.postfix.permission import POSTSUPER
from mxtui.queues.postfix.quarantine import EACH_NS, HOLDING_NS, Entry, Quarantine, about
from mxtui.queues.postfix.whereabouts import locate

ALREADY: Final = "in quarantine already"

BY_NOW: Final = "in quarantine by now: released only where named"

NO_LONGER: Final = "no longer in quarantine"

_HEEDING: Final = (Verb.RELEASE, Verb.RENEW, Verb.REJECT)
"""Verbs that let mail out of hold; a plan that found it held by somebody else did not mean what is in quarantine."""


@dataclass(frozen=True, slots=True)
class Quarantining:
    """Acts on one Postfix queue and its record."""

    layout: Layout
    actions: Actions
    record: Quarantine
    clock: Callable[[], int] = time.time_ns

    def steps(self, verb: Verb, targets: Sequence[Target], *, keep_copy: bool = False) -> tuple[str, ...]:
        """The commands, in order."""
        if not targets:
            return ()
        noted = f"note in {self.record.path}  (each of {len(targets):,})"
        match verb:
            case Verb.QUARANTINE:
                waiting = sum(target.state != "hold" for target in targets)
                hold = (self.actions.step(POSTSUPER[Verb.HOLD], waiting),) if waiting else ()
                return (noted, *hold)
            case Verb.UNQUARANTINE:
                known = self.record.known()
                going = [t for t in targets if t.queue_id not in known or not known[t.queue_id].held]
                release = (self.actions.step(POSTSUPER[Verb.RELEASE], len(going)),) if going else ()
                return (*release, noted)
            case Verb.DELETE if keep_copy:
                return removal.steps(self.actions, _as_held(targets))
            case _:
                return self.actions.steps(verb, _as_held(targets))

    def act(self, verb: Verb, targets: Sequence[Target], *, try_now: bool = True) -> Iterator[Result]:
        """Do it, as `Actions.act` does."""
        self.record.refresh()
        match verb:
            case Verb.QUARANTINE:
                yield from self._quarantine(targets)
            case Verb.UNQUARANTINE:
                yield from self._unquarantine(targets)
            case _:
                going = []
                for target in targets:
                    if verb in _HEEDING and target.state != "quarantine" and self.record.keeps(target):
                        yield Result(target.queue_id, verb, "refused", BY_NOW)
                    else:
                        going.append(target)
                yield from self._out(self.actions.act(verb, _as_held(going), try_now=try_now))

    def delete(self, targets: Sequence[Target], folder: Path) -> Iterator[Result]:
        """Delete with copies, which say that it was in quarantine."""
        return self._out(removal.delete(self.layout, self.actions, targets, folder))

    def _out(self, results: Iterator[Result]) -> Iterator[Result]:
        """Those that left, off the record. Where that cannot be written it says too much, of what is not there."""
        done: list[str] = []
        try:
            for result in results:
                if result.result == "done":
                    done.append(result.queue_id)
                yield result
        finally:
            with suppress(OSError):
                self.record.forget(done)

    # -- in -------------------------------------------------------------------------------------------------------

    def _quarantine(self, targets: Sequence[Target]) -> Iterator[Result]:
        held: list[Target] = []
        waiting: list[Target] = []
        for target in targets:
            if self.record.keeps(target):
                yield Result(target.queue_id, Verb.QUARANTINE, "refused", ALREADY)
            else:
                (held if target.state == "hold" else waiting).append(target)
        yield from self._note(held)
        yield from self._hold(waiting)

    def _noted(self, entries: Sequence[Entry]) -> str:
        """Put these on record; why that could not be."""
        try:
            self.record.add(entries)
        except OSError as error:
            return f"it cannot be put on record: {error.strerror}"
        return ""

    def _note(self, targets: Sequence[Target]) -> Iterator[Result]:
        """What is in hold already."""
        checked = self.actions.checked(Verb.QUARANTINE, targets)
        entries: list[Entry] = []
        results: list[Result] = list(checked.results)
        for target in checked.going:
            if self._in_hand(target):
                results.append(Result(target.queue_id, Verb.QUARANTINE, "refused", IN_DELIVERY))
            else:
                entries.append(self._about(target))
        why = self._noted(entries)
        yield from results
        for entry in entries:
            if why:
                yield Result(entry.queue_id, Verb.QUARANTINE, "failed", why)
            elif self.record.holds(entry):
                yield Result(entry.queue_id, Verb.QUARANTINE, "done", "was held")
            else:
                yield Result(entry.queue_id, Verb.QUARANTINE, "refused", "no longer held")

    def _hold(self, targets: Sequence[Target]) -> Iterator[Result]:
        if not targets:
            return
        until = self.clock() + HOLDING_NS + EACH_NS * len(targets)
        if why := self._noted([about(target, changed=0, until=until) for target in targets]):
            yield from (Result(target.queue_id, Verb.QUARANTINE, "failed", why) for target in targets)
            return
        about_them = {target.queue_id: target for target in targets}
        put: list[Entry] = []
        vain: list[str] = []
        try:
            for result in self.actions.act(Verb.HOLD, targets):
                if result.result == "done":
                    put.append(self._about(about_them[result.queue_id]))
                elif not result.unsure:
                    vain.append(result.queue_id)
                yield result._replace(action=Verb.QUARANTINE)
        finally:
            with suppress(OSError):  # what stands there holds, too
                self.record.forget(vain)
                self.record.add(put)

    def _about(self, target: Target) -> Entry:
        """What is on record of a message in hold, with its file's time of change where we may look at it."""
        with suppress(OSError):
            here = locate(self.layout, target.queue_id, ("hold",))
            if here is not None:
                entry = about(target, changed=os.lstat(here.path).st_ctime_ns)
                return entry if entry.inode else entry._replace(inode=here.inode)
        return about(target, changed=0, until=self.clock())

    def _in_hand(self, target: Target) -> bool:
        """Whether our own sender has it locked, and delivers it from hold."""
        with suppress(OSError):
            here = locate(self.layout, target.queue_id, ("hold",))
            return here is not None and is_locked(here.path)
        return False

    # -- back -----------------------------------------------------------------------------------------------------

    def _unquarantine(self, targets: Sequence[Target]) -> Iterator[Result]:
        known = self.record.known()
        held: list[str] = []
        going: list[Target] = []
        for target in targets:
            if not self.record.keeps(target):
                yield Result(target.queue_id, Verb.UNQUARANTINE, "refused", NO_LONGER)
            elif known[target.queue_id].held:
                held.append(target.queue_id)
            else:
                going.append(target)
        try:
            self.record.forget(held)
        except OSError as error:
            why = f"its record cannot be written: {error.strerror}"
            yield from (Result(each, Verb.UNQUARANTINE, "failed", why) for each in held)
        else:
            yield from (Result(each, Verb.UNQUARANTINE, "done", "in hold again") for each in held)
        for result in self._out(self.actions.act(Verb.RELEASE, _as_held(going), try_now=False)):
            yield result._replace(action=Verb.UNQUARANTINE)


def _as_held(targets: Sequence[Target]) -> list[Target]:
    """As Postfix has them."""
    return [target._replace(state="hold") if target.state == "quarantine" else target for target in targets]
