"""A message laid open for an operator, from bytes that its sender chose: bounded in size, time and depth, and safe to
show as it is.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from mxtui.message import headers
from mxtui.message.dates import moment
from mxtui.message.headers import Header
from mxtui.message.hops import Hop, hops
from mxtui.message.limits import Budget, Limits, amount
from mxtui.message.parts import Part, tree
from mxtui.message.text import Text, text_of

DEFAULT_LIMITS = Limits()


class _Names:
    """Headers by name in lower case, made when first asked for: who judges a message asks for two dozen of them. No
    field, for it is part of neither what is compared nor what the sandbox sends.
    """

    __slots__ = ("_by_name",)
    _by_name: dict[str, tuple[Header, ...]]


@dataclass(frozen=True, slots=True)
class Inspection(_Names):
    """What is in a message. Every string is sanitised, but not `Header.raw`."""

    headers: tuple[Header, ...]
    """In their order."""
    hops: tuple[Hop, ...]
    """Oldest first; the last one is ours."""
    parts: tuple[Part, ...]
    """The MIME tree, depth first; the first is the message itself, whose `start` is where the body begins."""
    text: Text
    size: int
    """Bytes inspected."""
    notes: tuple[str, ...]
    """A sentence for each limit that was hit and each thing that could not be read."""

    def named(self, name: str) -> tuple[Header, ...]:
        """Every header field of this name, in any case."""
        try:
            by_name = self._by_name
        except AttributeError:
            by_name = {}
            for header in self.headers:
                key = header.name.lower()
                by_name[key] = (*by_name.get(key, ()), header)
            object.__setattr__(self, "_by_name", by_name)
        return by_name.get(name.lower(), ())

    def value(self, name: str) -> str:
        """Value of the first header field of this name; empty where there is none."""
        found = self.named(name)
        return found[0].value if found else ""

    def part(self, number: int) -> Part | None:
        """What can be saved under this number; None where there is no such part."""
        return next((part for part in self.parts if number and part.number == number), None)

    @property
    def date(self) -> float | None:
        """Epoch seconds of the Date field; None where it is missing or none."""
        return moment(self.value("date"))


def inspect(
    raw: bytes,
    *,
    truncated: bool = False,
    limits: Limits = DEFAULT_LIMITS,
    clock: Callable[[], float] = time.monotonic,
) -> Inspection:
    """Lay a message open: headers, empty line, body; LF or CRLF line ends.

    Blocks for up to about `Limits.seconds`, so it belongs in a worker thread. Raises nothing, whatever the bytes.

    Args:
        raw: the message, or its beginning.
        truncated: whether the message goes on behind `raw`.
        limits: how much is looked at.
        clock: seconds, monotonic.
    """
    budget = Budget(limits, clock)
    if truncated:
        budget.note(f"only the first {amount(len(raw))} were read")
    fields, body = headers.split(raw, 0, len(raw), budget)
    parts = tree(raw, fields, body, budget)
    shown = headers.show(fields, budget)
    way = hops(fields, budget)
    text = text_of(raw, parts, budget)
    return Inspection(shown, way, parts, text, len(raw), budget.notes)
