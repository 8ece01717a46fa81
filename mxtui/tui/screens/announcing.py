"""Screens from which an operator tells when a primary is to be back; the same key takes that back."""

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from textual import work

from mxtui.errors import MxtuiError
from mxtui.model.overview import DomainStatus
from mxtui.model.source import ALLOWED, Permission
from mxtui.model.units import DURATION_EXAMPLES, parse_duration, parse_moment
from mxtui.model.words import clock
from mxtui.tui.commands import Command
from mxtui.tui.line import Line, wrap
from mxtui.tui.screens.asking import Asked, AskingScreen
from mxtui.tui.screens.holding import HoldingScreen


class AnnounceScreen(AskingScreen):
    """Enter announces; Esc leaves everything as it is."""

    LASTS: ClassVar[str] = "In"
    SHOWN: ClassVar[str] = "a time, or a clock: 6h, 18:30"
    FAULT: ClassVar[str] = f"when is it back? {DURATION_EXAMPLES}, or 18:30"

    def __init__(self, domain: str) -> None:
        super().__init__("Announce", "6h")
        self._domain = domain

    def about(self) -> Sequence[Line]:
        """What it is for."""
        said = (
            f"When is the primary of {self._domain} to be back? What expires before that is foretold; nothing is held."
        )
        return [Line((words, self.host.look.text)) for words in wrap(said, self.scene.width)]

    def seconds(self, text: str) -> float:
        """A time, or until a moment. Raises ValueError."""
        now = self.host.now()
        return parse_moment(text, now) - now if ":" in text else float(parse_duration(text))


def announce_command(screen: str) -> Command:
    """As a command of a screen."""
    return Command(
        f"{screen}.announce",
        "b",
        lambda screen: "Not back then" if screen.is_announced else "Back at",
        "Say when this domain's primary is to be back; again: take that back.",
        lambda screen: screen.announce(),
        lambda screen: screen.permit_announcing(),
        footer=False,
    )


class AnnouncingScreen(HoldingScreen):
    """Knows how to carry an announcement from the key to its file."""

    @property
    def is_announced(self) -> bool:
        """Whether somebody announced a return of the domain under the cursor."""
        row, overview = self.row_for_hold(), self.host.overview
        forecast = overview.forecast if overview is not None else None
        return row is not None and forecast is not None and row.domain in forecast.announced

    def permit_announcing(self) -> Permission:
        """Whether there is a domain, and somebody who keeps it."""
        if self.row_for_hold() is None:
            return Permission(False, "there is no domain here")
        return ALLOWED if self.host.services.announcing is not None else Permission(False, "nobody would keep it")

    def announce(self) -> None:
        """Ask when; or take it back."""
        row = self.row_for_hold()
        if row is None:
            return
        if self.is_announced:
            self._keep(row, None)
            return

        def decided(asked: Asked | None) -> None:
            if asked is not None:
                self._keep(row, asked)

        self.app.push_screen(AnnounceScreen(row.domain), decided)

    @work(exclusive=True, group="announce")
    async def _keep(self, row: DomainStatus, asked: Asked | None) -> None:
        announcing, now = self.host.services.announcing, self.host.now()
        if announcing is None:
            return
        try:
            if asked is None:
                await asyncio.to_thread(announcing.withdraw, row.domain)
                said = f"{row.domain} is no longer expected back"
            else:
                await asyncio.to_thread(announcing.announce, row.domain, asked.reason, asked.seconds)
                said = f"{row.domain} is to be back at {clock(now + asked.seconds, now)}"
        except MxtuiError as error:
            self.complain(error)
            return
        self.notify(said, markup=False)
        self.host.services.monitor.nudge()
