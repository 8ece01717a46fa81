"""Which names each folder of a queue held when last looked."""

import threading
from collections.abc import Iterable


class Known:
    """Which IDs each folder is known to hold: 12 bytes a message, where a set would take 100.

    Used by the thread that reads and the thread that watches.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: dict[str, bytes] = {}
        self._changed: dict[str, dict[str, bool]] = {}

    def note(self, path: str, queue_id: str, present: bool) -> None:
        """One came or went."""
        with self._lock:
            self._changed.setdefault(path, {})[queue_id] = present

    def differences(self, path: str, ids: Iterable[str]) -> set[str]:
        """The IDs that came to the folder or left it without being noted; the folder is learnt anew."""
        listed = set(ids)
        with self._lock:
            known = set(self._names.get(path, b"").decode().split())
            for name, present in self._changed.pop(path, {}).items():
                (known.add if present else known.discard)(name)
            self._names[path] = "\n".join(listed).encode()
        return known ^ listed

    def forgotten(self, paths: Iterable[str]) -> set[str]:
        """The folders known that are not among `paths`: hash directories that were removed."""
        with self._lock:
            return (self._names.keys() | self._changed.keys()) - set(paths)
