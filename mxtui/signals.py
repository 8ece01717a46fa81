"""What is done on signals, for as long as something runs."""

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

GONE: Final = (signal.SIGHUP, signal.SIGTERM)
"""The terminal closed, or somebody ended us."""


@contextmanager
def handling(numbers: Iterable[signal.Signals], handler: Callable[[int, object], None]) -> Iterator[None]:
    """`handler` for these, and afterwards whatever was there before. For the main thread (signal(7))."""
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, was in before.items():
            signal.signal(number, was)
