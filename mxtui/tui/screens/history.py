"""History: how a domain fared in the last hours and days."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import work
from textual.binding import BindingType
from textual.widget import Widget

from mxtui.errors import MxtuiError
from mxtui.model.history import MINUTE, SPANS, WHOLE, summary
from mxtui.model.overview import DomainStatus
from mxtui.model.words import duration
from mxtui.tui import format as fmt
from mxtui.tui.commands import Command, bindings
from mxtui.tui.draw.domains import health_sign
from mxtui.tui.draw.history import Past, history, outages
from mxtui.tui.screens.console import ConsoleScreen
from mxtui.tui.widgets.chrome import Chrome
from mxtui.tui.widgets.painted import Painted

_ON_HISTORY: tuple[Command, ...] = (
    Command("history.back", "escape", "Back", "Back to the domains.", lambda screen: screen.dismiss(), palette=False),
    Command("history.span", "s", "Span", "An hour, six, a day, a week.", lambda screen: screen.change(1)),
    Command("history.longer", "right,l", "Longer", "A longer time.", lambda screen: screen.change(1, wrap=False),
            footer=False),
    Command("history.shorter", "left,h", "Shorter", "A shorter time.", lambda screen: screen.change(-1, wrap=False),
            footer=False),
    Command("history.next", "n,down,j", "Next", "The next domain.", lambda screen: screen.step(1)),
    Command("history.previous", "N,up,k", "Previous", "The one before.", lambda screen: screen.step(-1)),
)  # fmt: skip


class HistoryScreen(ConsoleScreen):
    """One domain at a time, and the whole queue before the first."""

    TAB = "domains"
    COMMANDS_HERE = _ON_HISTORY
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(_ON_HISTORY)]
    EXPLAINED = (
        "How many messages waited, how old the oldest was, and how the primary did: each minute is kept for a week, "
        "the coarser the longer ago. A blank is a time in which nobody watched, not a zero. Times when the primary was "
        "down have another ground, and its sign in the line below. What left was delivered, returned or removed."
    )

    def __init__(self, domains: Sequence[str], domain: str = WHOLE, span: str = "24h") -> None:
        super().__init__()
        self._domains = (WHOLE, *domains)
        self._at = self._domains.index(domain)
        self._span = span
        self._past: Past | None = None
        self._read_at = -1

    def content(self) -> Iterable[Widget]:
        """All painted."""
        yield Painted("history")

    def on_mount(self) -> None:
        """Read it."""
        self._read()

    @property
    def _row(self) -> DomainStatus | None:
        overview, domain = self.host.overview, self._domains[self._at]
        rows = overview.domains if overview is not None else ()
        return next((row for row in rows if row.domain == domain), None)

    @work(exclusive=True, group="history")
    async def _read(self) -> None:
        now, domain, span = self.host.now(), self._domains[self._at], self._span
        self._read_at = int(now // MINUTE)
        overview = self.host.overview
        fault = f"History: {overview.history_fault}." if overview is not None and overview.history_fault else ""
        try:
            points = await asyncio.to_thread(self.host.services.history, domain, SPANS[span], now)
        except MxtuiError as error:
            points, fault = (), f"There is no history: {error.message}. {error.hint}".strip()
        self._past = Past(span, points, now, domain != WHOLE, fault)
        self.tick()
        self.call_after_refresh(self.tick)  # the header may be higher by then, and leave the charts less room

    def tick(self) -> None:
        """Each minute there is another one."""
        look, chrome, row = self.host.look, self.query_one(Chrome), self._row
        domain = self._domains[self._at]
        chrome.trail = [
            ("1 Domains ", look.label),
            (f"{look.glyphs.into} ", look.faint),
            *([(" ".join((health_sign(row.health, look)[0], "")), health_sign(row.health, look)[1])] if row else []),
            (domain or "the whole queue", look.strong),
            (f"   {self._at:,} of {len(self._domains) - 1:,}" if domain else "", look.label),
        ]
        chrome.aside = [(self._aside(), look.text)]
        super().tick()
        if int(self.host.now() // MINUTE) != self._read_at:
            self._read()
        painted = self.query_one("#history", Painted)
        if self._past is not None and painted.size.width:
            painted.paint(history(self.scene, self._past, painted.size.height), look.ground)

    def _aside(self) -> str:
        """How it is now, and how the primary was."""
        overview, row, words = self.host.overview, self._row, []
        if row is not None:
            words.append(f"{fmt.count(row.totals.messages)} waiting now")
            if row.totals.oldest_arrival is not None and self.size.width >= 108:
                words.append(f"the oldest {duration(self.host.now() - row.totals.oldest_arrival)}")
        elif overview is not None and not self._domains[self._at]:
            words.append(f"{fmt.count(overview.queue.messages)} waiting now")
        if self._past is not None and self._past.has_primary and self._past.points:
            words.append(f"primary {outages(summary(self._past.points))}")
        return ", ".join(words) if self.size.width >= 100 else words[-1] if words else ""

    # -- commands -----------------------------------------------------------------------------------------------

    def change(self, by: int, *, wrap: bool = True) -> None:
        """Another span."""
        names = list(SPANS)
        at = names.index(self._span) + by
        wanted = names[at % len(names)] if wrap else names[max(0, min(at, len(names) - 1))]
        if wanted != self._span:
            self._span = wanted
            self._read()

    def step(self, by: int) -> None:
        """Another domain."""
        if not 0 <= self._at + by < len(self._domains):
            self.notify("That was the last." if by > 0 else "That was the first.", markup=False)
            return
        self._at += by
        self._read()
