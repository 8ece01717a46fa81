"""All scanners at once, for mail on its way in and before it goes on: so many messages at a time, for so long.

A scanner that fails again and again is left alone for a while: who waits for one that hangs, waits for nothing.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, Protocol

from mxtui.message.sanitize import one_line
from mxtui.model.evidence import Scan, Submitted
from mxtui.model.screening import Rules, Verdict, judged

FAILURES: Final = 3
"""In a row, after which a scanner is left alone: one message alone may be what it cannot bear."""

REST: Final = 30.0
"""Seconds that it is left alone."""

FAULT_LENGTH: Final = 200


class Scanner(Protocol):
    """One scanner; see `mxtui.scanning.scanner`."""

    @property
    def name(self) -> Literal["rspamd", "spamassassin"]:
        """Which."""
        ...

    async def scan(self, submitted: Submitted) -> Scan:
        """Raises nothing: a fault is a Scan."""
        ...


class Log(Protocol):
    """Takes events; see `mxtui.service.log`."""

    def __call__(self, event: str, level: str = "info", **fields: str | int | float | bool | None) -> None:
        """One event."""
        ...


@dataclass(frozen=True, slots=True)
class Bounds:
    """What scanning may take."""

    timeout: float = 10.0
    """Seconds for a verdict, and as many to wait for one's turn. RFC 5321 4.5.3.2.6 has clients wait for 10 minutes."""
    at_once: int = 10
    """Messages; each has one connection to each scanner."""
    largest: int = 10 << 20
    """Bytes; a larger message is not scanned."""
    patience: float = 3600.0
    """Seconds that mail taken unscanned waits for a scanner before it goes on as it is."""


Submit = Callable[[], Awaitable[Submitted | str]]
"""Gives the message when its turn has come, so that what waits takes no memory; or why it is not to be had."""


@dataclass(slots=True)
class _Watched:
    """One scanner, and how it did."""

    scanner: Scanner
    failures: int = 0
    fault: str = ""
    rests_until: float = 0.0
    """By the loop's clock; so is the next."""
    down_since: float | None = None


@dataclass(eq=False)
class Gate:
    """Belongs to one event loop."""

    scanners: Sequence[Scanner]
    rules: Rules
    bounds: Bounds
    log: Log
    clock: Callable[[], float]
    """Epoch seconds."""
    counts: Counter[str] = field(default_factory=Counter)
    """By what became of messages; kept by whoever makes the gate."""
    recovered: Callable[[], None] = lambda: None
    """Called when a scanner answers again."""

    def __post_init__(self) -> None:
        self._watched = [_Watched(scanner) for scanner in self.scanners]
        self._room = asyncio.Semaphore(self.bounds.at_once)

    async def judge(self, size: int, submit: Submit) -> Verdict:
        """What scanners make of a message of so many bytes; never raises for anything that a scanner does."""
        if size > self.bounds.largest:
            return Verdict("accept", unscanned=f"too large to be scanned ({size} bytes)")
        if all(map(self._rests, self._watched)):
            return self._judged([self._fault(each, each.fault) for each in self._watched])
        try:
            async with asyncio.timeout(self.bounds.timeout):
                await self._room.acquire()
        except TimeoutError:
            return Verdict("accept", unscanned="too many messages to be scanned at once", passing=True)
        try:
            submitted = await submit()
            if isinstance(submitted, str):
                return Verdict("accept", unscanned=submitted, passing=True)
            return self._judged(await asyncio.gather(*(self._ask(each, submitted) for each in self._watched)))
        finally:
            self._room.release()

    def down_for(self) -> float:
        """Seconds that the scanner which has failed for the longest time has done so; 0 while all answer."""
        now = asyncio.get_running_loop().time()
        return max((now - each.down_since for each in self._watched if each.down_since is not None), default=0.0)

    def _judged(self, scans: Sequence[Scan]) -> Verdict:
        if any(scan.scanned for scan in scans):
            self.counts["scanned"] += 1
        return judged(scans, self.rules)

    def _rests(self, each: _Watched) -> bool:
        return asyncio.get_running_loop().time() < each.rests_until

    async def _ask(self, each: _Watched, submitted: Submitted) -> Scan:
        if self._rests(each):
            return self._fault(each, each.fault)
        try:
            async with asyncio.timeout(self.bounds.timeout):
                scan = await each.scanner.scan(submitted)
        except TimeoutError:
            scan = self._fault(each, f"no verdict within {self.bounds.timeout:g} s")
        scan = replace(scan, fault=one_line(scan.fault, FAULT_LENGTH))
        self._heard(each, scan.fault)
        return scan

    def _heard(self, each: _Watched, fault: str) -> None:
        now = asyncio.get_running_loop().time()
        if not fault:
            down, each.failures, each.down_since = each.down_since is not None, 0, None
            if down:
                self.log("scanner_back", scanner=each.scanner.name)
                self.recovered()
            return
        each.failures += 1
        each.fault = fault
        if each.down_since is None:
            each.down_since = now
            self.log("scanner_failed", "warning", scanner=each.scanner.name, why=fault)
        if each.failures >= FAILURES:
            each.rests_until = now + REST

    def _fault(self, each: _Watched, fault: str) -> Scan:
        return Scan(each.scanner.name, self.clock(), fault=fault)
