"""A spool's envelopes, for a count that remembers (see `queues.cached`)."""

from collections.abc import Iterator, Sequence
from typing import cast

from mxtui.model.envelope import SpoolState
from mxtui.model.message import State
from mxtui.queues.cached import Listed, Row
from mxtui.queues.spool.rows import RowReader
from mxtui.queues.spool.scan import ALONE, Folder, folders, scan


class SpoolFiles:
    """One spool."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._reader = RowReader(root)

    @property
    def key(self) -> str:
        """Envelopes carry their own expiries."""
        return f"spool {self.root}"

    def folders(self, since: float = 0) -> Iterator[Folder]:  # noqa: ARG002 (twice as many are named in no time)
        """All directories. Raises NoQueue, NotPermitted."""
        return folders(self.root)

    def file(self, state: State, queue_id: str) -> str:
        """Its envelope, which is replaced whole; what was set aside can be several files, and is seldom there."""
        return "" if state == "corrupt" else f"{queue_id}.json"

    def rows(self, listed: Sequence[Listed]) -> Iterator[Row]:
        """The messages named."""
        if sum(len(each.ids) for each in listed) > ALONE:
            for answer in scan(self.root, [Folder(cast("SpoolState", e.state), e.path, e.ids) for e in listed]):
                yield from answer.rows
            return
        for each in listed:
            with self._reader.folder(each.path) as folder:
                for queue_id in each.ids:
                    row = self._reader.read(cast("SpoolState", each.state), queue_id, folder)
                    row = self._reader.find(queue_id) if row is None else row
                    if row is not None:
                        yield row
