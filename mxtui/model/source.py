"""What a console is attached to, and what it may do there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

from mxtui.errors import NotPermitted, Unreachable
from mxtui.model.recovery import Recovery


class Verb(StrEnum):
    """What an operator can do to messages."""

    HOLD = "hold"
    RELEASE = "release"
    REJECT = "reject"
    DELETE = "delete"
    RESTORE = "restore"
    FLUSH = "flush"
    REDIRECT = "redirect"
    RENEW = "renew"
    QUARANTINE = "quarantine"
    UNQUARANTINE = "unquarantine"
    """Back to where it was: what an undo of `QUARANTINE` does. Who wants the mail delivered releases it."""


@dataclass(frozen=True, slots=True)
class Permission:
    """Whether a verb may be used here and now."""

    allowed: bool
    why_not: str = ""
    """One sentence: what stands in the way."""
    hint: str = ""
    """What would allow it."""
    unreachable: bool = False
    """What stands in the way is that the mail system does not run, and no lack of rights."""

    def require(self, verb: Verb) -> None:
        """Raises NotPermitted where the verb may not be used, Unreachable where that is the mail system's state."""
        if self.unreachable:
            raise Unreachable(f"{verb} is not possible: {self.why_not}", self.hint)
        if not self.allowed:
            raise NotPermitted(f"{verb} is not permitted: {self.why_not}", self.hint)


ALLOWED = Permission(True)


Kind = Literal["postfix", "spool"]


@dataclass(frozen=True, slots=True)
class Source:
    """One queue."""

    kind: Kind
    name: str
    """The host's name as the mail system uses it (`myhostname`)."""
    path: str
    """Queue directory."""
    version: str
    """Of the mail system, `3.7.11`; empty where unknown."""
    config: str = ""
    """Configuration directory; empty for a spool."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What this road to the queue can tell and do, for this user."""

    road: Literal["files", "showq", "postqueue", "spool"]
    running: bool
    """The mail system answers; when False reading may still work."""
    verbs: Mapping[Verb, Permission] = field(default_factory=lambda: MappingProxyType({}))
    content: Permission = ALLOWED
    """Whether messages themselves may be read."""
    service: str = ""
    """Of a spool, what its `serve` is at, beginning with a `model.service.ServiceWord`; empty where none runs."""
    delivers: bool | None = None
    """Whoever delivers (qmgr, the forwarder) gives a sign of life; None where nobody can tell."""
    recovering: tuple[Recovery, ...] = ()
    """Of a spool, primaries that were down and that its `serve` does not trust yet."""
    screened: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """Of a spool, messages by what scanning made of them since its `serve` was started (`model.service.Service`)."""
    caveat: str = ""
    """Why figures go by old settings, or are seen late; a sentence without its full stop, empty when all is well."""

    def may(self, verb: Verb) -> Permission:
        """Whether the verb is allowed; a verb that this kind of queue lacks is not."""
        return self.verbs.get(verb, Permission(False, f"this queue cannot {verb}"))


@dataclass(frozen=True, slots=True)
class Space:
    """Room on the queue's file system."""

    bytes_total: int
    bytes_free: int
    inodes_total: int
    """0 where the file system does not count them (btrfs)."""
    inodes_free: int

    @property
    def used_share(self) -> float:
        """0 to 1, whichever of bytes and inodes is fuller."""
        shares = [1 - self.bytes_free / self.bytes_total] if self.bytes_total else [0.0]
        if self.inodes_total:
            shares.append(1 - self.inodes_free / self.inodes_total)
        return max(shares)
