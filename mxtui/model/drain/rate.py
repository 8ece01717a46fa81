"""How fast a drain may go, as operators write it: `20/s`, `500k/s`, `20/s,2M/s`."""

import math
from typing import Final, NamedTuple

from mxtui.model.units import format_size, parse_size

EXAMPLES: Final = "20/s, 500k/s or 20/s,2M/s"
"""Messages; bytes; both."""


class Rate(NamedTuple):
    """Both limits; None is as fast as the primary takes it."""

    messages: float | None = None
    """A second."""
    octets: float | None = None
    """A second."""

    def __str__(self) -> str:
        """As `parse_rate` takes it; empty where nothing is limited."""
        messages = f"{self.messages:.12g}/s" if self.messages is not None else ""
        octets = f"{self.octets / 1024:.3f}k/s" if self.octets is not None else ""
        return ",".join(filter(None, (messages, octets)))

    @property
    def at_most(self) -> str:
        """Behind what a sentence says goes; empty where nothing is limited.

        >>> Rate(20.0, 2097152.0).at_most
        ', at most 20/s and 2M/s'
        """
        messages = f"{self.messages:g}/s" if self.messages is not None else ""
        octets = f"{format_size(round(self.octets))}/s" if self.octets is not None else ""
        limits = " and ".join(filter(None, (messages, octets)))
        return f", at most {limits}" if limits else ""


UNLIMITED: Final = Rate()


def parse_rate(text: str) -> Rate:
    """One limit or both. A number with k, M or G is of bytes, else of messages; `/s` may be left out.

    >>> parse_rate("20/s"), parse_rate("0.5,2M/s")
    (Rate(messages=20.0, octets=None), Rate(messages=0.5, octets=2097152.0))

    Raises:
        ValueError: not a rate, none at all, or twice of one kind.
    """
    found = UNLIMITED
    for part in text.split(","):
        number = part.strip().removesuffix("/s")
        of_bytes = number[-1:].isalpha()
        value = float(parse_size(number)) if of_bytes else float(number)
        if not 0 < value < math.inf or (found.octets if of_bytes else found.messages) is not None:
            raise ValueError(f"not a rate: {text}")
        found = found._replace(octets=value) if of_bytes else found._replace(messages=value)
    return found
