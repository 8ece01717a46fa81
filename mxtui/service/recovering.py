"""What `serve` does about primaries that were down: what may go to each meanwhile, and when it drains to it by itself.

How they stand is in the spool: who was down, or stopped by a guard, is not forgotten by a restart.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final, Protocol

import msgspec

from mxtui.delivery.host import Host, Mode
from mxtui.model.envelope import Envelope
from mxtui.model.health import UNKNOWN, Health, Primary
from mxtui.model.next_hop import NextHop
from mxtui.model.recovery import Recovery, RecoveryWord
from mxtui.service.automatic import AutomaticDrain, Ended
from mxtui.service.log import Log
from mxtui.service.remembered import kept, replaced

FILE: Final = "recovery.json"

PROOF: Final = 3
"""Messages in a row that a primary takes while checks find it down, until they count for more."""

FAULTS: Final = 5
"""Drains in a row that could not even begin, until mail goes without one."""

MODES: Final[Mapping[RecoveryWord, Mode]] = {
    "well": "open", "down": "sampled", "settling": "guarded", "due": "guarded", "draining": "fed", "stopped": "guarded",
}  # fmt: skip

Known = Mapping[str, tuple[Primary | None, Health]]


class Forwards(Protocol):
    """The forwarder, as far as it is told what may go where."""

    def guard(self, modes: Mapping[str, Mode]) -> None:
        """By host; all others are open."""
        ...

    def host(self, name: str) -> Host | None:
        """How deliveries to one go."""
        ...


class Recovering:
    """Belongs to the event loop. `make` makes a drain to some primaries, each with its domains."""

    def __init__(
        self,
        spool: Path,
        forwarder: Forwards,
        make: Callable[[Mapping[str, Sequence[str]]], AutomaticDrain],
        log: Log,
        clock: Callable[[], float],
    ) -> None:
        self._path = spool / FILE
        self._forwarder = forwarder
        self._make = make
        self._log = log
        self._clock = clock
        self._settle = self._again = 0.0
        self._all: dict[str, Recovery] = {}
        self._drain: AutomaticDrain | None = None
        self._refused = ""
        self._looking = False
        """What changes is told at the end."""
        self._faults: Counter[str] = Counter()
        """By primary, in a row."""
        self._remembered = _remembered(self._path)

    # -- what it is told ------------------------------------------------------------------------------------------

    def follow(self, relay: Mapping[str, NextHop], settle: float, again: float) -> None:
        """Mail is taken for these domains, and by these rules, from now on."""
        self._settle, self._again = settle, again
        before = {domain: each for each in self._all.values() for domain in each.domains}
        found: dict[str, list[str]] = {}
        for domain, hop in relay.items():
            found.setdefault(f"{hop.host.lower()}:{hop.port}", []).append(domain)
        after: dict[str, Recovery] = {}
        for name, domains in found.items():
            each = self._all.get(name) or self._remembered.pop(name, None) or Recovery(name, (), since=self._clock())
            moved = (before[domain] for domain in domains if domain in before and before[domain].primary != name)
            if each.word == "well" and any(other.word != "well" for other in moved):
                # What waited for the old primary waits for this one, of which as little is known.
                each = replace(each, word="down", since=self._clock())
            after[name] = replace(each, domains=tuple(sorted(domains)))
        self._all = after
        self._changed()

    def came(self, envelope: Envelope) -> None:
        """A message was committed to `deferred`."""
        if self._drain is not None:
            self._drain.came(envelope)

    def freed(self, domains: Collection[str]) -> None:
        """An operator released mail of these domains, or put it back."""
        for each in list(self._all.values()):
            if each.word == "stopped" and not set(each.domains).isdisjoint(domains):
                self._put(each.freed(self._clock()))

    def drained(self, since: float, *, whole: bool, held: bool, why: str) -> None:
        """An operator's drain is over that began at `since`: what it had of a primary speaks for or against that."""
        for each in list(self._all.values()):
            host = self._forwarder.host(each.primary)
            if each.word in ("well", "down") or host is None or host.last_tried < since:
                continue
            if whole and host.last_delivery is not None and host.last_delivery >= since:
                self._put(each.trusted(self._clock()))
            elif held:
                self._put(each.stopped(why, self._clock(), self._again))

    # -- how they stand -------------------------------------------------------------------------------------------

    @property
    def standing(self) -> tuple[Recovery, ...]:
        """Those that are not well."""
        return tuple(each for each in self._all.values() if each.word != "well")

    @property
    def told(self) -> tuple[Recovery, ...]:
        """Those, and those that are trusted though there was no drain."""
        return tuple(each for each in self._all.values() if each.word != "well" or each.why)

    def any_stopped(self) -> bool:
        """Whether somebody's word is waited for."""
        return any(each.word == "stopped" for each in self._all.values())

    @property
    def draining(self) -> bool:
        """Whether a drain of our own is under way, which primaries that are back may join."""
        return self._drain is not None

    def well(self, domains: Iterable[str]) -> list[str]:
        """Those of the domains whose primary is trusted."""
        troubled = {domain for each in self.standing for domain in each.domains}
        return [domain for domain in domains if domain not in troubled]

    # -- at work --------------------------------------------------------------------------------------------------

    def look(self, known: Known, left_alone: Collection[str], *, may_drain: bool) -> None:
        """Go on from what checks, deliveries and the clock say now. Costs a look at each primary."""
        before = tuple(self._all.values())
        self._looking = True
        try:
            self._look(known)
            self._follow_drain()
            if may_drain:
                self._begin(left_alone)
        finally:
            self._looking = False
        # Once for all of them: hundreds may turn down in one moment, and each costs a look at all.
        if before != tuple(self._all.values()):
            self._changed()

    def _look(self, known: Known) -> None:
        now = self._clock()
        for each in list(self._all.values()):
            health = next((known[domain][1] for domain in each.domains if domain in known), UNKNOWN)
            after = each.seen(health.state, now, self._settle)
            host = self._forwarder.host(each.primary)
            if host is not None and host.samples >= PROOF:
                after = after.took(now, self._settle)
            self._put(after)

    def _follow_drain(self) -> None:
        if self._drain is None:
            return
        if (ended := self._drain.ended) is not None:
            self._drain = None
            self._settled(ended)
            return
        now = self._clock()
        for each in [one for one in self._all.values() if one.word == "draining"]:
            phase = self._drain.phase(each.primary)
            if phase == "done":
                self._put(each.trusted(now))
            elif phase == "stopped" and not self._drain.by_operator:  # who stops all of it is heard at its end
                # The others may take hours more.
                guarded, why = self._drain.stopped(each.primary)
                self._put(each.stopped(why, now, self._again) if guarded else each.not_yet(why, now, self._settle))

    def _settled(self, ended: Ended) -> None:
        now = self._clock()
        if ended.refused:
            if ended.fault != self._refused:
                self._log("drain_waits", why=ended.fault)
            self._refused = ended.fault
        elif ended.fault:
            self._log("drain_failed", "error", why=ended.fault)
        for each in [one for one in self._all.values() if one.word == "draining"]:
            phase, why = ended.phases.get(each.primary), ended.whys.get(each.primary, "")
            if ended.refused:
                self._put(replace(each, word="due"))
            elif each.primary in ended.guarded or (phase == "stopped" and ended.by_operator):
                self._put(each.stopped(why, now, self._again))
            elif phase == "stopped" or (ended.fault and phase not in (None, "done")):
                self._put(each.not_yet(why or ended.fault, now, self._settle))
            elif ended.fault and phase is None:
                self._not_drained(each, ended.fault, now)
            else:
                self._faults.pop(each.primary, None)
                self._put(each.trusted(now))

    def _not_drained(self, each: Recovery, fault: str, now: float) -> None:
        """It did not begin: a fault that passes is no reason to trust a primary; one that stays, none to keep mail."""
        self._faults[each.primary] += 1
        if self._faults[each.primary] < FAULTS:
            self._put(each.not_yet(fault, now, self._settle))
            return
        del self._faults[each.primary]
        self._log(
            "not_drained", "error", host=each.primary, why=fault, text="its mail goes without a canary or a guard"
        )
        self._put(each.unguarded(fault, now, self._again))

    def _begin(self, left_alone: Collection[str]) -> None:
        due = [each for each in self._all.values() if each.word == "due" and not set(each.domains) <= set(left_alone)]
        if not due:
            return
        if self._drain is not None:
            for each in due:
                if self._drain.again(each.primary):
                    self._put(each.begun(self._clock()))
            return
        self._drain = self._make({each.primary: each.domains for each in due})
        for each in due:
            self._put(each.begun(self._clock()))
        self._drain.begin([each.primary for each in due if each.proven], left_alone)

    async def end(self, seconds: float, why: str) -> None:
        """Serve ends: so does the drain, with what it has in hand brought to its end."""
        drain, self._drain = self._drain, None
        if drain is not None:
            drain.stop(why)
            await asyncio.to_thread(drain.join, seconds)
        self._keep()

    def _put(self, after: Recovery) -> None:
        before = self._all.get(after.primary)
        if before is None or after == before:
            return
        self._all[after.primary] = after
        if after.word != before.word:
            if after.word == "down" and self._drain is not None:
                self._drain.give_up(
                    after.primary, "the primary is down again; what waits for it is drained when it is back"
                )
            waits = round(after.until - self._clock()) if after.until is not None else None
            self._log(
                "recovery", "warning" if after.word in ("down", "stopped") else "info",
                host=after.primary, state=after.word, before=before.word, seconds=waits, why=after.why or None,
            )  # fmt: skip
        if not self._looking:
            self._changed()

    def _changed(self) -> None:
        self._forwarder.guard({each.primary: MODES[each.word] for each in self.standing})
        self._keep()

    def _keep(self) -> None:
        now = self._clock()
        try:
            replaced(self._path, {each.primary: asdict(each.interrupted(now)) for each in self.standing})
        except OSError as error:
            self._log("recovery_not_kept", "warning", error=str(error))


def _remembered(path: Path) -> dict[str, Recovery]:
    """As the last serve left it; what cannot be read is as if nobody had been down."""
    with suppress(msgspec.ValidationError):
        found: dict[str, Recovery] = msgspec.convert(dict(kept(path)), dict[str, Recovery])
        return {name: each for name, each in found.items() if each.primary == name}
    return {}
