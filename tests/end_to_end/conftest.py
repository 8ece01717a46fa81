"""Queues whose primaries have bad days."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mxtui.demo.postfix import PrivatePostfix
from tests.end_to_end.draining import DirectQueue, DrainedQueue, MoodyPrimary, PostfixQueue, SpoolQueue
from tests.queues.postfix.acting import QUIET
from tests.service.serving import Serve


@pytest.fixture(scope="module")
def moody() -> Iterator[MoodyPrimary]:
    with MoodyPrimary() as primary:
        yield primary


@pytest.fixture(scope="module")
def drained_postfix(folder: Path, servers: ExitStack, moody: MoodyPrimary) -> PrivatePostfix:
    """One for a module; see `postfix_queue`."""
    return servers.enter_context(
        PrivatePostfix(folder / "postfix", routes={"example.org": moody.port}, settings=QUIET, long_queue_ids=True)
    )


@pytest.fixture
def postfix_queue(drained_postfix: PrivatePostfix, moody: MoodyPrimary, tmp_path: Path) -> Iterator[PostfixQueue]:
    """Empty, and its primary is down."""
    moody.calm()
    queue = PostfixQueue(tmp_path, moody, drained_postfix)
    yield queue
    queue.clear()


@pytest.fixture
def direct_queue(drained_postfix: PrivatePostfix, moody: MoodyPrimary, tmp_path: Path) -> Iterator[DirectQueue]:
    """The same, drained by our own sender."""
    moody.calm()
    queue = DirectQueue(tmp_path, moody, drained_postfix)
    yield queue
    queue.clear()


@pytest.fixture
def spool_queue(moody: MoodyPrimary, tmp_path: Path) -> SpoolQueue:
    """Empty, without a serve, and its primary is down."""
    moody.calm()
    return SpoolQueue(tmp_path, moody)


@pytest.fixture
def served_queue(spool_queue: SpoolQueue) -> Iterator[SpoolQueue]:
    """The same with a serve that runs on it."""
    settings = spool_queue.config.read_text()
    with Serve(spool_queue.folder, {"example.org": spool_queue.primary.port}, settings=settings) as serve:
        spool_queue.serve = serve
        yield spool_queue


@pytest.fixture(params=["postfix", "direct", "spool", "served"])
def queue(request: pytest.FixtureRequest) -> DrainedQueue:
    """Of each kind in turn; see `postfix_queue`, `direct_queue`, `spool_queue`, `served_queue`."""
    found: DrainedQueue = request.getfixturevalue(f"{request.param}_queue")
    return found
