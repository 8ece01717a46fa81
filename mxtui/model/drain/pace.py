"""How much may be in hand at once: two paces behind one interface, for our own connections and for another's engine.

Both begin small, grow with what goes well, and after a failure wait, each time longer. Failures come in runs: what was
under way when the first one came in says nothing new, and of what goes after a pause one message is enough to know.
"""

from collections.abc import Callable
from typing import Final, Protocol

from mxtui.model.drain.settings import DrainSettings
from mxtui.model.drain.way import Settled
from mxtui.model.reason import summarise

Vary = Callable[[], float]
"""From 0 to 1; pauses vary by it, or drains that failed together would come back together."""

JITTER: Final = 0.15
"""Share by which a pause varies either way."""

_HOST_TROUBLE: Final = ("4.3.", "4.4.")
"""Mail system status; network and routing status (RFC 3463 3.4, 3.5). Any other 4xx concerns one mailbox or message."""


class Pace(Protocol):
    """What machine.Drain asks. `now` is monotonic seconds, `taken_at` when the message was taken."""

    @property
    def window(self) -> int:
        """Messages in hand at most."""
        ...

    @property
    def connections(self) -> int:
        """Connections that the primary is trusted with."""
        ...

    @property
    def steady(self) -> bool:
        """It does not grow any more."""
        ...

    @property
    def resumes(self) -> float:
        """Nothing goes before."""
        ...

    @property
    def failures(self) -> int:
        """In a row, each after a pause."""
        ...

    @property
    def trouble(self) -> str:
        """Why it is slower than it was; empty while all is well. May quote a server."""
        ...

    def room(self, now: float) -> int:
        """Messages that may be taken now."""
        ...

    def took(self, number: int) -> None:
        """So many were taken."""
        ...

    def settled(self, settled: Settled, taken_at: float, now: float) -> bool:
        """One of them was settled; False where it was under way at a failure and says nothing new."""
        ...

    def unwell(self, why: str, now: float) -> None:
        """A probe found what a message would have: as a failure, without one."""
        ...


def ails(settled: Settled) -> str:
    """What a message's fate says against the primary itself; empty where it concerns that message only.

    Put off without a word is against it: a host that is down has no reply.
    """
    if settled.untried or (settled.fate != "deferred" and not settled.busy and not settled.possible_duplicate):
        return ""
    said = next((verdict for verdict in settled.verdicts if verdict.fate == settled.fate), None)
    words = summarise(said.reply) if said is not None else ""
    if settled.busy:
        return f"it is busy ({words})" if words else "it is busy"
    if settled.possible_duplicate:
        return "the connection was lost after a whole message was sent"
    if settled.unreachable and words:
        return words
    if said is not None and said.dsn and not said.dsn.startswith(_HOST_TROUBLE):
        return ""
    return words or "a message was put off without a reply"


class Backoff:
    """Pauses that double while nothing goes well in between."""

    def __init__(self, settings: DrainSettings, vary: Vary) -> None:
        self._first, self._longest, self._vary = settings.backoff_first, settings.backoff_longest, vary
        self._cut = float("-inf")
        self.failures = 0
        self.resumes = 0.0
        self.why = ""

    def is_news(self, taken_at: float) -> bool:
        """Whether a message was taken after the last failure was answered."""
        return taken_at >= self._cut

    def fail(self, why: str, now: float) -> None:
        """Wait."""
        pause = min(self._longest, self._first * 2.0 ** min(self.failures, 30))
        self.failures += 1
        # What the pause lets through next is what counts; all that was taken until now was under way at the failure.
        self._cut = self.resumes = now + pause * (1 + JITTER * (2 * self._vary() - 1))
        self.why = why

    def recover(self) -> None:
        """Something went well."""
        self.failures = 0
        self.why = ""
