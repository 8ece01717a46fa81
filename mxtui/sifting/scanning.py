"""Scanners asked in the background: a sample of each campaign first, the largest and the latest before the others.

Each content once, also over restarts; so many side by side and within a second as was set. While a scanner is down mail
stays unscanned, and is asked about again after a pause that doubles.
"""

import asyncio
import hashlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Final, Protocol

from mxtui.errors import MxtuiError
from mxtui.index import Index
from mxtui.model.campaign import Campaign, Judged
from mxtui.model.evidence import Evidence, Scan, Submitted
from mxtui.model.message import QueuedMessage
from mxtui.sifting.store import Store

SAMPLE: Final = 5
"""Messages of one campaign that are scanned in its turn."""

SINGLES: Final = 25
"""And of those that are of none."""

PAUSE: Final = 5.0
LONGEST: Final = 300.0
"""Seconds until a scanner that failed is asked again, the first time and at most."""

RECALLED: Final = 500
"""Messages looked up at once."""

IDLE: Final = 2.0
"""Seconds between two looks for something to scan."""


class Asked(Protocol):
    """What is known of a message by those who are asked."""

    async def scan(self, submitted: Submitted) -> Sequence[Scan]:
        """By each scanner, remembered by content. Raises nothing: a fault is a Scan."""
        ...


class Scanning:
    """Runs in a thread with a loop of its own. What it finds goes to the index, as points."""

    def __init__(
        self,
        index: Index,
        asked: Asked,
        submit: Callable[[QueuedMessage], Submitted],
        points: Callable[[Sequence[Scan]], Sequence[Evidence]],
        *,
        remembered: Callable[[bytes], Sequence[Scan]],
        sifted: Path | None,
        campaigns: Callable[[], Sequence[Campaign]],
        connections: int,
        rate: float,
    ) -> None:
        """`submit` reads a message, and raises MxtuiError; `points` are a scan's in our own score.
        `remembered` tells by its SHA-256 what scanners made of a content, if all of them have seen it.

        `sifted` is the file of what is remembered of messages, by which others with the same content are found;
        `rate` is how many a second at most.
        """
        self._index = index
        self._asked = asked
        self._submit = submit
        self._points = points
        self._remembered = remembered
        self._sifted = sifted
        self._campaigns = campaigns
        self._connections = connections
        self._rate = rate
        self._pause = PAUSE
        self._tried: set[str] = set()
        """Queue IDs that could not be scanned though the scanner answers others: too large, gone, not permitted."""
        self._doubted: set[str] = set()
        """Those of which that is so once: the scanner may have come back, or gone, amid that batch."""
        self._of_batch: set[bytes] = set()
        """Contents that were asked about with this batch: one that is read later than its twin is not asked about."""
        self.faults: Mapping[str, str] = {}
        """Why a scanner does not answer, by its name; a sentence each without its full stop. Never changed in place:
        who shows it has another thread."""
        self.unscannable = 0
        """Messages that are queued and could not be scanned, though the scanner answers others."""
        self._pruned_at = -1
        """The revision of the index that this is of."""
        self.all_judged = False
        """Set by whoever judges: everything that was queued at first has been."""
        self.recalled = False
        """What was remembered of all that is with the index."""

    def run(self, stop: threading.Event) -> None:
        """Until then. Blocks."""
        asyncio.run(self._run(stop, ending=False))

    def finish(self, stop: threading.Event) -> None:
        """Until all that is queued was seen, or no scanner answers. Blocks."""
        asyncio.run(self._run(stop, ending=True))

    async def _run(self, stop: threading.Event, *, ending: bool) -> None:
        while not stop.is_set():
            worked = await asyncio.to_thread(self.recall)
            for batch in self.batches():
                if stop.is_set():
                    return
                worked = True
                began = time.monotonic()
                answered = await self.scan(batch)
                if not answered and ending:
                    return
                if not answered:
                    await _wait(stop, self._pause)
                    self._pause = min(LONGEST, 2 * self._pause)
                    break
                self._pause = self._pause if self.faults else PAUSE
                await _wait(stop, len(batch) / self._rate - (time.monotonic() - began))
            await asyncio.to_thread(self._prune)
            if not worked and ending:
                return
            if not worked and not await self._ask_again(stop):
                await _wait(stop, IDLE)

    async def _ask_again(self, stop: threading.Event) -> bool:
        """Whether a scanner that was down, while another one answered, does so by now; whether there was any."""
        batch = next(self.batches(partly=True), None) if self.faults else None
        if batch is None:
            return False
        await self.scan(batch)
        if self.faults:
            await _wait(stop, self._pause)
        self._pause = min(LONGEST, 2 * self._pause) if self.faults else PAUSE
        return True

    def _prune(self) -> None:
        """Forget those that left."""
        if (self._doubted or self._tried) and self._pruned_at != (revision := self._index.revision):
            self._tried = {each.queue_id for each in self._index.messages(self._tried)}
            self._doubted = {each.queue_id for each in self._index.messages(self._doubted)}
            self._pruned_at = revision
        self.unscannable = len(self._tried)

    def recall(self) -> bool:
        """What is remembered of contents that are queued, at no cost to a scanner; whether there was any."""
        all_judged = self.all_judged
        found = self._recall()
        self._index.scan(found)
        self.recalled = self.recalled or all_judged
        return bool(found)

    def _recall(self) -> list[Judged]:
        found: list[Judged] = []
        if self._sifted is None:
            return found
        with suppress(sqlite3.Error, OSError), closing(Store(self._sifted, writing=False)) as store:
            while lately := self._index.judged_lately(RECALLED):
                for message in lately:
                    known = store.find(message.queue_id)
                    if known is not None and (scans := self._remembered(known[0].sha256)):
                        worth = sum(each.points for each in self._points(scans))
                        found.append(Judged(message.identity, worth))
        return found

    def batches(self, *, partly: bool | None = None) -> Iterator[list[QueuedMessage]]:
        """A round: some of each campaign, largest first, then some of the rest. `partly` asks about those, too, that
        only one of two scanners has seen: while all answer, unless it is said.
        """
        again = not self.faults if partly is None else partly
        order = sorted(self._campaigns(), key=lambda each: (each.kind == "bulk", -each.messages))
        for name, most in (*((each.name, SAMPLE) for each in order), (None, SINGLES)):
            for _ in range(0, most, self._connections):
                waiting = self._index.unscanned(name, self._connections + len(self._tried), partly=again)
                some = [each for each in waiting if each.queue_id not in self._tried][: self._connections]
                if some:
                    yield some

    async def scan(self, batch: Sequence[QueuedMessage]) -> bool:
        """Ask about these, side by side; whether a scanner answered."""
        self._of_batch.clear()
        began = time.time()
        results = await asyncio.gather(*(self._one(message) for message in batch))
        told = [scan for scans in results for scan in scans]
        # One that is remembered says nothing of whether that scanner is there.
        answering = {scan.scanner for scan in told if scan.scanned and scan.at >= began}
        silent: dict[str, str] = {scan.scanner: scan.fault for scan in told if not scan.scanned and not scan.refused}
        known: dict[str, str] = {**self.faults, **silent}
        self.faults = {name: fault for name, fault in known.items() if name not in answering}
        # A scanner that is there and does not take a message is not asked about it all the time.
        asked = list(zip(batch, results, strict=True))
        failed = {
            message.queue_id
            for message, scans in asked
            if any(not scan.scanned and scan.scanner in answering for scan in scans)
        }
        self._tried |= {message.queue_id for message, scans in asked if any(scan.refused for scan in scans)}
        self._tried |= failed & self._doubted
        self._doubted |= failed
        return bool(answering) or not silent

    async def _one(self, message: QueuedMessage) -> Sequence[Scan]:
        """What scanners made of it; nothing where it is gone, or is told with another one."""
        try:
            submitted = await asyncio.to_thread(self._submit, message)
        except MxtuiError:
            self._tried.add(message.queue_id)
            return ()
        digest = hashlib.sha256(submitted.raw).digest()
        if digest in self._of_batch:
            return ()
        self._of_batch.add(digest)
        return await self._ask(message, submitted, digest)

    async def _ask(self, message: QueuedMessage, submitted: Submitted, digest: bytes) -> Sequence[Scan]:
        scans = await self._asked.scan(submitted)
        if told := [scan for scan in scans if scan.scanned]:
            worth, partly = sum(each.points for each in self._points(told)), len(told) < len(scans)
            alike = await asyncio.to_thread(self._alike, digest)
            verdicts = [each._replace(points=worth, partly=partly) for each in (Judged(message.identity, 0.0), *alike)]
            await asyncio.to_thread(self._index.scan, verdicts)
        return scans

    def _alike(self, digest: bytes) -> list[Judged]:
        """Other messages with the same content."""
        if self._sifted is not None:
            with suppress(sqlite3.Error, OSError), closing(Store(self._sifted, writing=False)) as store:
                return store.alike(digest)
        return []


async def _wait(stop: threading.Event, seconds: float) -> None:
    if seconds > 0:
        await asyncio.to_thread(stop.wait, seconds)
