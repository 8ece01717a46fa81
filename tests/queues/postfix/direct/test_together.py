"""Work that is done together."""

import asyncio
import threading
from collections.abc import Iterator, Sequence

import pytest

from mxtui.queues.postfix.direct.together import Together


class Work:
    """Doubles numbers, not before it is let; odd ones fail, and 13 breaks it."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.let = threading.Event()

    def __call__(self, items: Sequence[int]) -> Sequence[int | Exception]:
        self.groups.append(list(items))
        assert self.let.wait(10)
        if 13 in items:
            raise OSError("broken")
        return [ValueError(item) if item % 2 else 2 * item for item in items]


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def together(work: Work) -> Iterator[Together[int, int]]:
    made: Together[int, int] = Together("test", work)
    yield made
    work.let.set()
    made.close()


async def test_what_comes_while_it_works_is_done_at_once(work: Work, together: Together[int, int]) -> None:
    first = asyncio.create_task(together.do(2))
    while not work.groups:  # noqa: ASYNC110 (the thread is at it)
        await asyncio.sleep(0.001)
    others = [asyncio.create_task(together.do(number)) for number in (4, 6, 8)]
    await asyncio.sleep(0)
    work.let.set()
    assert await first == 4
    assert await asyncio.gather(*others) == [8, 12, 16]
    assert work.groups == [[2], [4, 6, 8]]


async def test_one_that_fails_does_not_hurt_the_others(work: Work, together: Together[int, int]) -> None:
    work.let.set()
    results = await asyncio.gather(*(together.do(number) for number in (2, 3, 4)), return_exceptions=True)
    assert [results[0], results[2]] == [4, 8]
    assert isinstance(results[1], ValueError)


async def test_work_that_breaks_is_told_to_all_and_goes_on(work: Work, together: Together[int, int]) -> None:
    work.let.set()
    with pytest.raises(OSError, match="broken"):
        await together.do(13)
    assert await together.do(2) == 4


async def test_what_waits_at_the_end_is_done(work: Work) -> None:
    made: Together[int, int] = Together("test", work)
    waiting = [asyncio.create_task(made.do(number)) for number in (2, 4)]
    await asyncio.sleep(0)
    work.let.set()
    await asyncio.to_thread(made.close)
    assert await asyncio.gather(*waiting) == [4, 8]
