"""What is known of a recipient, and who can be asked."""

from dataclasses import dataclass
from typing import Literal, Protocol

from mxtui.receiver.paths import Path

Outcome = Literal["good", "bad", "undecided"]
"""`undecided`: it could not be found out now."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one recipient."""

    outcome: Outcome
    why: str = ""
    """For the log; may hold what a server said, so hostile."""


GOOD = Verdict("good")


class Recipients(Protocol):
    """Knows recipients of relayed domains; asked once for every RCPT."""

    @property
    def asks(self) -> bool:
        """Whether it has to ask the primary, which may be only half there."""
        ...

    async def check(self, recipient: Path) -> Verdict:
        """The verdict; never raises. May take as long as asking a server does (bounded)."""
        ...

    def expect(self, recipient: Path) -> None:
        """Mail for it was put off and may come again: find out meanwhile, if that is cheap. Returns at once."""
        ...


class AnyRecipient:
    """Everybody is good: what the primary refuses later is ours to bounce or to keep. Has to be asked for by name."""

    asks = False

    async def check(self, recipient: Path) -> Verdict:  # noqa: ARG002
        """Good."""
        return GOOD

    def expect(self, recipient: Path) -> None:
        """Nothing to find out."""
