"""Doctor: is this backup MX set up right?"""

import asyncio
from collections.abc import Iterable
from typing import ClassVar, cast

from textual import on, work
from textual.binding import BindingType
from textual.widget import Widget

from mxtui.doctor.finding import Finding
from mxtui.errors import MxtuiError
from mxtui.model.source import ALLOWED, Permission
from mxtui.tui.commands import Command, bindings
from mxtui.tui.draw.doctor import COLUMNS, details, key, listed, notice, pane, summary
from mxtui.tui.line import Line
from mxtui.tui.screens.console import ConsoleScreen
from mxtui.tui.screens.dialog import Dialog
from mxtui.tui.widgets.chrome import Chrome
from mxtui.tui.widgets.painted import Painted
from mxtui.tui.widgets.table import Listed, Table

_ON_DOCTOR: tuple[Command, ...] = (
    Command("doctor.back", "escape", "Back", "Back to where you were.", lambda screen: screen.dismiss(), palette=False),
    Command("doctor.open", "enter", "Details", "All of this finding: evidence, reason, the lines that put it right.",
            lambda screen: screen.open_finding(), lambda screen: screen.some_finding()),
    Command("doctor.all", "a", lambda screen: "What is wrong" if screen.everything else "All checks",
            "Also what passed and what was skipped, or only what needs somebody.",
            lambda screen: screen.toggle(), lambda screen: screen.some_report()),
    Command("doctor.again", "c", "Check now", "Look at everything again.",
            lambda screen: screen.look(), lambda screen: screen.at_rest()),
)  # fmt: skip


class FindingScreen(Dialog[None]):
    """One finding in full."""

    def __init__(self, finding: Finding) -> None:
        super().__init__()
        self._finding = finding

    def draw(self) -> None:
        """All of it."""
        finding, look = self._finding, self.host.look
        title = f"{finding.verdict.capitalize()}  {finding.check}  {finding.subject}".rstrip()
        self.show(title, [*details(self.scene, finding), Line(), Line(("Esc", look.key), (" Close", look.text))])


class DoctorScreen(ConsoleScreen):
    """Findings, worst first, and the one under the cursor with its fix."""

    TAB = "domains"
    COMMANDS_HERE = _ON_DOCTOR
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(_ON_DOCTOR)]
    EXPLAINED = (
        "What goes wrong silently until the outage: names, addresses and policies in DNS, certificates, what both "
        "sides of SMTP offer and whom they trust, recipients, lifetimes, switches left on, disk and clock. Nothing is "
        "changed, no message is sent. A check that could not be made is skipped, with the reason: it has not passed."
    )

    def __init__(self) -> None:
        super().__init__()
        self.everything = False
        self._looking = False
        self._fault = ""

    def content(self) -> Iterable[Widget]:
        """Table and pane."""
        yield Table[Finding](COLUMNS, key=key, id_="findings")
        yield Painted("pane")

    @property
    def table(self) -> Table[Finding]:
        """The findings."""
        return cast("Table[Finding]", self.query_one("#findings", Table))

    def on_mount(self) -> None:
        """What was found last in this session is there at once."""
        if self.host.desk.examined is None:
            self.look()
        else:
            self._show()

    # -- looking ------------------------------------------------------------------------------------------------

    @work(exclusive=True, group="doctor")
    async def look(self) -> None:
        """Examine, beside the screen."""
        examine = self.host.services.examine
        assert examine is not None
        self._looking, self._fault = True, ""
        self._show()
        try:
            self.host.desk.examined = await asyncio.to_thread(examine)
        except MxtuiError as error:
            self._fault = f"{error.message}\n{error.hint}"
        except OSError as error:
            self._fault = f"{error.filename or 'this host'}: {error.strerror or error}\n"
        finally:
            self._looking = False
        self._show()

    def _show(self) -> None:
        look, report = self.host.look, self.host.desk.examined
        rows = listed(report, everything=self.everything) if report is not None else []
        chosen = self.table.row
        if self._fault:
            self.table.notice = notice(look, *self._fault.split("\n", 1))
            rows = []
        elif report is None:
            self.table.notice = notice(look, f"looking{look.glyphs.ellipsis}", "at DNS, servers, settings and disks")
        else:
            self.table.notice = notice(look, "Nothing is wrong.", "a shows what was looked at.")
        position = next((n for n, row in enumerate(rows) if chosen is not None and key(row) == key(chosen)), None)
        self.table.show(Listed(rows), position)
        self.tick()

    def tick(self) -> None:
        """The pane follows the cursor."""
        look, report, chrome = self.host.look, self.host.desk.examined, self.query_one(Chrome)
        chrome.trail = [("Doctor ", look.strong), (f"{look.glyphs.into} is this backup MX set up right?", look.label)]
        if self._looking:
            chrome.aside = [(f"{look.glyphs.running} looking{look.glyphs.ellipsis}", look.accent)]
        elif report is not None:
            chrome.aside = summary(look, report, self.host.now())
            if self.size.width < 100:
                chrome.trail = [("Doctor", look.strong)]
        super().tick()
        self.table.repaint()
        height = 14 if self.size.height >= 34 else 9 if self.size.height >= 22 else 0
        below, row = self.query_one("#pane", Painted), self.table.row
        below.display, below.styles.height = bool(height), height
        below.paint(pane(self.scene, row, height) if row is not None else [], look.ground)

    @on(Table.Moved)
    def _moved(self, event: Table.Moved) -> None:
        if event.by_hand:
            self.tick()

    # -- commands -----------------------------------------------------------------------------------------------

    def some_finding(self) -> Permission:
        """Whether one is under the cursor."""
        return ALLOWED if self.table.row is not None else Permission(False, "there is no finding here")

    def some_report(self) -> Permission:
        """Whether anything was found out yet."""
        return ALLOWED if self.host.desk.examined is not None else Permission(False, "nothing was looked at yet")

    def at_rest(self) -> Permission:
        """One examination at a time."""
        return ALLOWED if not self._looking else Permission(False, "it is looking already", "Wait for a moment.")

    @on(Table.Chosen)
    def open_finding(self) -> None:
        """In full."""
        if self.table.row is not None:
            self.app.push_screen(FindingScreen(self.table.row))

    def toggle(self) -> None:
        """All, or what is wrong."""
        self.everything = not self.everything
        self._show()
