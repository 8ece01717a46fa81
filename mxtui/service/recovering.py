"""What `serve` does about primaries that were down: what may go to each meanwhile, and when it drains to it by itself.

How they stand is in the spool: who was down, or stopped by a guard, is not forgotten by a restart.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final, Protocol

import msgspec

from mxtui.delivery.host import Host, Mode
from mxtui.model.envelope import Envelope
from mxtui.model.health import Health, HealthState, Primary
from mxtui.model.next_hop import NextHop
from mxtui.model.recovery import Recovery, RecoveryWord
from mxtui.service.automatic import AutomaticDrain, Ended, Part
from mxtui.service.log import Log
from mxtui.service.remembered import kept, leave

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
        """By host, what may go to it from now on; others are as before."""
        ...

    def host(self, name: str) -> Host | None:
        """How deliveries to one go."""
        ...


class Recovering:
    """Belongs to the event loop. `make` makes a drain."""

    def __init__(
        self,
        spool: Path,
        forwarder: Forwards,
        make: Callable[[], AutomaticDrain],
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
        self._concerned: dict[str, None] = {}
        """Those with which time has something to do: a thousand that are well cost nothing."""
        self._names: dict[str, str] = {}
        """By domain, its primary."""
        self._health: dict[str, HealthState] = {}
        """By primary, as checks found it last."""
        self._drain: AutomaticDrain | None = None
        self._refused = ""
        self._news: set[str] = set()
        """Primaries of which the forwarder may be told something."""
        self._unkept = False
        self._faults: Counter[str] = Counter()
        """By primary, in a row."""
        self._remembered = _remembered(self._path)

    # -- what it is told ------------------------------------------------------------------------------------------

    def follow(self, relay: Mapping[str, NextHop], settle: float, again: float) -> None:
        """Mail is taken for these domains, and by these rules, from now on."""
        self._settle, self._again = settle, again
        before = {domain: self._all[name] for domain, name in self._names.items()}
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
        self._news.update(self._all, after)
        self._all, self._concerned = after, {}
        self._names = {domain: name for name, each in after.items() for domain in each.domains}
        for each in after.values():
            self._file(each)
        self._tell()

    def heard(self, known: Known) -> None:
        """What checks of some domains' primaries found now. Costs a look at each of those."""
        for name, state in {self._names[each]: known[each][1].state for each in known if each in self._names}.items():
            self._health[name] = state
            self._look_at(self._all[name])
        self._tell()

    def came(self, envelope: Envelope) -> None:
        """A message was committed to `deferred`."""
        if self._drain is not None:
            self._drain.came(envelope)

    def freed(self, domains: Collection[str]) -> None:
        """An operator released mail of these domains, or put it back."""
        for name in {self._names[domain] for domain in domains if domain in self._names}:
            self._put(self._all[name].freed(self._clock()))
        self._tell()

    def drained(self, since: float, *, whole: bool, stopped: bool, why: str) -> None:
        """An operator's drain is over that began at `since`: what it had of a primary speaks for or against that.

        `stopped`: by its guard, or by an operator, who would not expect another drain to begin at once.
        """
        for each in self.standing:
            host = self._forwarder.host(each.primary)
            if each.word == "down" or host is None or host.last_tried < since:
                continue
            if whole and host.last_delivery is not None and host.last_delivery >= since:
                self._put(each.trusted(self._clock()))
            elif stopped:
                self._put(each.stopped(why, self._clock(), self._again))
        self._tell()

    # -- how they stand -------------------------------------------------------------------------------------------

    @property
    def standing(self) -> tuple[Recovery, ...]:
        """Those that are not well."""
        return tuple(each for each in self._looked_after if each.word != "well")

    @property
    def told(self) -> tuple[Recovery, ...]:
        """Those, and those that are trusted though there was no drain."""
        return tuple(self._as_told(each) for each in self._looked_after if each.word != "well" or each.why)

    def _as_told(self, each: Recovery) -> Recovery:
        host = self._forwarder.host(each.primary)
        return replace(each, drained_by_hand=host is not None and host.asked_only)

    @property
    def _looked_after(self) -> list[Recovery]:
        return [self._all[name] for name in self._concerned]

    def any_stopped(self) -> bool:
        """Whether somebody's word is waited for."""
        return any(each.word == "stopped" for each in self._looked_after)

    @property
    def draining(self) -> bool:
        """Whether a drain of our own is under way, which primaries that are back may join."""
        return self._drain is not None

    def word(self, domain: str) -> RecoveryWord:
        """How a domain's primary stands."""
        name = self._names.get(domain)
        return self._all[name].word if name is not None else "well"

    def well(self, domains: Iterable[str]) -> list[str]:
        """Those of the domains whose primary is trusted."""
        return [domain for domain in domains if self.word(domain) == "well"]

    # -- at work --------------------------------------------------------------------------------------------------

    def look(self, left_alone: Collection[str], *, may_drain: bool) -> None:
        """Go on from what deliveries, the drain and the clock say now. Costs a look at each that is not well."""
        for each in self._looked_after:
            self._look_at(each)
        self._follow_drain()
        if may_drain:
            self._begin(left_alone)
        # Once for all of them, and not for each.
        self._tell()

    def _look_at(self, each: Recovery) -> None:
        now = self._clock()
        after = each.seen(self._health.get(each.primary, "unknown"), now, self._settle)
        if after.word == "down":
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
        for each in [one for one in self._looked_after if one.word == "draining"]:
            part = self._drain.part(each.primary)
            # Who stops all of it is heard at its end; the others may take hours more.
            if part.word != "going" and not (part.word == "stopped" and self._drain.by_operator):
                self._drain.leave(each.primary)
                self._judge(each, part)

    def _settled(self, ended: Ended) -> None:
        now = self._clock()
        if ended.refused:
            if ended.fault != self._refused:
                self._log("drain_waits", why=ended.fault)
            self._refused = ended.fault
        elif ended.fault:
            self._log("drain_failed", "error", why=ended.fault)
        for each in [one for one in self._looked_after if one.word == "draining"]:
            part = ended.parts.get(each.primary)
            if ended.refused:
                self._put(replace(each, word="due"))
            elif part is None and ended.fault:
                self._not_drained(each, ended.fault, now)
            elif part is not None and part.word == "going" and ended.fault:
                self._put(each.not_yet(ended.fault, now, self._settle))
            else:
                self._judge(each, part or Part("through"), by_operator=ended.by_operator)

    def _judge(self, each: Recovery, part: Part, *, by_operator: bool = False) -> None:
        """What a drain has come to with one of them."""
        now = self._clock()
        if part.word == "stopped" and (part.guarded or by_operator):
            self._put(each.stopped(part.why, now, self._again))
        elif part.word == "missed" and not part.why:
            self._put(replace(each, word="due"))
        elif part.word in ("stopped", "missed"):
            self._put(each.not_yet(part.why, now, self._settle))
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
        due = [each for each in self._looked_after if each.word == "due" and not {*each.domains} <= {*left_alone}]
        if not due or (self._drain is not None and not self._drain.joinable):
            return
        domains = {each.primary: each.domains for each in due}
        proven = [each.primary for each in due if each.proven]
        for each in due:
            self._put(each.begun(self._clock()))
        if self._drain is None:
            self._drain = self._make()
            self._drain.begin(domains, proven, left_alone)
        else:
            self._drain.join(domains, proven, left_alone)

    async def end(self, seconds: float, why: str) -> None:
        """Serve ends: so does the drain, with what it has in hand brought to its end."""
        drain, self._drain = self._drain, None
        if drain is not None:
            drain.stop(why)
            await asyncio.to_thread(drain.wait, seconds)
        self._unkept = True
        await self.keep()

    def _put(self, after: Recovery) -> None:
        before = self._all.get(after.primary)
        if before is None or after == before:
            return
        self._all[after.primary] = after
        self._file(after)
        if after.word != before.word:
            if after.word == "down" and self._drain is not None:
                self._drain.leave(
                    after.primary, "the primary is down again; what waits for it is drained when it is back"
                )
            waits = round(after.until - self._clock()) if after.until is not None else None
            self._log(
                "recovery", "warning" if after.word in ("down", "stopped") else "info",
                host=after.primary, state=after.word, before=before.word, seconds=waits, why=after.why or None,
            )  # fmt: skip
        self._news.add(after.primary)

    def _file(self, each: Recovery) -> None:
        if each.word != "well" or each.until is not None:
            self._concerned[each.primary] = None
        else:
            self._concerned.pop(each.primary, None)

    def _tell(self) -> None:
        """Hundreds may turn down in one moment: what is new goes to the forwarder at once, to the disk by and by."""
        if self._news:
            news, self._news, self._unkept = self._news, set(), True
            words = {name: self._all[name].word if name in self._all else "well" for name in news}
            self._forwarder.guard({name: MODES[word] for name, word in words.items()})

    async def keep(self) -> None:
        """Have what is new of them survive a restart."""
        if not self._unkept:
            return
        self._unkept = False
        now = self._clock()
        content = {each.primary: asdict(each.interrupted(now)) for each in self.standing}
        try:
            await asyncio.to_thread(leave, self._path, content)
        except OSError as error:
            self._log("recovery_not_kept", "warning", error=str(error))


def _remembered(path: Path) -> dict[str, Recovery]:
    """As the last serve left it; what cannot be read is as if nobody had been down."""
    with suppress(msgspec.ValidationError):
        found: dict[str, Recovery] = msgspec.convert(dict(kept(path)), dict[str, Recovery])
        return {name: each for name, each in found.items() if each.primary == name}
    return {}
