"""A Postfix queue's files, for a count that remembers (see `queues.cached`)."""

from collections.abc import Iterator, Sequence

from mxtui.model.message import State
from mxtui.queues.cached import Listed, Row
from mxtui.queues.postfix.message_file import Absent
from mxtui.queues.postfix.names import Folder, folders
from mxtui.queues.postfix.scan import ALONE, scan
from mxtui.queues.postfix.worker import Settings


class PostfixFiles:
    """One queue directory."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings._replace(subjects=False)
        self._reader = self._settings.reader()
        self.root = settings.root

    @property
    def key(self) -> str:
        """Lifetimes make expiries, so they are part of it."""
        return f"postfix {self.root} {self._settings.lifetimes}"

    def folders(self, since: float = 0) -> Iterator[Folder]:
        """All directories; of those that nothing came to since then, no names. Raises NoQueue, NotPermitted."""
        return folders(self.root, since=since)

    def file(self, state: State, queue_id: str) -> str:  # noqa: ARG002
        """Named after its queue ID; only its defer log, which is written before its time is set, is elsewhere."""
        return queue_id

    def rows(self, listed: Sequence[Listed]) -> Iterator[Row]:
        """The messages named."""
        if sum(len(each.ids) for each in listed) > ALONE:
            for batch in scan(self._settings, [Folder(each.state, each.path, each.ids) for each in listed]):
                yield from batch.rows
            return
        for each in listed:
            with self._reader.folder(each.path) as folder:
                for name in each.ids:
                    found = self._reader.read(each.state, name, folder, None)
                    if found is Absent.GONE:
                        found = self._reader.find(name)
                    if not isinstance(found, Absent):
                        yield found
