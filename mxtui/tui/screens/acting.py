"""Screens from which something can be done to messages: plan → confirm → run → outcome."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial

from textual import work

from mxtui.audit import AuditRecord
from mxtui.errors import MxtuiError
from mxtui.model.drain.interrupted import Interrupted
from mxtui.model.filter import parse
from mxtui.model.guard import guarded, seen
from mxtui.model.plan import Plan
from mxtui.model.redirect import Redirect
from mxtui.model.source import Permission, Verb
from mxtui.model.words import counted
from mxtui.operations import UNDO_HINT
from mxtui.tui.commands import Command
from mxtui.tui.line import Line
from mxtui.tui.screens.confirm import ConfirmScreen, Decision
from mxtui.tui.screens.console import ConsoleScreen
from mxtui.tui.screens.progress import ProgressScreen
from mxtui.tui.screens.redirect import RedirectScreen
from mxtui.tui.selecting import targets_of

Ids = Callable[[], Sequence[str]]
"""Queue IDs of a selection; blocks, so that all that match a filter can be asked for in a thread."""


def verb_command(screen: str, verb: Verb, key: str, tooltip: str, *, footer: bool = True) -> Command:
    """A verb as a command of a screen; dimmed where the queue does not let this user."""
    return Command(
        f"{screen}.{verb}",
        key,
        verb.capitalize(),
        tooltip,
        lambda screen: screen.act(verb),
        lambda screen: screen.permit(verb),
        footer,
    )


def redirect_command(screen: str, tooltip: str) -> Command:
    """Its key asks where to first; a rare verb, and so in help and palette rather than in the footer."""
    return Command(
        f"{screen}.redirect", "t", "Redirect", tooltip,
        lambda screen: screen.redirect(), lambda screen: screen.permit(Verb.REDIRECT), footer=False,
    )  # fmt: skip


class ActingScreen(ConsoleScreen):
    """Knows how to carry a verb from the key to its outcome."""

    def permit(self, verb: Verb) -> Permission:
        """Whether the verb may be used, as far as the queue is concerned."""
        overview = self.host.overview
        if overview is None:
            return Permission(False, "the queue has not been looked at yet")
        drain = self.host.drain
        if verb is Verb.FLUSH and drain is not None and drain.running:
            why = f"a drain is running already, started by {drain.operator}"
            return Permission(False, why, "Screen 4 shows it, and stops it.")
        return overview.capabilities.may(verb)

    def notice(self, words: str, hint: str) -> list[Line]:
        """What a table says in place of rows."""
        look, overview = self.host.look, self.host.overview
        if overview is not None and overview.fault:
            words, hint = overview.fault, overview.hint
        elif overview is None or overview.reading is not None:
            words, hint = f"reading{look.glyphs.ellipsis}", ""
        return [Line(("    ", look.text), (words, look.strong)), Line(("    ", look.text), (hint, look.label))]

    def act(self, verb: Verb, where: Redirect | None = None) -> None:
        """Plan a verb for what is chosen here; for subclasses."""

    def redirect(self) -> None:
        """Ask where to, then as any verb."""

        def told(where: Redirect | None) -> None:
            if where is not None:
                self.act(Verb.REDIRECT, where)

        self.app.push_screen(RedirectScreen(self.host.services.operations.vet), told)

    def act_on_filter(self, verb: Verb, text: str, where: Redirect | None = None) -> None:
        """On all messages that match."""
        wanted, index = parse(text, self.host.words), self.host.services.monitor.index
        self.plan_for(verb, lambda: index.ids(wanted), text, where=where)

    # -- plan → confirm → run -----------------------------------------------------------------------------------

    def plan_for(
        self, verb: Verb, ids: Ids, selection: str, outside: int | None = None, where: Redirect | None = None
    ) -> None:
        """Make a plan for messages, off the loop, and show it."""
        self._plan(verb, ids, selection, outside, where, self.host.expect())

    @work(exclusive=True, group="plan")
    async def _plan(
        self,
        verb: Verb,
        ids: Ids,
        selection: str,
        outside: int | None,
        where: Redirect | None,
        expected: AbstractContextManager[object],
    ) -> None:
        index, operations = self.host.services.monitor.index, self.host.services.operations

        overview = self.host.overview
        rows, now = () if overview is None else overview.domains, self.scene.now

        try:
            with expected:
                interrupted = await self.finish_interrupted()

                def make() -> Plan:
                    targets = interrupted.as_they_are(targets_of(index, ids()))
                    plan = interrupted.heeded(operations.plan(verb, targets, selection, where=where))
                    return guarded(plan, *seen(rows, now)) if verb is Verb.FLUSH else plan

                plan = await asyncio.to_thread(make)
                again = partial(self.plan_for, ids=ids, selection=selection, outside=outside)
                self.confirm(plan, outside=outside, again=again)
        except MxtuiError as error:
            self.complain(error)

    async def finish_interrupted(self) -> Interrupted:
        """Before a plan: what a killed run of our own sender left. Raises MxtuiError."""
        found = await asyncio.to_thread(self.host.services.draining.finish_interrupted)
        if words := found.words:
            self.notify("\n".join(words), title="An interrupted drain", severity="warning", markup=False)
        return found

    def undo(self, record: AuditRecord | None = None) -> None:
        """Take back an act; without one, the latest that can be."""
        self._undo(record, self.host.expect())

    @work(exclusive=True, group="plan")
    async def _undo(self, record: AuditRecord | None, expected: AbstractContextManager[object]) -> None:
        operations = self.host.services.operations

        def make() -> tuple[Plan, str]:
            latest = record or operations.latest_undoable()
            if latest is None:
                raise MxtuiError("Nothing was done that can be undone", UNDO_HINT)
            return operations.undo(latest), latest.id

        try:
            with expected:
                await self.finish_interrupted()
                plan, undoes = await asyncio.to_thread(make)
                self.confirm(plan, undoes=undoes)
        except MxtuiError as error:
            self.complain(error)

    def confirm(
        self, plan: Plan, *, outside: int | None = None, undoes: str = "", again: Callable[..., object] | None = None
    ) -> None:
        """Show a plan. `again` makes one for the safer verb, should the operator choose that."""
        if not plan.targets:
            why = plan.excluded[0].detail if plan.excluded else "they are no longer queued"
            self.notify(f"{counted(len(plan.excluded), 'message')} left out: {why}.", title=f"Nothing to {plan.verb}",
                        severity="warning", markup=False)  # fmt: skip
            return

        def decided(decision: Decision | None) -> None:
            if decision is None:
                return
            if decision.verb is not plan.verb:
                if again is not None:
                    again(decision.verb)
            elif plan.verb is Verb.FLUSH:
                self.host.start_drain(plan, decision.reason)
            else:
                self.run_plan(plan, decision.reason, undoes)

        self.app.push_screen(ConfirmScreen(plan, outside), decided)

    def run_plan(self, plan: Plan, reason: str, undoes: str) -> None:
        """Do it, in sight."""
        execute = self.host.services.operations.execute
        screen = ProgressScreen(plan, lambda stop: execute(plan, reason=reason, undoes=undoes, stop=stop))
        self.app.push_screen(screen, lambda done: self.acted(plan) if done else None)

    def acted(self, plan: Plan) -> None:
        """Something was done, and the operator has seen what; for subclasses."""

    def complain(self, error: MxtuiError) -> None:
        """An error, in words."""
        self.notify(f"{error.message}\n{error.hint}".strip(), title="Not possible", severity="error", markup=False)
