"""Audit: who did what, when, why, and to which messages."""

import asyncio
from collections.abc import Iterable
from typing import ClassVar, cast

from textual import on, work
from textual.binding import BindingType
from textual.widget import Widget

from mxtui.audit import AuditEntry, AuditRecord
from mxtui.errors import MxtuiError
from mxtui.model.source import ALLOWED, Permission
from mxtui.operations import TAKEN_BACK_BY, UNDO_HINT
from mxtui.tui.commands import Command, bindings
from mxtui.tui.draw.audit import COLUMNS, details
from mxtui.tui.line import Line
from mxtui.tui.screens.acting import ActingScreen
from mxtui.tui.screens.dialog import Dialog
from mxtui.tui.widgets.table import Listed, Table

LATEST = 500
"""Acts shown; `mxtui audit` has them all."""

_ON_AUDIT: tuple[Command, ...] = (
    Command("audit.open", "enter", "Details", "Every message of this act with its result.",
            lambda screen: screen.open_record(), lambda screen: screen.some_record()),
    Command("audit.undo", "u", "Undo", "Take this act back: hold, release, redirect and delete can be.",
            lambda screen: screen.undo_this(), lambda screen: screen.undoable()),
)  # fmt: skip


class RecordScreen(Dialog[None]):
    """One act in full."""

    def __init__(self, record: AuditRecord, entries: list[AuditEntry]) -> None:
        super().__init__()
        self._record, self._entries = record, entries

    def draw(self) -> None:
        """All of it."""
        look = self.host.look
        lines = [
            *details(self.scene, self._record, self._entries),
            Line(),
            Line(("Esc", look.key), (" Close", look.text)),
        ]
        self.show(f"{self._record.begin.what.capitalize()} {self._record.id}", lines)


class AuditScreen(ActingScreen):
    """The latest acts, newest first."""

    TAB = "audit"
    COMMANDS_HERE = _ON_AUDIT
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(_ON_AUDIT)]
    EXPLAINED = (
        "What was done to mail here, by the console and by commands: who, when, why, to which messages, and what came "
        "of each. The record is written before anything happens, and only ever appended to."
    )

    def content(self) -> Iterable[Widget]:
        """The acts."""
        yield Table[AuditRecord](COLUMNS, key=lambda record: record.id, id_="audit")

    @property
    def table(self) -> Table[AuditRecord]:
        """The acts."""
        return cast("Table[AuditRecord]", self.query_one("#audit", Table))

    def on_screen_resume(self) -> None:
        """Read again: a dialog, or somebody else, may have added to it."""
        super().on_screen_resume()
        self._load()

    @work(exclusive=True, group="audit")
    async def _load(self) -> None:
        audit, look = self.host.services.operations.audit, self.host.look
        try:
            records = await asyncio.to_thread(lambda: list(audit.records(limit=LATEST)))
        except (MxtuiError, OSError) as error:
            self.table.notice = [
                Line(("    The audit cannot be read", look.strong)),
                Line((f"    {error}", look.label)),
            ]
            records = []
        else:
            self.table.notice = [Line(("    Nothing has been done yet.", look.strong))]
        self.table.show(Listed(records))
        self.tick()

    def tick(self) -> None:
        """Only the clock."""
        super().tick()
        self.table.repaint()

    def some_record(self) -> Permission:
        """Whether there is one under the cursor."""
        return ALLOWED if self.table.row is not None else Permission(False, "there is nothing on record here")

    def undoable(self) -> Permission:
        """Whether the act under the cursor can be taken back."""
        row = self.table.row
        if row is None:
            return self.some_record()
        if row.begin.verb in TAKEN_BACK_BY:
            return ALLOWED
        return Permission(False, f"{row.begin.verb} cannot be undone", UNDO_HINT)

    @on(Table.Chosen)
    @work(exclusive=True, group="record")
    async def open_record(self) -> None:
        """Every message of it."""
        row, audit = self.table.row, self.host.services.operations.audit
        if row is not None:
            entries = await asyncio.to_thread(lambda: list(audit.entries(row.id)))
            self.app.push_screen(RecordScreen(row, entries))

    def undo_this(self) -> None:
        """Take the act under the cursor back."""
        if self.table.row is not None:
            self.undo(self.table.row)
