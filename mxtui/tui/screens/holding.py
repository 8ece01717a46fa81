"""Screens from which a domain can be held, and let go: plan → why and how long → run; the same key ends it."""

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import Final

from textual import work

from mxtui.errors import MxtuiError
from mxtui.holding import Holding
from mxtui.model.guard import advised, known_of
from mxtui.model.holds import DomainHold, HoldKind, words
from mxtui.model.overview import DomainStatus
from mxtui.model.plan import Plan, Result
from mxtui.model.source import ALLOWED, Permission, Verb
from mxtui.tui.commands import Command
from mxtui.tui.screens.acting import ActingScreen
from mxtui.tui.screens.confirm import Decision, EndScreen
from mxtui.tui.screens.hold import Asked, HoldScreen
from mxtui.tui.screens.progress import ProgressScreen

LASTING: Final[dict[HoldKind, str]] = {"suspend": "1h", "migrate": "2h"}

NAMES: Final[dict[HoldKind, tuple[str, str]]] = {
    "suspend": ("Suspend", "Resume"),
    "migrate": ("Migrate", "End migration"),
}
"""Beginning and end, as the footer has them."""


def hold_command(kind: HoldKind, key: str, tooltip: str) -> Command:
    """A hold of the domain under the cursor as a command of a screen; where there is one, its end."""
    return Command(
        f"domains.{kind}",
        key,
        lambda screen: NAMES[kind][screen.is_held(kind)],
        tooltip,
        lambda screen: screen.hold_or_let_go(kind),
        lambda screen: screen.permit_hold(kind),
        footer=False,
    )


class HoldingScreen(ActingScreen):
    """Knows how to carry a hold from the key to its outcome."""

    def row_for_hold(self) -> DomainStatus | None:
        """The domain meant; for subclasses."""
        return None

    def is_held(self, kind: HoldKind) -> bool:
        """Whether the domain under the cursor is held so."""
        row = self.row_for_hold()
        return row is not None and row.hold is not None and row.hold.kind == kind

    def permit_hold(self, kind: HoldKind) -> Permission:
        """Whether a hold can begin, or end, here and now."""
        row = self.row_for_hold()
        if row is None:
            return Permission(False, "there is no domain here")
        if self.host.services.holding is None:
            return Permission(False, "domains cannot be held here")
        if kind == "suspend" and row.hold is not None and row.hold.kind == "migrate":
            return Permission(False, f"it is {words(row.hold, self.host.now())}: nothing is tried there anyway")
        if self.is_held(kind):
            drain = self.host.drain
            if kind == "migrate" and drain is not None and drain.running:
                return Permission(False, "a drain is running", "The end drains what was held: wait, or stop it.")
            return ALLOWED if self.host.overview is None else self.host.overview.capabilities.may(Verb.RELEASE)
        return ALLOWED if self.host.overview is None else self.host.overview.capabilities.may(Verb.HOLD)

    def hold_or_let_go(self, kind: HoldKind) -> None:
        """Plan a hold, or the end of the one there is, off the loop, and show it."""
        row, holding = self.row_for_hold(), self.host.services.holding
        if row is not None and holding is not None:
            self._plan_hold(holding, row, kind, self.host.expect())

    @work(exclusive=True, group="plan")
    async def _plan_hold(
        self, holding: Holding, row: DomainStatus, kind: HoldKind, expected: AbstractContextManager[object]
    ) -> None:
        try:
            with expected:
                await self.finish_interrupted()
                if row.hold is not None and row.hold.kind == kind:
                    plan = await asyncio.to_thread(holding.plan_end, row.hold)
                    known = known_of([row])
                    self._ask_to_end(holding, row.hold, advised(plan, row.hold, known))
                else:
                    now = self.host.now()
                    wanted = DomainHold(row.domain, kind, "", "", now, now)
                    self._ask_to_begin(holding, wanted, await asyncio.to_thread(holding.plan, wanted))
        except MxtuiError as error:
            self.complain(error)

    # -- beginning ------------------------------------------------------------------------------------------------

    def _ask_to_begin(self, holding: Holding, hold: DomainHold, plan: Plan) -> None:
        def decided(asked: Asked | None) -> None:
            if asked is not None:
                meant = holding.wanted(hold.domain, hold.kind, asked.reason, asked.seconds)
                self._run(title, plan, partial(holding.begin, meant))

        title = f"{NAMES[hold.kind][0]} {hold.domain}"
        self.app.push_screen(HoldScreen(title, plan, LASTING[hold.kind]), decided)

    def _run(self, title: str, plan: Plan, work: "partial[Iterator[Result]]") -> None:
        self.app.push_screen(ProgressScreen(replace(plan, reversible=False), lambda stop: work(stop=stop), title))

    # -- ending ---------------------------------------------------------------------------------------------------

    def _ask_to_end(self, holding: Holding, hold: DomainHold, plan: Plan) -> None:
        def decided(decision: Decision | None) -> None:
            if decision is None:
                return
            if hold.kind == "suspend":
                self._run(f"End the {hold.mark}", plan, partial(holding.end, hold, decision.reason))
                return
            self._let_go(holding, hold, decision.reason)

        self.app.push_screen(EndScreen(hold, replace(plan, reversible=False)), decided)

    @work(exclusive=True, group="plan")
    async def _let_go(self, holding: Holding, hold: DomainHold, reason: str) -> None:
        """A migration's mail goes by a drain, which has its canary and its guard; what it leaves stays in hold."""

        def plan() -> Plan | None:
            ending = holding.catch_no_more(hold)
            flush = holding.plan_end(ending)
            if flush.targets:
                return flush
            holding.forget(hold.domain)
            return None

        try:
            flush = await asyncio.to_thread(plan)
        except MxtuiError as error:
            self.complain(error)
            return
        if flush is not None:
            self.host.start_drain(flush, reason, hold.domain)
