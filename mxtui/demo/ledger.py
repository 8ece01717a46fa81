"""What the demonstration's senders were promised, and what its primaries got: the proof at the end."""

import re
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from mxtui.demo.primary import Accepted, FakePrimary

MARK: Final = "X-Letter"

_MARKED: Final = re.compile(rb"^" + MARK.encode() + rb": ([0-9]{1,12})\r?$", re.MULTILINE)

Taker = Literal["primary", "backup"]

Copy = tuple[int, str]
"""One letter for one recipient."""


@dataclass(frozen=True, slots=True)
class Balance:
    """How the books stand. Counts of copies: a letter to three recipients is three."""

    by_primary: int
    """Promised by a primary itself."""
    by_backup: int
    delivered: int
    """Of those promised, at their primary."""
    waiting: int
    """Promised, and not there yet."""
    doubled: int
    unpromised: int
    """There, though nobody promised it."""
    turned_away: int
    """Told 451 by the backup while the primary was up, and never came back: spam."""
    refused: int
    """Told that there is no such recipient."""

    @property
    def proven(self) -> bool:
        """Every promise was kept, once, and nothing else was done."""
        return not (self.waiting or self.doubled or self.unpromised)


class Ledger:
    """Kept by all threads of the demonstration."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._promised: dict[Copy, Taker] = {}
        self._arrived: Counter[Copy] = Counter()
        self._doubtful: set[Copy] = set()
        self._counts: Counter[str] = Counter()

    def promised(self, mark: int, recipients: Iterable[str], taker: Taker) -> None:
        """A sender was told 250."""
        with self._lock:
            self._promised.update({(mark, recipient): taker for recipient in recipients})

    def doubtful(self, mark: int, recipients: Iterable[str]) -> None:
        """A connection broke before the answer: it may be there, and will be sent again (RFC 1047)."""
        with self._lock:
            self._doubtful.update((mark, recipient) for recipient in recipients)

    def count(self, what: Literal["turned_away", "refused"], number: int = 1) -> None:
        """A sender was told no."""
        with self._lock:
            self._counts[what] += number

    def arrived(self, message: Accepted) -> None:
        """A primary has it."""
        found = _MARKED.search(message.content[:4096])
        if found is not None:
            with self._lock:
                self._arrived.update((int(found[1]), recipient) for recipient in message.recipients)

    def balance(self) -> Balance:
        """The books at this moment."""
        with self._lock:
            takers = Counter(self._promised.values())
            delivered = sum(copy in self._arrived for copy in self._promised)
            return Balance(
                by_primary=takers["primary"],
                by_backup=takers["backup"],
                delivered=delivered,
                waiting=len(self._promised) - delivered,
                doubled=sum(times > 1 for copy, times in self._arrived.items() if copy not in self._doubtful),
                unpromised=sum(copy not in self._promised and copy not in self._doubtful for copy in self._arrived),
                turned_away=self._counts["turned_away"],
                refused=self._counts["refused"],
            )


class BookedPrimary(FakePrimary):
    """A primary that enters what it accepts into the books, and keeps none of it: demonstrations may run for hours."""

    def __init__(self, ledger: Ledger, hostname: str) -> None:
        super().__init__(hostname=hostname)
        self._ledger = ledger

    def keep(self, message: Accepted) -> None:
        """Book a message that is about to be answered with 250."""
        self._ledger.arrived(message)
