"""Hosts: several queues side by side, and their domains across all of them."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import ClassVar, cast

from rich.style import Style
from textual import on, work
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input

from mxtui.errors import MxtuiError
from mxtui.model.filter import parse, quote
from mxtui.model.fleet import DomainAcross, HostStatus, across, narrowed
from mxtui.model.guard import guarded, seen
from mxtui.model.plan import Plan
from mxtui.model.source import ALLOWED, Permission, Verb
from mxtui.model.words import enumerated
from mxtui.tui.commands import Command, bindings
from mxtui.tui.desk import Desk
from mxtui.tui.draw import hosts as draw
from mxtui.tui.draw.chrome import CLOCK
from mxtui.tui.draw.scene import Scene
from mxtui.tui.host import Host
from mxtui.tui.line import Line
from mxtui.tui.screens.acting import verb_command
from mxtui.tui.screens.console import ConsoleScreen
from mxtui.tui.screens.spanning import Part, Parts, SpanningPlanScreen, SpanningProgressScreen
from mxtui.tui.selecting import targets_of
from mxtui.tui.widgets.chrome import Chrome
from mxtui.tui.widgets.painted import Painted
from mxtui.tui.widgets.table import Listed, Table

_ON_HOSTS: tuple[Command, ...] = (
    Command("hosts.open", "enter", "Open", "Go to this host; of a domain to where most of its mail is.",
            lambda screen: screen.open_chosen(), lambda screen: screen.openable()),
    Command("hosts.across", "v", lambda screen: "Hosts" if screen.by_domain else "Domains",
            "Hosts, or their domains across all of them.", lambda screen: screen.toggle()),
    verb_command("hosts", Verb.FLUSH, "f", "Drain this domain's mail from all hosts, each under its own guard."),
    verb_command("hosts", Verb.HOLD, "h", "Keep this domain's mail from being tried, on all hosts."),
    verb_command("hosts", Verb.RELEASE, "r", "Let this domain's held mail be tried again, on all hosts."),
    Command("hosts.filter", "slash", "Filter", "Narrow domains: host:mx2 example.org",
            lambda screen: screen.start_typing()),
    Command("hosts.check", "c", "Check now", "Try a host again that is away; climb a domain's ladder from each host.",
            lambda screen: screen.check_now(), lambda screen: screen.some_row(), footer=False),
    verb_command("hosts", Verb.REJECT, "x", "Return this domain's mail to its senders, on all hosts.", footer=False),
    verb_command("hosts", Verb.DELETE, "d", "Remove this domain's mail on all hosts; copies are kept.", footer=False),
)  # fmt: skip

_TYPING: tuple[Command, ...] = (
    Command("hosts.narrowed", "enter", "Done", "Back to the list.",
            lambda screen: screen.stop_typing(), palette=False),
    Command("hosts.widened", "escape", "Clear", "Back to the whole list.",
            lambda screen: screen.stop_typing(clear=True), palette=False),
)  # fmt: skip


LOOK = 0.5
"""Seconds between two times that domains are put together anew: 20 ms for ten hosts of a thousand each."""


class _Words(Input):
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(_TYPING, "screen.")]


class _Top(Chrome):
    """Says how all of them are, in place of the one in front."""

    statuses: Sequence[HostStatus] = ()
    rows: Sequence[DomainAcross] = ()

    def _said(self, scene: Scene, host: Host, *, roomy: bool) -> tuple[list[Line], dict[int, Style]]:  # noqa: ARG002
        look = scene.look
        lines = [draw.header(scene, self.statuses, edge=scene.width - CLOCK, paused=host.paused)]
        grounds = {0: look.bar}
        if scene.height >= 8:
            line, grave = draw.verdict(scene, self.statuses, self.rows)
            if grave:
                grounds[1] = look.band
            lines.append(line)
        return lines, grounds


class HostsScreen(ConsoleScreen):
    """The first screen where there are several."""

    TAB = "hosts"
    COMMANDS_HERE = _ON_HOSTS
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(_ON_HOSTS)]
    EXPLAINED = (
        "The queues of this console. All other screens show the one that was opened last. Lag is how long a host took "
        "to answer; grey figures are the last known. By domain each line tells how every host sees the primary: one "
        "that some reach and others do not is no matter of the primary. What is done to a domain here is done on all "
        "hosts, by a plan of its own on each."
    )

    def __init__(self) -> None:
        super().__init__()
        self.by_domain = False
        self._joined_at = -LOOK
        self._words = ""

    def top(self) -> Chrome:
        """One of its own."""
        return _Top(self.TAB)

    def content(self) -> Iterable[Widget]:
        """Two tables, of which one is in sight; a line to type in; the pane."""
        yield Table[HostStatus](draw.HOSTS, key=lambda row: row.name, id_="hosts")
        yield Table[DomainAcross](draw.ACROSS, key=lambda row: row.domain, id_="across")
        with Horizontal(id="search-row"):
            yield Painted("search-key")
            yield _Words(id="search-text", compact=True, max_length=200, select_on_focus=False)
        yield Painted("pane")

    @property
    def commands(self) -> tuple[Command, ...]:
        """Those of the field while somebody types in it."""
        return _TYPING if isinstance(self.focused, Input) else super().commands

    @property
    def hosts(self) -> Table[HostStatus]:
        """The hosts."""
        return cast("Table[HostStatus]", self.query_one("#hosts", Table))

    @property
    def across(self) -> Table[DomainAcross]:
        """Their domains."""
        return cast("Table[DomainAcross]", self.query_one("#across", Table))

    # -- showing ------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """The hosts first."""
        self._show_table()

    def _show_table(self) -> None:
        self.hosts.display, self.across.display = not self.by_domain, self.by_domain
        self.query_one("#search-row").display = bool(self._words) and self.by_domain
        (self.across if self.by_domain else self.hosts).focus()

    def desk_changed(self, desk: Desk) -> None:
        """News of any of them is news here; drawn with the next tick."""

    def tick(self) -> None:
        """All of it, from what is known of each."""
        top = self.query_one(_Top)
        statuses = top.statuses = [desk.status for desk in self.host.desks]
        if time.monotonic() - self._joined_at >= LOOK:  # grows with hosts and domains, and news come from each host
            top.rows, self._joined_at = across(statuses), time.monotonic()
        look, scene = self.host.look, self.scene
        if self.by_domain:
            self._place(self.across, narrowed(top.rows, self._words))
            found = "no domain matches" if self._words else "no domain is known yet"
            self.across.notice = [Line((f"    {found}", look.strong))]
        else:
            self._place(self.hosts, statuses)
        super().tick()
        height = 10 if self.size.height >= 34 else 6 if self.size.height >= 20 else 0
        pane = self.query_one("#pane", Painted)
        pane.display, pane.styles.height = bool(height), height
        if self.by_domain:
            self.across.repaint()
            row = self.across.row
            lines = draw.across_pane(scene, row, height) if row is not None else []
        else:
            self.hosts.repaint()
            host = self.hosts.row
            lines = draw.host_pane(scene, host, height) if host is not None else []
        pane.paint(lines, look.ground)
        self.query_one("#search-key", Painted).paint([Line((" / ", look.key))], look.bar)

    def _place(
        self, table: "Table[HostStatus] | Table[DomainAcross]", rows: "Sequence[HostStatus] | Sequence[DomainAcross]"
    ) -> None:
        chosen = table.row
        key = table.key_of(chosen) if chosen is not None else None  # type: ignore[arg-type]
        position = next((n for n, row in enumerate(rows) if table.key_of(row) == key), None)  # type: ignore[arg-type]
        table.show(Listed(rows), position)  # type: ignore[arg-type]

    @on(Table.Moved)
    def _moved(self, event: Table.Moved) -> None:
        if event.by_hand:
            self.tick()

    def toggle(self) -> None:
        """Hosts, or domains."""
        self.by_domain = not self.by_domain
        self._show_table()
        self.tick()

    # -- narrowing ----------------------------------------------------------------------------------------------

    def start_typing(self) -> None:
        """Narrow the domains."""
        self.by_domain = True
        self._show_table()
        self.query_one("#search-row").display = True
        self.query_one(Input).focus()
        self.tick()

    def stop_typing(self, *, clear: bool = False) -> None:
        """Back to the list."""
        if clear:
            self.query_one(Input).value = self._words = ""
        self._show_table()
        self.tick()

    @on(Input.Changed)
    def _narrow(self, event: Input.Changed) -> None:
        self._words = event.value
        self.tick()

    # -- going there --------------------------------------------------------------------------------------------

    def some_row(self) -> Permission:
        """Whether the cursor is on anything."""
        there = self.across.row if self.by_domain else self.hosts.row
        return ALLOWED if there is not None else Permission(False, "there is nothing here")

    def openable(self) -> Permission:
        """Whether there is something to show of the host that is meant."""
        desk = self._meant()
        if desk is None:
            return Permission(False, "there is nothing here")
        if desk.services is None:
            return Permission(
                False, f"{desk.name} was not reached yet", "It is tried again by itself, and by c at once."
            )
        return ALLOWED

    def _meant(self) -> Desk | None:
        if self.by_domain:
            row = self.across.row
            name = max(row.seen, key=lambda each: each[1].totals.messages)[0] if row is not None else None
        else:
            name = self.hosts.row.name if self.hosts.row is not None else None
        return self._desk(name) if name is not None else None

    def _desk(self, name: str) -> Desk:
        return next(desk for desk in self.host.desks if desk.name == name)

    @on(Table.Chosen)
    async def open_chosen(self) -> None:
        """The host; of a domain its messages where most of them are."""
        desk, row = self._meant(), self.across.row
        if desk is None or desk.services is None:
            return
        await self.host.open_desk(desk)
        if self.by_domain and row is not None:
            await self.host.open_messages(f"domain:{quote(row.domain)}")

    def check_now(self) -> None:
        """Out of turn."""
        if not self.by_domain:
            if (desk := self._meant()) is not None:
                self.host.try_now(desk)
                self.notify(f"Trying {desk.name}", markup=False)
        elif (row := self.across.row) is not None:
            for name, _ in row.seen:
                services = self._desk(name).services
                if services is not None:
                    services.monitor.probe_now(row.domain)
            self.notify(f"Checking the primary of {row.domain} from each host", markup=False)

    # -- acting -------------------------------------------------------------------------------------------------

    def permit(self, verb: Verb) -> Permission:
        """Whether the verb may be used on any of them."""
        if not self.by_domain:
            return Permission(
                False, "a verb here is for a domain on all hosts", "v shows the domains; Enter opens a host."
            )
        row = self.across.row
        if row is None:
            return Permission(False, "there is no domain here")
        able = [self._desk(name).overview for name, _ in row.seen]
        permissions = [overview.capabilities.may(verb) for overview in able if overview is not None]
        return next((each for each in permissions if each.allowed), permissions[0])

    def act(self, verb: Verb, where: object = None) -> None:  # noqa: ARG002
        """Plan it on each host that knows the domain, and show all the plans as one."""
        row = self.across.row
        assert row is not None
        self._plan(verb, row, self.host.expect())

    @work(exclusive=True, group="plan")
    async def _plan(self, verb: Verb, row: DomainAcross, expected: AbstractContextManager[object]) -> None:
        with expected:
            desks = [self._desk(name) for name, status in row.seen if status.totals.messages]
            parts = await asyncio.gather(*(self._part(desk, verb, row.domain) for desk in desks))
            if not any(part.plan is not None and part.plan.targets for part in parts):
                why = next((said for part in parts if (said := part.why_nothing)), "nothing of it is queued")
                self.notify(
                    f"{why[:1].upper()}{why[1:]}.", title=f"Nothing to {verb}", severity="warning", markup=False
                )
                return

            def decided(reason: str | None) -> None:
                if reason is None:
                    return
                if verb is Verb.FLUSH:
                    self._drain(parts, reason)
                else:
                    self.app.push_screen(SpanningProgressScreen(verb, parts, reason))

            self.app.push_screen(SpanningPlanScreen(verb, row.domain, parts), decided)

    async def _part(self, desk: Desk, verb: Verb, domain: str) -> Part:
        """The plan of one host, or why there is none: it is away, or does not let us."""
        services, overview = desk.services, desk.overview
        assert services is not None
        assert overview is not None
        if desk.status.reach == "away":
            return Part(desk, None, f"{desk.name} is away: {desk.status.why[0]}")
        permission = overview.capabilities.may(verb)
        if not permission.allowed:
            return Part(desk, None, permission.why_not)
        text = f"domain:{quote(domain)}"

        def make() -> Plan:
            interrupted = services.draining.finish_interrupted()
            index = services.monitor.index
            targets = interrupted.as_they_are(targets_of(index, index.ids(parse(text))))
            plan = interrupted.heeded(services.operations.plan(verb, targets, text))
            return guarded(plan, *seen(overview.domains, overview.taken_at)) if verb is Verb.FLUSH else plan

        try:
            return Part(desk, await asyncio.to_thread(make), "")
        except MxtuiError as error:
            return Part(desk, None, error.message)

    @work(group="start")
    async def _drain(self, parts: Parts, reason: str) -> None:
        """Begun on each host, where it goes on by itself: one that cannot be does not keep the others from it."""

        async def start(part: Part) -> str:
            assert part.plan is not None
            assert part.desk.services is not None
            try:
                await asyncio.to_thread(part.desk.services.draining.start, part.plan, reason)
            except MxtuiError as error:
                return f"{part.desk.name}: {error.message}"
            return ""

        going = [part for part in parts if part.plan is not None and part.plan.targets]
        failed = [said for said in await asyncio.gather(*map(start, going)) if said]
        begun = [part.desk.name for part in going if not any(said.startswith(f"{part.desk.name}:") for said in failed)]
        if begun:
            self.notify(f"Begun on {enumerated(begun)}: each goes on there by itself. Screen 4 of a host shows it.",
                        markup=False)  # fmt: skip
        if failed:
            self.notify("\n".join(failed), title="Not everywhere", severity="error", markup=False)
