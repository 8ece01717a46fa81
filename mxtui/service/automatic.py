"""The drain that `serve` begins by itself: the same as an operator's, in a thread of this process.

It goes through our own control socket, as everybody's does, and stands on the register, where it is paused and stopped.
There is one at a time, for a queue has one; who is back meanwhile joins it, and leaves it once its mail is through.
"""

import os
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from mxtui.audit import SYSTEM_FILE, Audit
from mxtui.delivery.following import target
from mxtui.draining import Draining
from mxtui.drains import FOLDER, Drains
from mxtui.errors import Guarded, MxtuiError
from mxtui.folders import is_there, state_folder
from mxtui.left import LeftByGuards, is_left
from mxtui.letting_go import LettingGo
from mxtui.model.drain.connections import Connections
from mxtui.model.drain.machine import Drain
from mxtui.model.drain.primaries import ByPrimary
from mxtui.model.drain.standing import Standing
from mxtui.model.envelope import Envelope
from mxtui.model.plan import Target
from mxtui.model.route import Router
from mxtui.model.source import Verb
from mxtui.operations import Operations
from mxtui.primary.prober import probe_once
from mxtui.queues.spool.control import Control
from mxtui.queues.spool.queue import SpoolQueue
from mxtui.queues.spool.store import Spool
from mxtui.registered import Registered, settings_from
from mxtui.service.log import Log
from mxtui.service.wanted import Wanted
from mxtui.sifting.store import file_of
from mxtui.sifting.weights import suspicion

LOOK: Final = 10.0
"""Seconds that a climb of a primary's ladder may take."""

WAY: Final = "by serve, after an outage"
BY: Final = "serve"


@dataclass(frozen=True, slots=True)
class Part:
    """How a drain stands with one of its primaries."""

    word: Literal["going", "through", "stopped", "missed"]
    """`through`: it needs no drain any more. `missed`: the drain was over before it could join."""
    guarded: bool = False
    """Of one that was stopped, whether by its guard."""
    why: str = ""
    """Of one that was stopped, and what to do; of one that missed it, what went wrong."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a drain ended."""

    parts: Mapping[str, Part] = field(default_factory=dict)
    """By primary; those that nothing waited for are missing."""
    by_operator: bool = False
    """Somebody stopped all that was left of it."""
    refused: bool = False
    """The queue is being drained already, or deliveries are suspended: it never began."""
    fault: str = ""
    """What made it impossible, and what to do."""


class AutomaticDrain:
    """One drain, from `begin` to its `ended`, which others `join`. Used in the event loop, but for what says otherwise.

    What waits is known to whoever delivers, so that to join costs as much as there is for those who do.
    """

    def __init__(
        self,
        spool: Spool,
        router: Router,
        wanted: Wanted,
        log: Log,
        waiting: Callable[[Collection[str]], Sequence[str]],
    ) -> None:
        """`waiting` gives the IDs of all that waits in `deferred` for some domains; it does not block."""
        self._spool = spool
        self._wanted = wanted
        self._log = log
        self._waiting = waiting
        self._by_primary = ByPrimary({}, wanted.settings.drain.primaries)
        self._router = router
        self._proven: frozenset[str] = frozenset()
        self._left_alone: frozenset[str] = frozenset()
        self._draining: Draining | None = None
        self._registered: Registered | None = None
        self._left = LeftByGuards(register(wanted, spool).folder)
        self._domains: dict[str, str] = {}
        """Those whose mail it takes care of, each with its primary."""
        self._named: set[str] = set()
        """Those, and those that left it."""
        self._lock = threading.Lock()
        self._entering: frozenset[str] = frozenset()
        """Primaries whose mail is being read."""
        self._came: list[Target] = []
        """For those."""
        self._missed: dict[str, str] = {}
        self._ended: Ended | None = None
        self._why = ""
        self._thread: threading.Thread | None = None

    @property
    def ended(self) -> Ended | None:
        """How it did; None while it runs."""
        return self._ended

    @property
    def joinable(self) -> bool:
        """Whether primaries may join now: one batch of them at a time."""
        return self._draining is not None and not self._entering and self._ended is None

    def begin(
        self, primaries: Mapping[str, Sequence[str]], proven: Collection[str], left_alone: Collection[str]
    ) -> None:
        """`primaries` by name, each with its domains.

        `proven` ones take mail whatever a climb says; nothing is tried for the domains `left_alone`.
        """
        self._enter(self._work, primaries, proven, left_alone)

    def join(
        self, primaries: Mapping[str, Sequence[str]], proven: Collection[str], left_alone: Collection[str]
    ) -> None:
        """As `begin`, of some that are back since; it has to be `joinable`."""
        self._enter(self._join, primaries, proven, left_alone)

    def _enter(
        self,
        work: Callable[[Sequence[str]], None],
        primaries: Mapping[str, Sequence[str]],
        proven: Collection[str],
        left_alone: Collection[str],
    ) -> None:
        self._proven = self._proven.difference(primaries).union(proven)
        self._left_alone = frozenset(left_alone)
        domains = {domain: name for name, its_own in primaries.items() for domain in its_own}
        self._domains = self._domains | domains
        with self._lock:
            self._entering = frozenset(primaries)
            for name in primaries:
                self._missed.pop(name, None)
        # A daemon: a second SIGTERM waits for nobody, and what is in hand is in the forwarder's hands.
        thread = threading.Thread(target=work, args=(self._waiting(domains),), name="mxtui-drain", daemon=True)
        self._thread = self._thread or thread
        thread.start()

    def part(self, primary: str) -> Part:
        """How it stands with one that began, or joined."""
        if primary in self._entering or self._draining is None:
            return Part("going")
        if primary in self._missed:
            return Part("missed", why=self._missed[primary])
        drain = self._draining.drain
        if drain.phase_of(primary) == "stopped":
            return Part("stopped", drain.stopped_by_guard(primary), drain.why_of(primary, time.monotonic()))
        return Part("through" if drain.through(primary) else "going")

    @property
    def by_operator(self) -> bool:
        """Whether somebody stops all of it."""
        return self._registered is not None and self._registered.stopped

    def came(self, envelope: Envelope) -> bool:
        """New mail; whether the drain takes care of it."""
        new = target(envelope, "deferred")
        if not self._concerns(new):
            return False
        with self._lock:
            if not self._entering.isdisjoint(self._domains.get(domain, "") for domain in new.domains):
                self._came.append(new)
                return True
        return self._draining is not None and self._draining.add([new])

    def leave(self, primary: str, why: str = "") -> None:
        """It is none of the drain's any more; `why` stops what the drain still has for it. The others go on."""
        self._domains = {domain: name for domain, name in self._domains.items() if name != primary}
        if why and self._draining is not None:
            self._draining.drain.stop(why, primary)

    def stop(self, why: str) -> None:
        """Take no more, and bring what is in hand to its end."""
        with self._lock:
            self._why = why
        if self._draining is not None:
            self._draining.stop(why)

    def wait(self, seconds: float) -> None:
        """Wait for its end; blocks."""
        if self._thread is not None:
            self._thread.join(seconds)

    # -- in threads of its own ------------------------------------------------------------------------------------

    def _work(self, ids: Sequence[str]) -> None:
        try:
            self._ended = self._drain(ids)
        except Guarded as error:
            self._ended = Ended(refused=True, fault=error.message)
        except MxtuiError as error:
            self._ended = self._how(f"{error.message}. {error.hint}".strip())
        except BaseException as error:
            self._ended = self._how(repr(error))
            raise

    def _drain(self, ids: Sequence[str]) -> Ended:
        targets = self._targets(ids)
        if not targets:
            return Ended()
        queue = SpoolQueue(
            self._spool, lifetime=self._wanted.serve.expire, control=Control(self._spool.path, alone=False)
        )
        audit = Audit(audit_file(self._wanted, self._spool))
        operations = Operations(queue, audit=audit, left=self._left)
        settings = settings_from(self._wanted.settings.drain)
        primaries = self._by_primary.primaries(settings, Connections)
        wanted = self._wanted.settings
        is_suspect = suspicion(file_of(queue.source.path, state_folder(wanted.state)), wanted.spam.suspect)
        drain = Drain(
            targets,
            settings,
            primaries,
            time.monotonic(),
            suspect=lambda each: is_suspect(each.identity),
            probing=True,
            joinable=True,
        )
        self._named.update(self._domains)
        plan = operations.plan(Verb.FLUSH, targets, self._selection())
        draining = Draining(drain, LettingGo(queue, queue), probe=self._probe)
        began = time.time()
        standing = Standing("", plan.selection, WAY, BY, os.getpid(), began, began, settings=settings)
        registered = Registered(operations, register(self._wanted, self._spool), draining, self._complain)
        for _ in registered.run(plan, standing, "the primary is back", threading.Event()):
            if self._draining is None:
                self._at_work(draining, registered)
        return self._how()

    def _at_work(self, draining: Draining, registered: Registered) -> None:
        """Whoever is in the event loop may turn to it from now on."""
        self._draining, self._registered = draining, registered
        self._entered()
        with self._lock:
            why = self._why
        if why:
            draining.stop(why)

    def _join(self, ids: Sequence[str]) -> None:
        """Read what waits for those that joined, and have it drained, too."""
        assert self._draining is not None
        why: str | None = None
        try:
            if not self._draining.open(self._targets(ids)):
                why = ""
            elif self._registered is not None:
                self._named.update(self._domains)
                self._registered.selection = self._selection()
        except MxtuiError as error:
            why = f"{error.message}. {error.hint}".strip()
        self._entered(why)

    def _entered(self, missed: str | None = None) -> None:
        """What came meanwhile goes the same way; `missed` says why those who joined are not in it."""
        with self._lock:
            came, self._came = self._came, []
            if missed is not None:
                self._missed.update(dict.fromkeys(self._entering, missed))
            self._entering = frozenset()
        if came and missed is None and self._draining is not None:
            self._draining.add(came)

    def _selection(self) -> str:
        return " or ".join(f"domain:{name}" for name in sorted(self._named))

    def _how(self, fault: str = "") -> Ended:
        if self._draining is None:
            return Ended(fault=fault)
        drain = self._draining.drain
        with self._lock:
            missed = {name: Part("missed") for name in self._entering}
        known = {*self._domains.values()}
        parts = {name: self.part(name) for name in known if name in self._missed or drain.phase_of(name) is not None}
        return Ended(parts={**parts, **missed}, by_operator=self.by_operator, fault=fault)

    def _targets(self, ids: Sequence[str]) -> list[Target]:
        """What waits for these primaries and no held domain, and what guards held of it. Some 40 µs each."""
        found = (self._spool.find(each) for each in ids)
        waiting = [target(each[1], "deferred") for each in found if each is not None and each[0] == "deferred"]
        known = self._left.known()
        there = (self._spool.find(each) for each in known)
        held = (target(each[1], each[0]) for each in there if each is not None)
        targets = [*waiting, *(each for each in held if is_left(each, known))]
        targets = [each for each in targets if self._concerns(each)]
        # Those that nothing waits for, too: mail that comes for one goes with that of its primary.
        domains = sorted({*self._domains, *(domain for each in targets for domain in each.domains)})
        self._by_primary.learn(self._router.route(domains))
        return targets

    def _concerns(self, target: Target) -> bool:
        return not self._domains.keys().isdisjoint(target.domains) and self._left_alone.isdisjoint(target.domains)

    def _probe(self, primary: str) -> str:
        """Climb; blocks."""
        if primary in self._proven:
            return ""
        tested = self._wanted.settings.probe.recipients
        found = probe_once(self._by_primary.domains(primary), self._router, LOOK, recipients=tested)
        return self._by_primary.unwell(primary, found)

    def _complain(self, text: str) -> None:
        self._log("drain", "warning", text=text)


def register(wanted: Wanted, spool: Spool) -> Drains:
    """The register of a spool's drains."""
    return Drains(str(spool.path), wanted.settings.drain.folder or spool.path / FOLDER)


def audit_file(wanted: Wanted, spool: Spool) -> Path:
    """As configured, or the host's where whom `serve` runs as may write it; else in the spool."""
    if wanted.settings.audit is not None:
        return wanted.settings.audit
    there = SYSTEM_FILE if is_there(SYSTEM_FILE) else SYSTEM_FILE.parent
    return SYSTEM_FILE if os.access(there, os.W_OK) else spool.path / SYSTEM_FILE.name
