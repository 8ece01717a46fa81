"""In place of file-system events."""

import threading
from collections.abc import Iterable, Iterator
from typing import Self

from mxtui.queues.events import Events, Heard


class Deaf:
    """Nothing is ever heard, as if each event were missed."""

    def __init__(self, folders: Iterable[str]) -> None:
        self.folders = set(folders)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def add(self, folder: str) -> None:
        self.folders.add(folder)

    def heard(self, stop: threading.Event) -> Iterator[Heard]:
        while not stop.wait(0.02):
            yield Heard()


def refuse(folders: Iterable[str]) -> Events:
    raise OSError(28, "No space left on device")
