"""New mail for a domain that is held, in our own spool: `serve` puts it in `hold` with a note, and tries none of it."""

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

from mxtui.errors import Unreachable
from mxtui.model.holds import Catching, DomainHold
from mxtui.model.message import QueuedMessage
from mxtui.queues.spool.control import Control
from mxtui.queues.spool.store import Spool

FOLDER: Final = "holds"
"""In the spool: a running `serve` reads it when told, and whenever it changes."""


def holds_folder(spool: Path) -> Path:
    """Where a spool's holds are."""
    return spool / FOLDER


class SpoolCatch:
    """One spool's (see `queues.catch.Catch`)."""

    leaves_alone = True

    def __init__(self, spool: Spool, control: Control | None = None) -> None:
        self._spool = spool
        self._control = control or Control(spool.path)

    def standing(self) -> Catching:
        """Always: without a running `serve` nothing comes in, and one that starts reads the holds first."""
        return Catching(True)

    def follow(self, holds: Collection[DomainHold]) -> None:  # noqa: ARG002 (it reads them itself)
        """Have `serve` read them; they are on disk already."""
        with suppress(Unreachable):  # none runs
            self._control.holds()

    def caught(self, hold: DomainHold, message: QueuedMessage) -> bool:
        """Its envelope says so; an operator's own hold leaves no note, and a release takes it away."""
        found = self._spool.find(message.queue_id)
        return found is not None and found[0] == "hold" and found[1].why.startswith(f"{hold.mark}:")
