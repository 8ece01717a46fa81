"""Waiting for conditions, never for time."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

PATIENCE: Final = 60.0
"""Seconds that a condition may take to come true. Only a test that fails waits for so long: far beyond what the most
loaded machine needs, and within the time that pytest gives each test."""


def wait_until(condition: Callable[[], T], timeout: float = PATIENCE, *, what: str | Callable[[], str] = "") -> T:
    """The first truthy value of `condition`; AssertionError after `timeout` seconds, which says what was to be so."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() >= deadline:
            wanted = what() if callable(what) else what
            raise AssertionError(f"still not so after {timeout} s: {wanted or condition}")
        time.sleep(0.01)
    return value
