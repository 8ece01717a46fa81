"""A drain by this process, or by one that outlives the terminal; registered, so that everybody sees it."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from mxtui.audit import this_operator
from mxtui.cli.attach import Attached
from mxtui.cli.output import narrate
from mxtui.draining import Draining
from mxtui.drains import Drains
from mxtui.errors import MxtuiError, Unreachable
from mxtui.letting_go import LettingGo
from mxtui.model.drain.batches import Batches
from mxtui.model.drain.connections import Connections
from mxtui.model.drain.machine import Drain
from mxtui.model.drain.primaries import ByPrimary
from mxtui.model.drain.rate import Rate
from mxtui.model.drain.settings import DrainSettings
from mxtui.model.drain.standing import Standing
from mxtui.model.drain.way import Way
from mxtui.model.plan import FlushProgress, Plan
from mxtui.model.words import duration
from mxtui.queues.queue import Releasing
from mxtui.registered import RESERVE, Registered, settings_from
from mxtui.sifting.weights import suspicion

if TYPE_CHECKING:
    from mxtui.model.route import Routed, Router

AHEAD: Final = 25
"""Messages in hand for each connection of our own sender on Postfix's queue: one `postsuper` holds hundreds at once."""

SMALL_BATCH: Final = 50
"""Messages in Postfix's hands at most, where there are few: a quarter of a second's work, so that it never runs dry."""

OF_ALL: Final = 8
"""One in so many may be in its hands at once; 5,000 are enough for the largest batch there is."""

FRESH: Final = 60.0
"""Seconds for which what was found of the primaries while a drain was planned is believed."""

START: Final = 600.0
"""Seconds for a detached drain to be there: reading the plan of a million messages and their order take a minute."""

PATIENCE: Final = 10.0
"""Seconds after which an operator is told what he waits for."""

ENDING: Final = 10.0
"""Seconds in which one that is told to end does."""

UNSEEN: Final = 30.0
"""Seconds that a drain may run and not be seen."""


def drain_settings(
    attached: Attached, *, force: bool = False, rate: Rate | None = None, direct: bool = False
) -> DrainSettings:
    """As configured, and as the command line says; `direct` is by our own sender, from Postfix's queue."""
    ahead, reserve = (AHEAD, 0) if direct else (1, RESERVE)
    wanted = attached.settings.drain
    return settings_from(wanted, force=force, rate=rate, ahead=ahead, reserve=reserve)


def draining(
    attached: Attached, plan: Plan, settings: DrainSettings, way: Way | None = None, router: "Router | None" = None
) -> Draining:
    """The plan's messages through the queue's own engine, or another way; `router` may lead elsewhere than usual."""
    engine = way or attached.queue
    # Postfix bounces at once what is refused, so what it has in hand is what can be lost; serve and we keep it.
    its_own = attached.queue.source.kind == "postfix" and engine is attached.queue
    if its_own:
        settings = replace(settings, most_in_batch=_largest_batch(settings.most_in_batch, len(plan.targets)))
    domains = {domain for target in plan.targets for domain in target.domains}
    by_primary = ByPrimary(_routes(router or attached.router(), domains), attached.settings.drain.primaries)
    primaries = by_primary.primaries(settings, Batches if its_own else Connections)
    is_suspect = suspicion(attached.sifted, attached.settings.spam.suspect)
    drain = Drain(
        plan.targets,
        settings,
        primaries,
        time.monotonic(),
        suspect=lambda target: is_suspect(target.identity),
        probing=True,
    )
    direct = (
        attached.queue.source.kind == "postfix" and engine is not attached.queue
    )  # which takes it out of hold itself
    if not direct and isinstance(attached.queue, Releasing) and any(each.state == "hold" for each in plan.targets):
        engine = LettingGo(engine, attached.queue)
    return Draining(drain, engine, probe=_Probe(attached, by_primary, plan, router))


def _largest_batch(most: int, messages: int) -> int:
    """Of an engine that is not ours, for so many messages: what it has in hand no pause, stop or guard takes back, so
    that of a small queue it must not have all.
    """
    return min(most, max(SMALL_BATCH, messages // OF_ALL))


class _Probe:
    """Climbs ladders for a drain (see `draining.Probe`). What was found for its plan a moment ago holds at first."""

    def __init__(self, attached: Attached, by_primary: ByPrimary, plan: Plan, router: "Router | None") -> None:
        self._attached = attached
        self._by_primary = by_primary
        self._router = router
        fresh = time.time() - plan.made_at < FRESH
        self._known = {by_primary.of(target) for target in plan.targets} if fresh or plan.forced else set()

    def __call__(self, primary: str) -> str:
        if primary in self._known:
            self._known.discard(primary)
            return ""
        found = self._attached.probe_once(self._by_primary.domains(primary), router=self._router)
        return self._by_primary.unwell(primary, found)


def _routes(router: "Router", domains: Collection[str]) -> "Mapping[str, Routed]":
    """Where no route is to be had, whoever delivers says so message by message."""
    try:
        return router.route(sorted(domains)) if domains else {}
    except MxtuiError:
        return {}


def drained(
    attached: Attached, plan: Plan, draining: Draining, reason: str, stop: threading.Event, words: str
) -> Generator[FlushProgress, None, None]:
    """Run it, on the register (see `registered`). `words` name the way."""
    operator = this_operator()
    began = time.time()
    standing = Standing(
        "", plan.selection, words, operator.login, os.getpid(), began, began, settings=draining.drain.settings
    )
    registered = Registered(attached.operations, attached.drains, draining, narrate)
    return registered.run(plan, standing, reason, stop)


def naming(queue: str | None, config: str | None) -> list[str]:
    """The options that name a queue, for a process that runs in another folder."""
    # What is no path is the name of a host in the settings.
    queue_option = ["-q", str(Path(queue).absolute()) if Path(queue).exists() else queue] if queue else []
    return [*queue_option, *(["--config", str(Path(config).absolute())] if config else [])]


def detached(
    arguments: Sequence[str], plan: Plan, drains: Drains, tell: Callable[[str], object] = lambda _: None
) -> Standing:
    """Have another process drain, which no closed terminal ends; once it is on the register.

    `arguments` are those of `mxtui flush`; `tell` is told, in words, where it takes long. Raises Guarded where somebody
    drains already or nobody could see it, else what that process says where it ends before.
    """
    drains.require_free()
    log = drains.folder / "log"
    try:
        drains.make()
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise MxtuiError(f"no drain can be registered in {drains.folder}: {error.strerror}", "Run as root.") from None
    with os.fdopen(descriptor, "wb") as said:
        drains.require_room()
        child = subprocess.Popen(
            [sys.executable, "-m", "mxtui", "flush", *arguments, "--planned", "--yes"],
            stdin=subprocess.PIPE, stdout=said, stderr=said, start_new_session=True, cwd="/",
        )  # fmt: skip
        assert child.stdin is not None
        with suppress(BrokenPipeError), child.stdin:  # one that ended at once says why in its log
            child.stdin.write(msgspec.json.encode(plan))
    try:
        return _registered(child, drains, log, tell)
    except KeyboardInterrupt:  # nobody would expect it to begin after that
        _ended(child)
        raise


def _registered(child: "subprocess.Popen[bytes]", drains: Drains, log: Path, tell: Callable[[str], object]) -> Standing:
    began = time.monotonic()
    at_work: float | None = None
    told = False
    while (now := time.monotonic()) - began < START:
        standing = drains.standing()
        if standing is not None and standing.process == child.pid:
            return standing
        if child.poll() is not None:
            said = (line.removeprefix("mxtui: ") for line in log.read_text("utf-8", "replace").strip().splitlines())
            raise Unreachable(f"the drain ended at once: {' '.join(said)[:400]}", "")
        if drains.busy:
            at_work = now if at_work is None else at_work
            if now - at_work >= UNSEEN:
                why = f"the drain runs as process {child.pid}, but cannot be seen"
                raise Unreachable(why, f"Is {drains.folder} full?")
        if not told and now - began >= PATIENCE:
            told = True
            tell(f"the drain is getting ready, as process {child.pid}")
        time.sleep(0.05)
    _ended(child)
    raise Unreachable(f"the drain did not start within {duration(START)}, and was ended", f"See {log}.")


def _ended(child: "subprocess.Popen[bytes]") -> None:
    """It has begun nothing, or brings what it has in hand to its end."""
    child.terminate()
    with suppress(subprocess.TimeoutExpired):
        child.wait(ENDING)


def planned() -> Plan:
    """The plan that whoever started this process had confirmed. Raises MxtuiError."""
    try:
        return msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MxtuiError(f"no plan on standard input: {error}", "--planned is for mxtui itself.") from None
