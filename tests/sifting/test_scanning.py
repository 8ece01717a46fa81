"""Scanners in the background: what is asked first, what is never asked twice, and what one that is down leaves."""

import asyncio
import hashlib
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mxtui.index import Index
from mxtui.model.evidence import Evidence, Scan, Submitted
from mxtui.model.message import Changes, QueuedMessage
from mxtui.queues.spool.queue import SpoolQueue
from mxtui.queues.spool.store import Spool
from mxtui.sifting import scanning as waiting
from mxtui.sifting.scanning import SAMPLE, Scanning
from mxtui.sifting.sifter import Sifter
from tests.sifting.corpus import Maker
from tests.sifting.planting import plant_spool
from tests.support.waiting import wait_until

NEVER = threading.Event()


@dataclass
class FakeScanner:
    """Says spam of everything, and remembers what it was asked; or is down."""

    down: bool = False
    second_down: bool | None = None
    """There is a second one, and whether it is down."""
    large: str = ""
    """The queue ID of a message that is too large for it."""
    asked: list[str] = field(default_factory=list)
    back_after: int | None = None
    """The second one is there again once so many were asked about."""
    known: dict[bytes, Scan] = field(default_factory=dict)
    at_once: int = 0
    _now: int = 0

    async def scan(self, submitted: Submitted) -> Sequence[Scan]:
        self._now += 1
        self.at_once = max(self.at_once, self._now)
        await asyncio.sleep(0)
        self._now -= 1
        self.asked.append(submitted.queue_id)
        if self.back_after is not None and len(self.asked) > self.back_after:
            self.second_down = False
        if submitted.queue_id == self.large:
            return [Scan("rspamd", time.time(), fault="rspamd at …: the message is too large", refused=True)]
        if self.down:
            return [Scan("rspamd", time.time(), fault="rspamd at 127.0.0.1:11333: connection refused")]
        scan = Scan("rspamd", time.time(), 12.0, 6.0, "add header")
        if self.second_down is None:
            self.known[hashlib.sha256(submitted.raw).digest()] = scan
            return [scan]
        fault = "spamassassin at 127.0.0.1:783: connection refused" if self.second_down else ""
        return [scan, Scan("spamassassin", time.time(), 12.0, 6.0, "spam", fault=fault)]

    def remembered(self, digest: bytes) -> list[Scan]:
        return [self.known[digest]] if digest in self.known else []


@pytest.fixture
def planted(tmp_path: Path) -> tuple[SpoolQueue, dict[str, str]]:
    """Thirty of one campaign, among them ten of one content, and ten others."""
    maker = Maker(3)
    pills = maker.campaigns()["same text, forged senders"]
    same = pills()
    mails = [
        *maker.good(10),
        *(pills()._replace(kind="pills") for _ in range(20)),
        *[same._replace(kind="same")] * 10,
    ]
    kinds = plant_spool(tmp_path / "spool", mails)
    return SpoolQueue(Spool.open(tmp_path / "spool")), kinds


def sifted(queue: SpoolQueue, path: Path) -> tuple[Index, Sifter]:
    index = Index(time.time())
    for changes in queue.read():
        index.apply(changes)
    index.complete()
    sifter = Sifter(index, queue.contents(), path)
    sifter.finish(NEVER)
    sifter.close()
    return index, sifter


def scanning(queue: SpoolQueue, index: Index, sifter: Sifter, scanner: FakeScanner, path: Path) -> Scanning:
    def submit(message: QueuedMessage) -> Submitted:
        raw = queue.content(message.queue_id, 1 << 20)
        return Submitted(raw, False, message.sender, [], None, message.arrival, message.queue_id)

    def points(scans: Sequence[Scan]) -> list[Evidence]:
        return [Evidence("rspamd", "rspamd", "", 10.0, "rspamd") for _ in scans]

    return Scanning(
        index, scanner, submit, points, remembered=scanner.remembered, sifted=path, campaigns=sifter.campaigns,
        connections=4, rate=10_000,
    )  # fmt: skip


def test_each_content_is_scanned_once_the_campaign_first(
    planted: tuple[SpoolQueue, dict[str, str]], tmp_path: Path
) -> None:
    queue, kinds = planted
    path = tmp_path / "s.sqlite"
    index, sifter = sifted(queue, path)
    scanner = FakeScanner()
    scanning(queue, index, sifter, scanner, path).finish(NEVER)
    assert index.scanned() == len(kinds)
    assert all(not kinds[asked].startswith("good") for asked in scanner.asked[:SAMPLE])
    assert sum(kinds[asked] == "same" for asked in scanner.asked) == 1
    assert scanner.at_once <= 4
    assert len(index.suspects()) == len(kinds)


def test_after_a_restart_nothing_is_scanned_again(planted: tuple[SpoolQueue, dict[str, str]], tmp_path: Path) -> None:
    queue, kinds = planted
    path = tmp_path / "s.sqlite"
    scanner = FakeScanner()
    index, sifter = sifted(queue, path)
    scanning(queue, index, sifter, scanner, path).finish(NEVER)
    scanner.asked.clear()
    index, sifter = sifted(queue, path)
    scanning(queue, index, sifter, scanner, path).finish(NEVER)
    assert scanner.asked == []
    assert index.scanned() == len(kinds)


def test_a_scanner_that_is_down_leaves_mail_unscanned_and_says_why(
    planted: tuple[SpoolQueue, dict[str, str]], tmp_path: Path
) -> None:
    queue, _ = planted
    path = tmp_path / "s.sqlite"
    index, sifter = sifted(queue, path)
    scanner = FakeScanner(down=True)
    asking = scanning(queue, index, sifter, scanner, path)
    asking.finish(NEVER)
    assert asking.faults == {"rspamd": "rspamd at 127.0.0.1:11333: connection refused"}
    assert index.scanned() == 0
    assert len(scanner.asked) <= 4  # not all of the queue
    scanner.down = False
    asking.finish(NEVER)
    assert asking.faults == {}
    assert index.scanned() == 40


def test_what_one_of_two_scanners_has_not_seen_is_unscanned_and_asked_about_when_it_is_back(
    planted: tuple[SpoolQueue, dict[str, str]], tmp_path: Path
) -> None:
    queue, _ = planted
    path = tmp_path / "s.sqlite"
    index, sifter = sifted(queue, path)
    scanner = FakeScanner(second_down=True)
    asking = sifter.scanning = scanning(queue, index, sifter, scanner, path)
    asking.finish(NEVER)
    progress = sifter.progress()
    assert asking.faults == {"spamassassin": "spamassassin at 127.0.0.1:783: connection refused"}
    assert (progress.scanned, progress.unscanned, progress.unseen) == (0, 40, 40)
    assert len(index.suspects()) == 40  # what the other one says of them counts all the same
    scanner.second_down = False
    again = sifter.scanning = scanning(queue, index, sifter, scanner, path)
    again.finish(NEVER)
    progress = sifter.progress()
    assert (progress.scanned, progress.unscanned, progress.scan_faults) == (40, 0, ())


def test_a_scanner_that_comes_back_while_the_other_one_answers_is_noticed(
    planted: tuple[SpoolQueue, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "PAUSE", 0.01)
    monkeypatch.setattr(waiting, "LONGEST", 0.01)
    monkeypatch.setattr(waiting, "IDLE", 0.01)
    queue, _ = planted
    path = tmp_path / "s.sqlite"
    index, sifter = sifted(queue, path)
    scanner, stop = FakeScanner(second_down=True), threading.Event()
    asking = sifter.scanning = scanning(queue, index, sifter, scanner, path)
    running = threading.Thread(target=asking.run, args=(stop,))
    running.start()
    try:
        wait_until(lambda: asking.faults and not index.unscanned(None, 1, partly=False))
        scanner.second_down = False
        wait_until(lambda: index.scanned() == 40)
        assert asking.faults == {}
    finally:
        stop.set()
        running.join()


@pytest.mark.parametrize("asked", range(1, 5))
def test_a_scanner_that_comes_back_amid_a_batch_sees_all_of_it(
    planted: tuple[SpoolQueue, dict[str, str]], tmp_path: Path, asked: int
) -> None:
    queue, _ = planted
    path = tmp_path / "s.sqlite"
    index, sifter = sifted(queue, path)
    scanner = FakeScanner(second_down=True, back_after=asked)
    asking = sifter.scanning = scanning(queue, index, sifter, scanner, path)
    asking.finish(NEVER)
    assert (index.scanned(), asking.unscannable, asking.faults) == (40, 0, {})


def test_one_message_that_no_scanner_takes_holds_up_no_other_and_is_counted(
    planted: tuple[SpoolQueue, dict[str, str]], tmp_path: Path
) -> None:
    queue, kinds = planted
    path = tmp_path / "s.sqlite"
    index, sifter = sifted(queue, path)
    scanner = FakeScanner(large=next(queue_id for queue_id, kind in kinds.items() if kind.startswith("good")))
    asking = sifter.scanning = scanning(queue, index, sifter, scanner, path)
    asking.finish(NEVER)
    progress = sifter.progress()
    assert (progress.scanned, progress.unscannable, progress.unseen, progress.scan_faults) == (39, 1, 0, ())
    assert scanner.asked.count(scanner.large) == 1


async def test_a_verdict_that_is_remembered_does_not_make_a_scanner_that_is_down_one_that_answers(
    planted: tuple[SpoolQueue, dict[str, str]], tmp_path: Path
) -> None:
    queue, kinds = planted
    path = tmp_path / "s.sqlite"
    index, sifter = sifted(queue, path)

    class Remembering(FakeScanner):
        async def scan(self, submitted: Submitted) -> Sequence[Scan]:
            self.asked.append(submitted.queue_id)
            if len(self.asked) == 1:
                return [Scan("rspamd", time.time() - 3600, 12.0, 6.0, "add header")]
            return [Scan("rspamd", time.time(), fault="rspamd at 127.0.0.1:11333: connection refused")]

    scanner = Remembering()
    asking = scanning(queue, index, sifter, scanner, path)
    # Of others there are twins, which would be scanned with it.
    batch = [each for each in index.unscanned(None, 40) if kinds[each.queue_id].startswith("good")][:4]
    assert not await asking.scan(batch)
    assert asking.faults.keys() == {"rspamd"}
    assert index.scanned() == 1
    left = {each.queue_id for some in asking.batches() for each in some}
    assert left >= set(scanner.asked[1:])  # none is taken for a message that no scanner takes


def test_what_left_the_queue_is_no_longer_counted_as_scanned(
    planted: tuple[SpoolQueue, dict[str, str]], tmp_path: Path
) -> None:
    queue, kinds = planted
    path = tmp_path / "s.sqlite"
    index, sifter = sifted(queue, path)
    scanning(queue, index, sifter, FakeScanner(), path).finish(NEVER)
    index.apply(Changes(gone=list(kinds)[:15]))
    assert index.scanned() == 25


def test_a_verdict_stays_when_the_campaign_of_a_message_becomes_another(
    planted: tuple[SpoolQueue, dict[str, str]], tmp_path: Path
) -> None:
    queue, _ = planted
    path = tmp_path / "s.sqlite"
    index, sifter = sifted(queue, path)
    scanning(queue, index, sifter, FakeScanner(), path).finish(NEVER)
    again = Sifter(index, None, path)
    again.finish(NEVER)
    again.close()
    assert index.scanned() == 40
