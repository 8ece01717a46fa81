"""What a scanner is: somebody else's program that says what it makes of a message.

It may be down, slow, wrong, or something else altogether: whatever it does, a message has a verdict, or a reason why it
has none, within a time.
"""

import asyncio
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import Final, Literal

from mxtui.message.sanitize import one_line
from mxtui.model.evidence import Scan, Submitted
from mxtui.scanning.where import TooLongError, Where

Name = Literal["rspamd", "spamassassin"]

ANSWER: Final = 1 << 20
"""Bytes of an answer that are read. With every symbol that there is, rspamd's has 100 kB."""

LARGEST: Final = 10 << 20
"""Bytes of a message that is scanned: scanners refuse more, or leave out most of it."""

SYMBOLS: Final = 60
"""Of one verdict, the gravest."""

WORDS: Final = 60
"""Characters of a name that a scanner gives."""

DETAIL: Final = 200


class NonsenseError(Exception):
    """An answer that is none, or a refusal; its text says which."""


class Scanner(ABC):
    """One scanner."""

    name: Name

    def __init__(
        self, where: Where, *, timeout: float = 10.0, largest: int = LARGEST, clock: Callable[[], float] = time.time
    ) -> None:
        """`timeout` in seconds, for all of a scan; `largest` message in bytes; `clock` tells epoch seconds."""
        self.where = where
        self._timeout = timeout
        self._largest = largest
        self._clock = clock

    async def scan(self, submitted: Submitted) -> Scan:
        """What it makes of a message. Raises nothing: a fault is a Scan."""
        if submitted.truncated or len(submitted.raw) > self._largest:
            return replace(self._fault("the message is too large to be scanned"), refused=True)
        try:
            async with asyncio.timeout(self._timeout):
                return await self._scan(submitted)
        except TimeoutError:
            return self._fault(f"no answer within {self._timeout:g} s")
        except (OSError, EOFError) as error:
            return self._fault(_words(error))
        except TooLongError:
            return self._fault("its answer has no end")
        except NonsenseError as error:
            return self._fault(str(error))

    async def learn(self, submitted: Submitted, *, spam: bool) -> str:
        """Teach it that a message is spam, or that it is none. Empty, or why it learned nothing. Raises nothing."""
        try:
            async with asyncio.timeout(self._timeout):
                return one_line(await self._learn(submitted, spam=spam), DETAIL)
        except TimeoutError:
            return f"no answer within {self._timeout:g} s"
        except (OSError, EOFError) as error:
            return _words(error)
        except TooLongError:
            return "its answer has no end"
        except NonsenseError as error:
            return one_line(str(error), DETAIL)

    @abstractmethod
    async def _scan(self, submitted: Submitted) -> Scan:
        """Raises OSError, EOFError, TooLongError, NonsenseError."""

    @abstractmethod
    async def _learn(self, submitted: Submitted, *, spam: bool) -> str:
        """As `learn`; raises as `_scan`."""

    def _fault(self, why: str) -> Scan:
        return Scan(self.name, self._clock(), fault=one_line(f"{self.name} at {self.where}: {why}", DETAIL))


def _words(error: BaseException) -> str:
    """`connection refused` rather than a number."""
    if isinstance(error, EOFError):
        return "it closed the connection"
    # asyncio's own words for a refused connection repeat its address; a name that does not exist has a number below 0.
    known = error.errno if isinstance(error, OSError) and error.errno and error.errno > 0 else None
    told = error.strerror if isinstance(error, OSError) else ""
    said = os.strerror(known) if known else told or str(error) or type(error).__name__
    return said[:1].lower() + said[1:]
