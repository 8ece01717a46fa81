"""What every queue is, whatever its kind and wherever it is: the same tests on this host and over ssh."""

import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from mxtui.demo.postfix import PrivatePostfix
from mxtui.errors import NoQueue
from mxtui.model.message import QueuedMessage
from mxtui.model.planning import target_of
from mxtui.model.source import Verb
from mxtui.model.ssh_address import Address
from mxtui.model.tally import tally
from mxtui.queues.postfix.postfix import PostfixQueue
from mxtui.queues.queue import Countable, Queue
from mxtui.queues.remote.queue import RemoteQueue
from mxtui.queues.spool.queue import SpoolQueue
from mxtui.queues.spool.store import Spool
from tests.queues.remote.far import Watcher
from tests.queues.spool.making import envelope, put
from tests.support.sshd import HOST, Sshd, sshd
from tests.support.waiting import wait_until

TEXT = b"Subject: Hello\n\nSome text.\n"


@dataclass(frozen=True, slots=True)
class Case:
    """A queue, and how mail gets into it."""

    open: Callable[[], Queue]
    put: Callable[[str], str]
    """A message of this sender; its ID."""
    folder: Path


@contextmanager
def _postfix(folder: Path) -> Iterator[tuple[str, Callable[[str], str], Callable[[], Queue]]]:
    with PrivatePostfix(folder, settings={"defer_transports": "smtp"}, routes={"example.org": 9}) as postfix:
        source = str(postfix.config_directory)
        beside = PostfixQueue.attach(source)

        def put_there(sender: str) -> str:
            (made,) = postfix.inject(sender, ["info@example.org"], TEXT)
            wait_until(lambda: (found := beside.find(made)) is not None and found.state == "deferred")
            return made

        yield source, put_there, lambda: PostfixQueue.attach(source)


@contextmanager
def _spool(folder: Path) -> Iterator[tuple[str, Callable[[str], str], Callable[[], Queue]]]:
    spool = Spool.open(folder / "spool", create=True, hostname="mx2.example.net")

    def put_there(sender: str) -> str:
        return put(spool, envelope(TEXT, sender=sender), text=TEXT).id

    yield str(spool.path), put_there, lambda: SpoolQueue(spool, forward=None, notice=None, lifetime=5 * 86400.0)


@pytest.fixture(scope="module")
def server() -> Iterator[Sshd]:
    folder = Path(tempfile.mkdtemp(prefix="mxtui-test-"))
    with sshd(folder) as running:
        yield running
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module", params=["postfix", "spool", "postfix over ssh", "spool over ssh"])
def case(request: pytest.FixtureRequest, need_postfix: None, server: Sshd) -> Iterator[Case]:
    kind, _, over = request.param.partition(" over ")
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        folder = Path(tempfile.mkdtemp(prefix="mxtui-test-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        source, put_there, here = stack.enter_context({"postfix": _postfix, "spool": _spool}[kind](folder))
        patch.setenv("PATH", server.path)
        if over:
            remote = stack.enter_context(closing(RemoteQueue(Address(HOST, source=source))))
            yield Case(lambda: remote, put_there, folder)
        else:
            yield Case(here, put_there, folder)


@pytest.fixture
def queue(case: Case) -> Queue:
    """Over one connection for all tests: to make one takes a second."""
    return case.open()


def read(queue: Queue) -> Mapping[str, QueuedMessage]:
    known: dict[str, QueuedMessage] = {}
    for changes in queue.read():
        known.update((message.queue_id, message) for message in changes.present)
        for each in changes.gone:
            known.pop(each, None)
    return known


def test_everything_queued_is_read_and_counted(case: Case, queue: Queue) -> None:
    made = {case.put(f"s{number}@example.com") for number in range(3)}
    known = read(queue)
    assert made <= known.keys()
    assert {known[each].subject for each in made} == {"Hello"}
    assert sum(queue.depth().values()) == len(known)
    if isinstance(queue, Countable):
        now = max(message.arrival for message in known.values()) + 60
        assert queue.count(now).plain() == tally(known.values(), now).plain()


def test_what_changes_is_watched_until_told_to_stop(case: Case, queue: Queue) -> None:
    with Watcher(queue).following() as watcher:
        made = case.put("watched@example.com")
        wait_until(lambda: made in watcher.known)
        found = queue.find(made)
        assert found is not None
        assert [result.result for result in queue.act(Verb.HOLD, [target_of(found)])] == ["done"]
        wait_until(lambda: watcher.known[made].state == "hold")


def test_a_message_is_found_by_its_id_and_one_that_is_not_there_is_not(case: Case, queue: Queue) -> None:
    made = case.put("found@example.com")
    found = queue.find(made)
    assert found is not None
    assert found.sender == "found@example.com"
    assert queue.find("0" * 18) is None
    assert queue.find_all([made, "0" * 18]).keys() == {made}
    assert queue.find_all([]) == {}


def test_a_message_is_read_as_stored_and_at_most_so_much_of_it(case: Case, queue: Queue) -> None:
    made = case.put("content@example.com")
    assert queue.content(made, 1 << 20).endswith(b"\n\nSome text.\n")
    assert queue.content(made, 1 << 20)[:5] == queue.content(made, 5)
    with pytest.raises(NoQueue):
        queue.content("0" * 18, 100)


def test_acting_checks_identity_and_tells_of_each(case: Case, queue: Queue) -> None:
    found = queue.find(case.put("act@example.com"))
    assert found is not None
    other = target_of(found)._replace(identity=found.identity._replace(inode=1, arrival=1.0))
    (changed,) = queue.act(Verb.HOLD, [other])
    assert changed.result in ("changed", "gone")
    assert queue.steps(Verb.HOLD, [target_of(found)])
    assert [each.result for each in queue.act(Verb.HOLD, [target_of(found)])] == ["done"]
    held = queue.find(found.queue_id)
    assert held is not None
    assert held.state == "hold"
    assert [each.result for each in queue.act(Verb.RELEASE, [target_of(held)])] == ["done"]


def test_what_was_deleted_can_be_put_back(case: Case, queue: Queue) -> None:
    found = queue.find(case.put("back@example.com"))
    assert found is not None
    kept = Path(tempfile.mkdtemp(dir=case.folder))
    assert [each.result for each in queue.delete([target_of(found)], kept)] == ["done"]
    assert queue.find(found.queue_id) is None
    restored = queue.restore(kept, found.identity)
    assert restored.result == "done", restored.detail
    wait_until(lambda: "back@example.com" in {message.sender for message in read(queue).values()})


def test_what_may_be_done_and_how_much_room_there_is_can_be_asked(queue: Queue) -> None:
    assert queue.capabilities().may(Verb.HOLD).allowed
    assert queue.space().bytes_free > 0
    assert queue.source.name == "mx2.example.net"


def test_watching_gives_signs_of_life_and_ends(queue: Queue) -> None:
    stop = threading.Event()
    signs = 0
    for _ in queue.watch(stop):
        signs += 1
        if signs == 3:
            stop.set()
    assert signs >= 3
