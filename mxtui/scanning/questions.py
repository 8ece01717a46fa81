"""What is asked of DNS about a message: bounded in questions and in time, and never twice.

A message's sender decides what is asked, and whose servers answer: so there is a limit for each message.
"""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from dns.resolver import Resolver

MOST: Final = 40
"""Questions for one message. SPF alone may take ten terms, each an MX with ten hosts (RFC 7208, 4.6.4)."""

SECONDS: Final = 5.0
"""For all of them."""

EACH: Final = 2.0


class NoAnswerError(Exception):
    """DNS fails, or took too long; its text says for which name."""


class Questions:
    """Those for one message. Blocks; for one thread."""

    def __init__(
        self, resolver: "Callable[[], Resolver] | None" = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._make = resolver or _system_resolver
        self._clock = clock
        self._until = clock() + SECONDS
        self._left = MOST
        self._known: dict[tuple[str, str], Sequence[Any] | NoAnswerError] = {}

    def ask(self, name: str, kind: str) -> Sequence[Any]:
        """Records (dnspython's); none where there are none, or no such name. Raises NoAnswerError."""
        key = name.lower().rstrip("."), kind
        if key not in self._known:
            try:
                self._known[key] = self._asked(*key)
            except NoAnswerError as error:
                self._known[key] = error
        found = self._known[key]
        if isinstance(found, NoAnswerError):
            raise found
        return found

    def texts(self, name: str) -> list[str]:
        """TXT records, each in one piece. Raises NoAnswerError."""
        return [b"".join(record.strings).decode("utf-8", "replace") for record in self.ask(name, "TXT")]

    def _asked(self, name: str, kind: str) -> Sequence[Any]:
        import dns.exception
        import dns.name
        import dns.resolver

        left = min(EACH, self._until - self._clock())
        if self._left <= 0 or left <= 0:
            raise NoAnswerError(f"too much would have to be asked of DNS, up to {name}")
        self._left -= 1
        try:
            return list(self._make().resolve(dns.name.from_text(name), kind, lifetime=left))
        except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
            return []
        except (dns.exception.DNSException, UnicodeError, OSError, ValueError):
            raise NoAnswerError(f"DNS does not answer for {name}") from None


def _system_resolver() -> "Resolver":
    from dns.resolver import Resolver

    return Resolver()
