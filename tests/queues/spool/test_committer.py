import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from mxtui.queues.spool.committer import Committer
from mxtui.queues.spool.store import Spool
from tests.queues.spool.making import TEXT, envelope, files, put, queued


@pytest.fixture
async def committer(spool: Spool) -> AsyncIterator[Committer]:
    made = Committer(spool)
    yield made
    await made.close()


class Gate:
    """Stops the disk before the first fsync of each group until it is opened."""

    def __init__(self, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
        self.groups: list[int] = []
        self.reached = threading.Event()
        self.open = threading.Event()
        run = spool.writer.run

        def gated(jobs: object) -> object:
            waiting = list(jobs)  # type: ignore[call-overload]
            self.groups.append(len(waiting))
            self.reached.set()
            assert self.open.wait(10)
            return run(waiting)

        monkeypatch.setattr(spool.writer, "run", gated)

    async def arrived(self) -> None:
        await asyncio.to_thread(self.reached.wait, 10)


async def test_when_commit_returns_the_message_is_there(spool: Spool, committer: Committer) -> None:
    made = [envelope() for _ in range(50)]
    await asyncio.gather(*(committer.commit(each, [TEXT], "hold") for each in made))
    assert queued(spool) == {each.id: "hold" for each in made}


async def test_who_waits_while_the_disk_works_goes_together(
    spool: Spool, committer: Committer, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(spool, monkeypatch)
    first = asyncio.create_task(committer.commit(envelope(), [TEXT]))
    await gate.arrived()
    others = [asyncio.create_task(committer.commit(envelope(), [TEXT])) for _ in range(30)]
    await asyncio.sleep(0)
    gate.open.set()
    await asyncio.gather(first, *others)
    assert gate.groups == [1, 30]


async def test_one_that_fails_is_told_and_the_others_are_in(spool: Spool, committer: Committer) -> None:
    good, bad = envelope(), replace(envelope(), sender="x" * 10_000)
    outcomes = await asyncio.gather(
        committer.commit(good, [TEXT]), committer.commit(bad, [TEXT]), return_exceptions=True
    )
    assert outcomes[0] is None
    assert isinstance(outcomes[1], OSError)
    assert set(queued(spool)) == {good.id}


async def test_a_commit_that_was_begun_is_finished_though_its_caller_is_cancelled(
    spool: Spool, committer: Committer, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(spool, monkeypatch)
    begun, waiting = envelope(), envelope()
    first = asyncio.create_task(committer.commit(begun, [TEXT]))
    await gate.arrived()
    second = asyncio.create_task(committer.commit(waiting, [TEXT]))
    await asyncio.sleep(0)
    first.cancel()
    second.cancel()
    gate.open.set()
    await committer.close()
    assert first.cancelled()
    assert second.cancelled()
    assert set(queued(spool)) == {begun.id}, "and one that was not begun is not done at all"


async def test_closing_does_what_waits_and_refuses_what_comes_later(spool: Spool) -> None:
    committer = Committer(spool)
    made = [envelope() for _ in range(20)]
    tasks = [asyncio.create_task(committer.commit(each, [TEXT])) for each in made]
    await asyncio.sleep(0)
    await committer.close()
    await asyncio.gather(*tasks)
    assert len(queued(spool)) == 20
    with pytest.raises(OSError, match="being closed"):
        await committer.commit(envelope(), [TEXT])
    await committer.close()


async def test_results_and_removals_go_the_same_way(spool: Spool, committer: Committer) -> None:
    made = [put(spool) for _ in range(9)]
    claims = [spool.claim(each.id) or pytest.fail("there") for each in made]
    changed = [replace(each, attempts=1) for each in made]
    await asyncio.gather(
        *(committer.record(claim, new) for claim, new in zip(claims[:3], changed[:3], strict=True)),
        *(committer.move(claim, "failed", new) for claim, new in zip(claims[3:6], changed[3:6], strict=True)),
        *(committer.finish(claim) for claim in claims[6:]),
    )
    for claim in claims:
        claim.release()
    assert [spool.find(each.id) for each in made] == [
        *(("deferred", new) for new in changed[:3]),
        *(("failed", new) for new in changed[3:6]),
        *[None] * 3,
    ]
    assert len(files(spool)) == 12


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_fault_of_ours_leaves_nobody_waiting(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(jobs: object) -> object:
        raise ZeroDivisionError

    committer = Committer(spool)
    monkeypatch.setattr(spool.writer, "run", faulty)
    with pytest.raises(OSError, match="ZeroDivisionError"):
        await committer.commit(envelope(), [TEXT])
    with pytest.raises(OSError, match="being closed"):
        await committer.commit(envelope(), [TEXT])
    await committer.close()
