"""How a kind of queue keeps mail back for a domain: what that means for new mail, and how it is recognised later."""

from collections.abc import Collection
from typing import Protocol

from mxtui.model.holds import Catching, DomainHold
from mxtui.model.message import QueuedMessage


class Catch(Protocol):
    """One queue's. Every method blocks."""

    @property
    def leaves_alone(self) -> bool:
        """Whether whoever delivers can leave a domain alone, so that a suspension need not touch its messages."""
        ...

    def standing(self) -> Catching:
        """Whether new mail is caught now. Cheap where nothing changed since it was asked last. Raises Unreachable."""
        ...

    def follow(self, holds: Collection[DomainHold]) -> None:
        """From when this returns on, new mail for these is caught, and for no others.

        Raises NotPermitted, Unreachable: it is as it was.
        """
        ...

    def caught(self, hold: DomainHold, message: QueuedMessage) -> bool:
        """Whether a message in hold came there because it was caught for this."""
        ...
