"""The service: receiver, forwarder, prober and control socket on one spool, in one event loop.

    client → receiver → committer → spool        the 250 is sent when it is on the disk
                            └ told → forwarder → primary
    prober → health → standby (451 while the primary is up), offers (EHLO), forwarder (try now)
    control socket ← console and commands

Whatever of it ends before it is told to, ends all of it: a service that only seems to run is worse than one that
systemd starts anew.
"""

import asyncio
import os
import secrets
import socket
import time
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from typing import Any, Final

from mxtui import __version__
from mxtui.delivery.forwarder import Errand, Forwarder
from mxtui.delivery.notice import Notifier as Notices
from mxtui.errors import MxtuiError
from mxtui.history import Recorder, Store
from mxtui.history.where import of_spool
from mxtui.model.drain.standing import BY_OPERATOR
from mxtui.model.envelope import Envelope, SpoolState
from mxtui.model.service import Service as Standing
from mxtui.model.service import ServiceWord
from mxtui.model.standby import Standby
from mxtui.primary.lookup import Lookup
from mxtui.primary.prober import Prober
from mxtui.queues.spool.committer import Committer
from mxtui.queues.spool.layout import CONTROL
from mxtui.queues.spool.store import Spool
from mxtui.receiver.names import Names
from mxtui.receiver.receiver import Receiver
from mxtui.receiver.room import DiskRoom
from mxtui.scanning.gate import Gate
from mxtui.service import parts
from mxtui.service.alerts import AlertWatch
from mxtui.service.asking import Asking
from mxtui.service.automatic import AutomaticDrain, register
from mxtui.service.control import ControlServer
from mxtui.service.health import HealthWatch
from mxtui.service.history import Minutes
from mxtui.service.holding import HeldDomains
from mxtui.service.log import Log
from mxtui.service.notify import Notifier
from mxtui.service.recovering import Recovering
from mxtui.service.remembered import RememberedOffers, remember_relay
from mxtui.service.scanning import Scanners, gate_of, scanners_of
from mxtui.service.wanted import Wanted

TICK: Final = 0.5
"""Seconds between two looks at what the state follows from."""

GRACE: Final = 30.0
"""Seconds for messages on their way in and out when the service is told to stop."""

DRAIN_GRACE: Final = 15.0
"""Seconds of those for a drain to bring what it has in hand to its end."""

LOOKED_AT: Final = 1000
"""Messages that are looked at of those that somebody changed, to see whether they were released."""

CRASHED: Final = 70
"""Exit status of a service that did not mean to end (EX_SOFTWARE, sysexits(3))."""


class Service:
    """One `serve`. Its caller holds the spool's forwarder lock, and keeps the listening sockets."""

    def __init__(
        self,
        wanted: Wanted,
        spool: Spool,
        listening: Sequence[socket.socket],
        *,
        log: Log,
        notifier: Notifier,
        read: Callable[[], Wanted],
        scanners: Scanners = scanners_of,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`scanners` makes those that settings name."""
        self._began_with = self._wanted = wanted
        self._read = read
        self._spool = spool
        self._listening = listening
        self._log = log
        self._notifier = notifier
        self._clock = clock
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._reload = asyncio.Event()
        self._ourselves = parts.ourselves_of(wanted, listening)
        self._router = parts.RelayRouter(wanted, self._ourselves)
        self._secret = secrets.token_bytes(32)
        self._remembered = RememberedOffers(spool.path)
        self._committer = Committer(spool)
        self._clients = Names()
        self._scanners = scanners
        self._screened: Counter[str] = Counter()
        """Messages by what scanning made of them, since the start."""
        self._gate = self._make_gate(wanted)
        self._forwarder = self._make_forwarder()
        self._prober = Prober(
            self._router,
            policy=parts.hysteresis(wanted),
            limits=parts.probe_limits(wanted),
            at_once=wanted.settings.probe.at_once,
            clock=clock,
            climbed=self._climbed,
        )
        self._recovering = Recovering(spool.path, self._forwarder, self._make_drain, log, clock)
        self._drains = register(wanted, spool)
        self._seen: float | None = None
        """When the drain that was looked at last had ended."""
        self._held = HeldDomains(spool.path, self._forwarder.leave_alone, self._forwarder.look_for_all, log, clock)
        self._asking = Asking(spool.path, self._router.where, self._ourselves.hostname, log)
        self._health = self._watch_health(wanted)
        self._minutes = Minutes(
            spool, Recorder(Store(of_spool(spool.path))), self._forwarder.waiting, self._forwarder.in_line,
            self._prober.snapshot, lambda: self._wanted.serve.relay, log, clock,
        )  # fmt: skip
        self._receiver: Receiver | None = None
        self._leaving: set[asyncio.Task[None]] = set()
        self._word: ServiceWord = "accepting"
        self._since = clock()
        self._started = False

    # -- living ---------------------------------------------------------------------------------------------------

    async def run(self) -> int:
        """Serve until told to stop; the exit status. Raises MxtuiError where it cannot begin."""
        status = CRASHED
        async with AsyncExitStack() as undo:
            undo.push_async_callback(self._committer.close)
            undo.push_async_callback(self._asking.close)
            undo.push_async_callback(self._clients.close)
            self._held.read()
            if self._wanted.settings.probe.enabled:  # without checks nobody knows when one is back
                self._follow_primaries()
            self._receiver = await self._make_receiver(self._wanted, self._gate)
            self._remember_relay()
            if "." not in self._ourselves.hostname:
                self._log(
                    "short_hostname", "warning", hostname=self._ourselves.hostname,
                    text="other servers mistrust a name that is not a full one: set serve.hostname",
                )  # fmt: skip
            await undo.enter_async_context(ControlServer(self._spool.path / CONTROL, self, self._log))
            await self._listen(self._receiver)
            running = self._start()
            stop = asyncio.create_task(self._stop.wait(), name="stop")
            self._settle()
            self._notifier.ready(self._words())
            self._log("ready", spool=str(self._spool.path), listen=", ".join(self._names()), state=self._word)
            await asyncio.wait([*running, stop], return_when=asyncio.FIRST_COMPLETED)
            if stop.done():
                status = 0
            else:
                self._tell_crash(running)
            stop.cancel()
            await self._wind_up(running, GRACE if stop.done() and status == 0 else 0.0)
        self._log("stopped", "info" if status == 0 else "error", status=status)
        return status

    def stop(self) -> None:
        """Take nothing more, finish what is under way, end. Said again: finish less."""
        (self._hurry if self._stop.is_set() else self._stop).set()

    def reload(self) -> None:
        """Read the settings again, and follow them."""
        self._reload.set()

    def _start(self) -> list[asyncio.Task[None]]:
        wanted: list[tuple[str, Coroutine[Any, Any, None]]] = [
            ("forwarder", self._forwarder.run()),
            ("state", self._keep_settling()),
            ("reload", self._keep_reloading()),
            ("history", self._minutes.run()),
        ]
        if self._wanted.settings.probe.enabled:
            self._prober.follow(self._wanted.serve.relay)
            wanted.append(("prober", self._prober.run()))
        alerts = AlertWatch(
            self._spool,
            self._wanted.settings,
            self._prober.snapshot,
            lambda: self._wanted.serve.relay,
            self._log,
            clock=self._clock,
        )
        if alerts.wanted:
            wanted.append(("alerts", alerts.run()))
        if self._notifier.watchdog is not None:
            wanted.append(("watchdog", self._notifier.keep_alive()))
        return [asyncio.create_task(work, name=name) for name, work in wanted]

    def _tell_crash(self, running: Sequence[asyncio.Task[None]]) -> None:
        for task in running:
            if task.done():
                error = task.exception() if not task.cancelled() else None
                self._log("crashed", "error", part=task.get_name(), error=repr(error) if error else "it ended")

    async def _wind_up(self, running: Sequence[asyncio.Task[None]], grace: float) -> None:
        """Take nothing more; finish what is under way, as long as it may take; end every part."""
        self._notifier.stopping(f"stopping: {self._words()}")
        self._log("stopping", grace=grace)
        for made in self._listening:  # the receiver's own are other descriptors of the same sockets
            made.close()
        assert self._receiver is not None
        ending = asyncio.create_task(self._end(self._receiver, running[0], grace))
        hurry = asyncio.create_task(self._hurry.wait())
        await asyncio.wait([ending, hurry], return_when=asyncio.FIRST_COMPLETED)
        if not ending.done():
            self._log("hurried", "warning")
            ending.cancel()
            # Messages on their way to the disk are finished and answered all the same.
            with suppress(asyncio.CancelledError):
                await ending
            await self._receiver.stop(0)
        hurry.cancel()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, hurry, return_exceptions=True)

    async def _end(self, receiver: Receiver, forwarding: asyncio.Task[None], grace: float) -> None:
        """Mail first stops coming in, then going out, both at once: neither needs the other to end."""
        async with asyncio.TaskGroup() as group:
            group.create_task(receiver.stop(grace))
            group.create_task(self._end_deliveries(forwarding, grace))

    async def _end_deliveries(self, forwarding: asyncio.Task[None], grace: float) -> None:
        """The drain first, or what it has in hand would be broken off."""
        await self._recovering.end(grace and DRAIN_GRACE, "serve is being stopped; the next one goes on")
        if not forwarding.done():
            await self._forwarder.stop()

    # -- parts ----------------------------------------------------------------------------------------------------

    def _make_drain(self) -> AutomaticDrain:
        return AutomaticDrain(self._spool, self._router, self._wanted, self._log, self._forwarder.ids)

    def _follow_primaries(self) -> None:
        drain = self._wanted.settings.drain
        self._recovering.follow(self._wanted.serve.relay, drain.settle, drain.again)

    def _make_gate(self, wanted: Wanted) -> Gate | None:
        scanners = self._scanners(wanted.settings)
        return gate_of(wanted.serve.scan, scanners, self._log, self._clock, self._screened)

    def _make_forwarder(self) -> Forwarder:
        serve = self._wanted.serve
        policy, lookup = parts.delivery_policy(serve, self._wanted.settings.drain), Lookup()
        notices = (
            Notices(
                self._spool, serve.notices, ourselves=self._ourselves, lookup=lookup, policy=policy, clock=self._clock
            )
            if serve.notices is not None
            else None
        )
        return Forwarder(
            self._spool, self._committer, self._router, policy,
            log=self._log, clock=self._clock, ourselves=self._ourselves, lookup=lookup, notifier=notices,
            gate=self._gate,
        )  # fmt: skip

    async def _make_receiver(self, wanted: Wanted, gate: Gate | None) -> Receiver:
        """A receiver by these settings. Raises ConfigError, which names the setting."""
        recipients = await self._asking.recipients(wanted)
        room = DiskRoom(self._spool.path, free_bytes=wanted.serve.limits.free)
        if why := room(0):
            self._log("no_room", "warning", why=why, text="senders are told 452 until there is more")
        with parts.naming(wanted, "certificate"):
            return Receiver(
                parts.receiver_settings(wanted, self._ourselves.hostname),
                _Told(self._committer, self._forwarder, self._minutes, self._recovering),
                recipients,
                self._health.standby,
                parts.offered(tuple(wanted.serve.relay), self._remembered.known()),
                self._log,
                room=room,
                names=self._clients,
                note=self._held.note,
                gate=gate,
                clock=self._clock,
            )

    async def _listen(self, receiver: Receiver) -> None:
        # Each receiver has descriptors of its own: one that goes must not close the port for the next.
        await receiver.start([made.dup() for made in self._listening])

    def _watch_health(self, wanted: Wanted) -> HealthWatch:
        standby = Standby(parts.standby_policy(wanted.serve), self._secret)
        return HealthWatch(wanted.serve.relay, standby, self._turned_up, self._log)

    def _turned_up(self, domains: list[str]) -> None:
        self._forwarder.primary_up(self._recovering.well(domains))

    def _climbed(self, domains: Collection[str]) -> None:
        """The prober came down from the ladder of these domains' primary."""
        known = self._prober.known(domains)
        self._recovering.heard(known)
        self._health.heard(known)
        try:
            news = self._remembered.learn(self._prober.offers(domains))
        except OSError as error:
            news = True
            self._log("offers_not_kept", "warning", error=str(error))
        if news and self._receiver is not None:
            self._receiver.set_offers(parts.offered(tuple(self._wanted.serve.relay), self._remembered.known()))

    def _remember_relay(self) -> None:
        try:
            remember_relay(self._spool.path, self._wanted.serve.relay)
        except OSError as error:
            self._log("relay_not_kept", "warning", error=str(error))

    # -- reloading ------------------------------------------------------------------------------------------------

    async def _keep_reloading(self) -> None:
        """Go on with other settings whenever asked to; with the old ones where the new cannot be used."""
        while True:
            await self._reload.wait()
            self._reload.clear()
            self._notifier.reloading()
            try:
                wanted = await asyncio.to_thread(self._read)
                gate = self._make_gate(wanted)
                receiver = await self._make_receiver(wanted, gate)
            except MxtuiError as error:
                self._log("reload_failed", "error", error=error.message, hint=error.hint)
            else:
                await self._replace(wanted, receiver, gate)
            self._notifier.ready(self._words())

    async def _replace(self, wanted: Wanted, receiver: Receiver, gate: Gate | None) -> None:
        for name in parts.only_at_start(self._began_with, wanted):
            self._log("needs_restart", "warning", setting=name)
        before, self._wanted = self._receiver, wanted
        self._router.follow(wanted)
        self._health.follow(wanted.serve.relay, parts.standby_policy(wanted.serve))
        self._prober.follow(wanted.serve.relay)
        if self._began_with.settings.probe.enabled:
            self._follow_primaries()
        await self._listen(receiver)
        self._receiver = receiver
        self._forwarder.screen_by(gate)
        assert before is not None
        leaving = asyncio.create_task(before.stop(GRACE))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)
        self._remember_relay()
        self._log("reloaded", domains=len(wanted.serve.relay))

    # -- the state ------------------------------------------------------------------------------------------------

    async def _keep_settling(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            self._held.look()
            self._look_at_primaries()
            await self._recovering.keep()
            self._settle()

    def _look_at_primaries(self) -> None:
        """What may go to each of them now, and whether to drain to it."""
        busy = self._drains.busy and not self._recovering.draining  # first: what has ended since is still to be heard
        if self._recovering.standing:
            self._look_at_drains()
        # What waits is what the forwarder knows of.
        may_drain = self._forwarder.loaded and not (self._stop.is_set() or self._forwarder.pausing or busy)
        self._recovering.look(self._held.domains, may_drain=may_drain)

    def _look_at_drains(self) -> None:
        """Whether a drain of somebody else has ended, which says something of its primaries."""
        ended = self._drains.ended_at()
        if ended is None or ended == self._seen:
            return
        self._seen = ended
        standing = self._drains.standing()
        if standing is None or standing.running or standing.process == os.getpid() or standing.progress is None:
            return
        whole = standing.progress.phase == "done" and not standing.fault
        why = standing.progress.why
        stopped = standing.held > 0 or why == BY_OPERATOR
        self._recovering.drained(standing.began, whole=whole, stopped=stopped, why=why)

    def _settle(self) -> None:
        """The state, from health and from what waits; told where it is another."""
        standing = self._forwarder.snapshot()
        waiting = dict.fromkeys(self._wanted.serve.relay, 0)
        for host in standing.hosts:
            going = host.connections if standing.in_flight else 0  # idle ones are kept for a while
            waiting |= {domain: host.waiting + going for domain in host.domains if domain in waiting}
        for domain, messages in waiting.items():
            self._health.standby.waiting(domain, messages)
        word: ServiceWord = self._health.overall
        if word == "draining":
            word = self._what_waits()
        if standing.suspended:
            word = "suspended"
        if self._stop.is_set():
            word = "stopping"
        if word != self._word or not self._started:
            self._started = True
            self._word, self._since = word, self._clock()
            self._log("state", state=word, waiting=standing.waiting)
        self._notifier.status(f"{self._word}: {standing.waiting} waiting")

    def _what_waits(self) -> ServiceWord:
        """Primaries are up, and mail waits for them: what of it is on its way says more than what is not."""
        words = {self._recovering.word(domain) for domain in self._health.draining}
        if words & {"well", "due", "draining", "down"}:
            return "draining"
        return "settling" if "settling" in words else "drain stopped"

    def _words(self) -> str:
        return f"{self._word}: {self._forwarder.snapshot().waiting} waiting"

    def _names(self) -> tuple[str, ...]:
        found = [made.getsockname() for made in self._listening]
        return tuple(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port, *_ in found)

    # -- what the control socket asks -----------------------------------------------------------------------------

    def state(self) -> Standing:
        """How it stands."""
        forwarder = self._forwarder.snapshot()
        clients = self._receiver.snapshot().sessions if self._receiver is not None else 0
        return Standing(
            state=self._word,
            since=self._since,
            heartbeat=forwarder.heartbeat,
            process=os.getpid(),
            version=__version__,
            hostname=self._ourselves.hostname,
            listening=self._names(),
            clients=clients,
            queued=forwarder.waiting,
            delivering=len(forwarder.in_flight),
            recovering=self._recovering.told,
            screened=dict(self._screened),
        )

    def progress(self) -> Mapping[str, object]:
        """How deliveries go, host by host."""
        standing = self._forwarder.snapshot()
        return {
            "waiting": standing.waiting,
            "delivering": len(standing.in_flight),
            "per_second": sum(host.per_second for host in standing.hosts),
            "hosts": standing.hosts,
        }

    def errand(self, *, alone: bool) -> AbstractAsyncContextManager[Errand]:
        """Somebody wants messages tried now. Raises Guarded."""
        return self._forwarder.errand(alone=alone)

    def look(self, ids: Collection[str]) -> None:
        """Somebody changed these."""
        self._forwarder.look(ids)
        if self._recovering.any_stopped():
            looking = asyncio.create_task(self._look_who_is_free(list(ids)[:LOOKED_AT]))
            self._leaving.add(looking)
            looking.add_done_callback(self._leaving.discard)

    async def _look_who_is_free(self, ids: Sequence[str]) -> None:
        """Released mail of a primary whose drain was stopped is an operator's word to go on."""
        found = await asyncio.to_thread(lambda: [self._spool.find(each) for each in ids])
        free = [each[1] for each in found if each is not None and each[0] == "deferred"]
        self._recovering.freed({one.destination for each in free for one in each.waiting})

    def suspend(self) -> None:
        """Deliver nothing."""
        self._forwarder.suspend()
        self._settle()

    def resume(self) -> None:
        """Go on."""
        self._forwarder.resume()
        self._settle()

    def read_holds(self) -> None:
        """Holds of domains were changed on disk."""
        self._held.read()


class _Told:
    """The committer; the history told of every commit, and the forwarder of those to `deferred`."""

    def __init__(self, committer: Committer, forwarder: Forwarder, minutes: Minutes, recovering: Recovering) -> None:
        self._committer = committer
        self._forwarder = forwarder
        self._minutes = minutes
        self._recovering = recovering

    async def commit(self, envelope: Envelope, chunks: Sequence[bytes], state: SpoolState = "deferred") -> None:
        """Durable, then told. Raises OSError."""
        await self._committer.commit(envelope, chunks, state)
        self._minutes.came(envelope)
        if state == "deferred":
            self._forwarder.added(envelope.id, envelope)
            self._recovering.came(envelope)
