"""`mxtui` alone: the console.

What it needs beyond the queue takes 0.3 s to import. By then the names in the queue have been counted, aside.
"""

import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mxtui.cli.attach import Attached, attach, found_source, named_source, settings_of
from mxtui.cli.members import members_of
from mxtui.errors import NoQueue, Unreachable, UsageError
from mxtui.message.limits import WHOLE
from mxtui.model.message import State
from mxtui.model.ssh_address import is_address
from mxtui.queues.postfix.instances import instances

if TYPE_CHECKING:
    from mxtui.config import Settings as Configured
    from mxtui.doctor.finding import Report
    from mxtui.message.inspect import Inspection
    from mxtui.message.parts import Part
    from mxtui.message.sandbox import Sandbox
    from mxtui.model.drain.interrupted import Interrupted
    from mxtui.model.drain.standing import Standing
    from mxtui.model.evidence import Judgement
    from mxtui.model.overview import Alert
    from mxtui.model.plan import Plan
    from mxtui.tui.services import Extra, Services, Settings


def open_console(
    queues: Sequence[str],
    config: str | None,
    *,
    no_color: bool = False,
    mouse: bool = True,
    ascii_only: bool = False,
    theme: str | None = None,
    extras: "Sequence[Extra]" = (),
) -> None:
    """Attach and run until the operator leaves. `extras` are commands for this session.

    Without a queue it is the one that is configured, or this host's; where neither is, all of [[hosts]].
    """
    in_browser = bool(os.environ.get("TEXTUAL_DRIVER"))  # set by `textual serve`, which is at both ends of our pipes
    if not in_browser and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("the console needs a terminal", "mxtui --plain does not; nor do mxtui status and list.")
    if no_color:
        os.environ["NO_COLOR"] = "1"
    given = settings_of(config)
    if len(members := members_of(queues, given)) > 1:
        from mxtui.cli.fleet import Consoles
        from mxtui.tui.run import run_console

        with Consoles(members, config, shown_as(given, theme, ascii_only=ascii_only, mouse=mouse)) as fleet:
            run_console(fleet=fleet)
        return
    source = members[0].source if members else None
    if named_source(source, given) is None:
        source = choose()
    with ThreadPoolExecutor(1) as aside, ExitStack() as stack:
        if is_address(found_source(source, given)[0] or ""):
            aside.submit(import_module, "mxtui.tui.run")  # 0.3 s, for which ssh need not be waited for
        attached = stack.enter_context(attach(source, config))
        counted = aside.submit(attached.queue.depth)
        from mxtui.cli.draining import naming
        from mxtui.tui.run import run_console

        settings = shown_as(attached.settings, theme, ascii_only=ascii_only, mouse=mouse)
        with services(attached, settings, counted, naming(source, config)) as known:
            run_console(replace(known, extras=tuple(extras)))


def shown_as(given: "Configured", theme: str | None, *, ascii_only: bool, mouse: bool) -> "Settings":
    """How the console looks and listens, as configured and as asked for."""
    from mxtui.tui.services import Settings

    wanted = given.console
    return Settings(
        theme=theme or wanted.theme,
        ascii=ascii_only or wanted.ascii,
        mouse=mouse and wanted.mouse,
        keymap=wanted.keys,
    )


@contextmanager
def services(
    attached: Attached,
    settings: "Settings",
    counted: Future[Mapping[State, int]] | None = None,
    again: Sequence[str] = (),
) -> "Iterator[Services]":
    """Everything the console needs of a queue; watching ends with the context. `counted`: its depth, on its way.

    `again` are the options that name the queue, for a drain in a process of its own.
    """
    from mxtui.alerting.keeping import Keeper
    from mxtui.cli.judging import Campaigns, Judging
    from mxtui.cli.sifting import background
    from mxtui.config.settings import Spam
    from mxtui.history import Recorder
    from mxtui.index import Index
    from mxtui.model.alerts import Watch
    from mxtui.monitor import Monitor
    from mxtui.scanning.pulse import Pulse
    from mxtui.tui.services import Services

    queue, history = attached.queue, attached.history
    keeper = Keeper(attached.alerts, replace(attached.telling, watching=True))
    index = Index(attached.now(), suspect=attached.settings.spam.suspect)
    judging, campaigns = Judging(attached), Campaigns(index)
    # What is elsewhere is fetched when it is opened, and never all of it.
    sifter, sifted = (None, None) if attached.elsewhere else background(attached, index, judging)
    pulse = Pulse(Spam() if attached.elsewhere else attached.settings.spam)
    monitor = Monitor(
        queue,
        index,
        attached.primaries,
        always=attached.relayed,
        watch=Watch(attached.thresholds, attached.alerts.memory()),
        counted=counted,
        holds=attached.holds,
        returns=attached.returns.all,
        facts=lambda: replace(attached.facts(pulse.silent), untold=keeper.fault),
        acknowledged=attached.acknowledged,
        judged=keeper.judged,
        history=Recorder(history),
        outlook=attached.outlook,
        suspects=lambda: None if sifter is None else sifter.suspects(),
        clock=attached.now,
    )

    sandbox = _Sandboxed()

    def look_inside(queue_id: str, most: int) -> "Inspection":
        from mxtui.cli.message import inspect_message

        return inspect_message(queue, queue_id, sandbox.open(), most)

    def judge(queue_id: str) -> "Judgement":
        message = index.message(queue_id) or queue.find(queue_id)
        if message is None:
            raise NoQueue(f"{queue_id} is no longer queued")
        more, cleared = campaigns.evidence(queue_id)
        seen = look_inside(queue_id, WHOLE)
        return judging.judge(message, seen, more, cleared)

    def take_out(queue_id: str, part: "Part", path: Path) -> int:
        from mxtui.cli.message import save_part

        return save_part(queue, queue_id, part, path)

    def save(queue_id: str, path: Path) -> int:
        from mxtui.cli.message import save_message

        return save_message(queue, queue_id, path)

    def examine() -> "Report":
        from mxtui.cli.doctor import examined

        return examined(attached, tell=lambda _: None)  # what it found is on the screen, kept or not

    draining = _Draining(attached, again)
    try:
        yield Services(
            sifting=sifter,
            monitor=monitor,
            operations=attached.operations,
            holding=None if attached.elsewhere else attached.holding,
            inspect=look_inside,
            content=queue.content,
            save=save,
            save_part=take_out,
            draining=draining,
            history=history.points,
            examine=None if attached.elsewhere else examine,
            client=queue.client,
            judge=judge,
            suspect=attached.settings.spam.suspect,
            trusted=frozenset(attached.settings.spam.trusted),
            campaigns=campaigns,
            own_names=frozenset({queue.source.name.lower()}),
            settings=settings,
            clock=attached.now,
            acknowledging=_Acknowledging(attached),
            announcing=_Announcing(attached),
            lag=lambda: draining.lag if attached.elsewhere else None,
            version=lambda: attached.version,
        )
    finally:
        if sifted is not None:
            sifted.set()
        pulse.close()
        monitor.close()
        keeper.close()
        sandbox.close()
        judging.close()


class _Sandboxed:
    """Where mail is read; there once the first message is looked at."""

    def __init__(self) -> None:
        self._sandbox: Sandbox | None = None
        self._making = threading.Lock()

    def open(self) -> "Sandbox":
        from mxtui.message.sandbox import Sandbox

        with self._making:
            if self._sandbox is None:
                self._sandbox = Sandbox()
            return self._sandbox

    def close(self) -> None:
        if self._sandbox is not None:
            self._sandbox.close()


class _Acknowledging:
    """On record, then on file, where every command and the other consoles find it."""

    def __init__(self, attached: Attached) -> None:
        self._attached = attached

    def acknowledge(self, alerts: "Sequence[Alert]", reason: str, seconds: float) -> None:
        """Raises MxtuiError."""
        from mxtui.cli.alerts import know_of

        know_of(self._attached, alerts, reason, seconds)

    def withdraw(self, alerts: "Sequence[Alert]") -> None:
        """Raises MxtuiError."""
        from mxtui.cli.alerts import know_no_more

        know_no_more(self._attached, [each.acknowledged for each in alerts if each.acknowledged is not None], "")


class _Announcing:
    """On record, then on file, where every command and the other consoles find it."""

    def __init__(self, attached: Attached) -> None:
        self._attached = attached

    def announce(self, domain: str, reason: str, seconds: float) -> None:
        """Raises MxtuiError."""
        from mxtui.cli.announce import announce

        announce(self._attached, domain, reason, seconds)

    def withdraw(self, domain: str) -> None:
        """Raises MxtuiError."""
        from mxtui.cli.announce import take_back

        take_back(self._attached, domain, "")


class _Draining:
    """Drains in processes of their own, found again on the register."""

    def __init__(self, attached: Attached, again: Sequence[str]) -> None:
        self._attached, self._again = attached, again
        self._drains = attached.drains
        self._standing: Standing | None = None
        self.lag: float | None = None
        """Seconds that it took to be told last."""
        self.wish = self._drains.wish

    def standing(self) -> "Standing | None":
        """As it was, where the host of the queue is away: the screen says that it is stale."""
        with suppress(Unreachable):
            asked_at = time.monotonic()
            self._standing = self._drains.standing()
            self.lag = time.monotonic() - asked_at
        return self._standing

    def finish_interrupted(self) -> "Interrupted":
        """Raises MxtuiError."""
        from mxtui.cli.ways import finish_interrupted

        return finish_interrupted(self._attached, tell=lambda _: None)  # the screen does

    def start(self, plan: "Plan", reason: str, ends: str = "") -> None:
        """Raises MxtuiError."""
        self._attached.start_drain(self._again, plan, reason, ends)


def choose() -> str | None:
    """Which of several Postfix instances on this host; None where there is no choice to be made.

    Raises UsageError: there is one, and nobody at a terminal to make it.
    """
    known = [instance for instance in instances() if instance.enabled]
    if len(known) < 2:
        return None
    if not sys.stdin.isatty():
        which = ", ".join(str(instance.config_directory) for instance in known)
        raise UsageError("this host has several Postfix instances", f"Name one with -q: {which}.")
    for number, instance in enumerate(known, 1):
        click.echo(f"{number}  {instance.name or 'postfix'}  {instance.config_directory}", err=True)
    number = click.prompt("Which queue", type=click.IntRange(1, len(known)), default=1, err=True)
    return str(known[number - 1].config_directory)
