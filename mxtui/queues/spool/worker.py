"""A process that reads envelopes for a scan (see `queues.workers`)."""

from typing import Any, NamedTuple, cast

from mxtui.model.envelope import SpoolState
from mxtui.model.tally import Tallies
from mxtui.queues.frames import work
from mxtui.queues.spool.rows import Row, RowReader


class Task(NamedTuple):
    """Envelopes of one hash folder, to be read."""

    state: SpoolState
    path: str
    """`queue/deferred/1f`."""
    ids: list[str]


class Answer(NamedTuple):
    """What they were."""

    rows: list[Row]
    """None where messages are counted."""
    gone: list[str]
    """No longer there: looked up afterwards."""


class Hand:
    """Carries tasks out, for the calling thread alone; with `counted_at`, messages are counted and not told."""

    def __init__(self, root: str, counted_at: float | None) -> None:
        self.reader = RowReader(root)
        self.tallies = None if counted_at is None else Tallies(counted_at)

    def carry_out(self, task: Task) -> Answer:
        """Read the files of a task."""
        reader, tallies = self.reader, self.tallies
        rows: list[Row] = []
        gone: list[str] = []
        with reader.folder(task.path) as folder:
            for queue_id in task.ids:
                if tallies is not None:
                    if not reader.count(tallies, task.state, queue_id, folder):
                        gone.append(queue_id)
                elif (row := reader.read(task.state, queue_id, folder)) is not None:
                    rows.append(row)
                else:
                    gone.append(queue_id)
        return Answer(rows, gone)

    def look_up(self, queue_id: str) -> Row | None:
        """Read, or count, a message that was not where it was listed."""
        row = self.reader.find(queue_id)
        if row is not None and self.tallies is not None:
            self.reader.count(self.tallies, row[1], queue_id)
        return row


def serve() -> None:
    """A worker's life."""

    def made(settings: Any) -> Any:
        hand = Hand(*settings)

        def counted() -> Any:
            return None if hand.tallies is None else hand.tallies.plain()

        return lambda task: tuple(hand.carry_out(Task(*cast("tuple[Any, ...]", task)))), counted

    work(made)
