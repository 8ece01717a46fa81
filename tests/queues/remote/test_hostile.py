"""A far end that is no agent, or a hostile one: one sentence, and the connection is closed."""

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mxtui.errors import NotPermitted, Unreachable
from mxtui.model.message import Changes, QueuedMessage, Recipient
from mxtui.queues.remote import calls, frames
from mxtui.queues.remote.boundary import Nonsense, received
from mxtui.queues.remote.calls import ACTS, READS
from mxtui.queues.remote.frames import MAGIC, WINDOW, Splitter
from mxtui.queues.remote.link import Link
from mxtui.queues.remote.queue import RemoteQueue
from tests.queues.remote.far import FAR
from tests.support.waiting import wait_until

PRELUDE = """
import os, sys, time
from mxtui.model.message import *
from mxtui.model.source import *
from mxtui.queues.remote import calls, frames
from mxtui.queues.remote.frames import *
import msgspec
raw = lambda value: msgspec.Raw(frames.encoder.encode(value))
def say(data): os.write(1, data)
def hello(reads=calls.READS, acts=calls.ACTS, name="mx2", **more):
    source = Source("postfix", name, "/queue", "3.7")
    say(MAGIC + framed(Hello(reads, acts, "9.9", source, time.time(), **more)))
def asked():
    splitter = Splitter()
    while data := os.read(0, 65536):
        for frame in splitter.feed(data):
            message = to_agent.decode(frame)
            if isinstance(message, Ask):
                yield message
def answer(value):
    for question in asked():
        say(framed(Told(question.call, raw(value))) + framed(Over(question.call)))
"""


def slowly(answers: Iterator[Any], until: Callable[[], bool]) -> Iterator[Any]:
    """Each, but not before something is so."""
    for each in answers:
        wait_until(until)
        yield each


MESSAGE = QueuedMessage("A1B2C3D4E5", "deferred", 7, 1e9, 100, "a@b.example", (Recipient("x@y.example", "y.example"),))


@pytest.fixture
def far() -> Iterator[Callable[..., Link]]:
    """Connects to a program that says what it likes."""
    links: list[Link] = []

    def connect(program: str, **more: Any) -> Link:
        links.append(
            Link(
                [sys.executable, "-c", PRELUDE + program],
                "mx2",
                lambda status, said: Unreachable(f"ended with {status}: {said[-200:]}"),
                **more,
            )
        )
        return links[-1]

    yield connect
    for link in links:
        link.close()


def test_what_a_login_shell_prints_does_no_harm(far: Callable[..., Link]) -> None:
    link = far('say(b"Welcome to mx2!\\nYou have mail.\\n"); hello(); answer({"deferred": 3})')
    assert link.one(calls.DEPTH, calls.Nothing()) == {"deferred": 3}


def test_a_shell_that_prints_without_end_is_no_agent(far: Callable[..., Link]) -> None:
    with pytest.raises(Unreachable, match="says something else than an agent: y␛y") as raised:
        far('say(b"y\\x1b" * 40000)')
    assert "login shell" in raised.value.hint


def test_one_that_says_nothing_is_given_up(far: Callable[..., Link]) -> None:
    with pytest.raises(Unreachable, match="no answer from mx2 in time"):
        far("time.sleep(60)", patience=0.5)


def test_why_it_ended_is_told_with_its_own_last_words(far: Callable[..., Link]) -> None:
    with pytest.raises(Unreachable, match=r"ended with 3: .*no such queue"):
        far('sys.stderr.write("no such queue"); sys.exit(3)')


@pytest.mark.parametrize(
    "answer",
    [
        'say(b"\\xff\\xff\\xff\\xff")',  # a frame of four gigabytes
        'say(b"\\0\\0\\0\\x02{]")',
        'say(framed(frames.Alive(float("nan"))))',
        "say(framed(Told(1, raw(['deferred']))))",
        "say(framed(Told(1, raw({'nowhere': 1}))))",
        "say(framed(Told(1, raw({'deferred': 2**60}))))",
        f"for _ in range({2 * WINDOW}): say(framed(Told(1, raw({{'deferred': 1}}))))",
    ],
)
def test_nonsense_ends_the_connection_with_a_sentence(far: Callable[..., Link], answer: str) -> None:
    link = far(f"hello()\nfor question in asked():\n    {answer}\n    time.sleep(60)")
    answers = link.ask(calls.DEPTH, calls.Nothing())
    with pytest.raises(Unreachable, match="mx2 says what cannot be meant"):
        list(slowly(answers, until=lambda: not link.alive))
    assert not link.alive


def test_the_agents_own_errors_are_those_of_a_local_queue_made_safe(far: Callable[..., Link]) -> None:
    failed = 'Failed(question.call, "NotPermitted", "not \\x1b[2Jyou", "be \\u202eroot")'
    link = far(f"hello()\nfor question in asked(): say(framed({failed}))")
    with pytest.raises(NotPermitted, match="not ␛") as raised:
        link.one(calls.DEPTH, calls.Nothing())
    assert raised.value.hint == "be <U+202E>root"
    assert link.alive


def test_names_of_the_host_are_safe_for_a_terminal(far: Callable[..., Link]) -> None:
    link = far('hello(name="mx2\\x1b]0;owned\\x07", relayed=("\\x1b[2J",)); time.sleep(60)')
    assert link.hello.source.name == "mx2␛]0;owned␇"
    assert link.hello.relayed == ("␛[2J",)


def test_another_version_is_refused_with_both_named(far: Callable[..., Link]) -> None:
    with pytest.raises(Unreachable, match=r"has mxtui 9\.9, and this is .* do not understand"):
        RemoteQueue(FAR, connect=lambda *_: far(f"hello(reads={READS + 1}); time.sleep(60)"))


def test_one_that_acts_otherwise_can_be_looked_at(far: Callable[..., Link]) -> None:
    facts = 'calls.Facts(Capabilities("files", True, {Verb.HOLD: ALLOWED}), Space(1, 1, 0, 0), {})'
    link = far(f"hello(acts={ACTS + 1}); answer({facts})")
    with closing(RemoteQueue(FAR, connect=lambda *_: link)) as queue:
        permission = queue.capabilities().verbs
        assert not any(each.allowed for each in permission.values())
        assert "9.9" in queue.capabilities().may(next(iter(permission))).why_not


@pytest.mark.parametrize(
    "change",
    [
        {"queue_id": "../../etc"},
        {"queue_id": "A1\x1b[2J"},
        {"arrival": float("inf")},
        {"arrival": -1.0},
        {"expires": 1e300},
        {"size": 1 << 62},
        {"inode": -5},
        {"state": "nowhere"},
        {"recipients": "x"},
    ],
)
def test_messages_that_cannot_be_are_not_believed(change: dict[str, Any]) -> None:
    message = MESSAGE._replace(**change)
    with pytest.raises(Nonsense):
        received(msgspec.Raw(frames.encoder.encode(Changes([message]))), Changes)


def test_what_is_drawn_as_it_comes_is_made_safe_and_bounded() -> None:
    message = MESSAGE._replace(
        subject="\x1b[2J" + "x" * 9_000, fault="\x07", client_address="\u202e::1", sender="s" * 9_000
    )
    (told,) = received(msgspec.Raw(frames.encoder.encode(Changes([message]))), Changes).present
    assert told.subject.startswith("␛[2Jxx")
    assert len(told.subject) <= 400
    assert (told.fault, told.client_address) == ("␇", "<U+202E>::1")
    assert len(told.sender) == 1_000


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=20,
)


@settings(max_examples=60)
@given(value=values, call=st.sampled_from([*calls.READING.values(), *calls.ACTING.values()]))
def test_any_value_at_all_is_an_answer_or_nonsense(value: Any, call: calls.Call[Any, Any, Any]) -> None:
    with suppress(Nonsense):
        received(msgspec.Raw(msgspec.msgpack.encode(value)), call.answer)


@given(data=st.binary(max_size=200))
def test_any_bytes_at_all_are_an_answer_or_nonsense(data: bytes) -> None:
    for call in (calls.DEPTH, calls.WATCH, calls.FIND, calls.CONTENT):
        with suppress(Nonsense):
            received(msgspec.Raw(data), call.answer)


@given(bodies=st.lists(st.binary(max_size=300)), cuts=st.lists(st.integers(1, 50), min_size=1))
def test_frames_are_the_same_however_they_are_cut(bodies: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(len(body).to_bytes(4, "big") + body for body in bodies)
    found: list[bytes] = []
    splitter, at, turn = Splitter(), 0, 0
    while at < len(stream):
        step = cuts[turn % len(cuts)]
        found += splitter.feed(stream[at : at + step])
        at, turn = at + step, turn + 1
    assert found == bodies


def test_a_frame_that_is_too_large_is_not_waited_for() -> None:
    with pytest.raises(ValueError, match="a frame of"):
        list(Splitter().feed((frames.LIMIT + 1).to_bytes(4, "big")))
    assert MAGIC not in frames.framed(frames.Alive(0.0))


def test_whoever_changes_what_is_said_raises_a_version() -> None:
    """A named tuple with another field is not understood by the mxtui of last month: raise READS or ACTS, and this."""
    said: dict[Any, int] = {
        QueuedMessage: 15,
        Recipient: 4,
        Changes: 2,
        calls.Facts: 3,
        calls.Primaries: 1,
        calls.Stood: 2,
    }
    assert {kind: len(kind._fields) for kind in said} == said, f"READS is {READS}"
    acted: dict[Any, int] = {calls.Done: 5, calls.Kept: 7, calls.Recorded: 2, calls.Drained: 3, calls.Steps: 2}
    assert {kind: len(kind._fields) for kind in acted} == acted, f"ACTS is {ACTS}"
