"""The two roads for those who may not read files: showq's stream, and `postqueue -j`."""

import stat
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mxtui.errors import NotPermitted, Unreachable
from mxtui.model.message import QueuedMessage, Recipient
from mxtui.queues.postfix import polling
from mxtui.queues.postfix.listed import listed_message
from mxtui.queues.postfix.listing import Listing
from mxtui.queues.postfix.polling import Poller
from mxtui.queues.postfix.queue_id import encode
from mxtui.queues.postfix.showq import parse
from tests.queues.postfix.following import Follower, layout_of
from tests.support.waiting import wait_until

LIFETIMES = (432000.0, 86400.0)

MESSAGE = (
    b"queue_name\0deferred\0queue_id\0A1B2C3D4\0time\x001795288903\0size\x003262\0forced_expire\x000\0sender\0%b\0"
    b"recipient\0info@example.org\0reason\0connection refused\0recipient\0new@example.org\0reason\0\0\0"
)
HELLO = b"protocol\0mail_queue_list_protocol\0\0"

EXPECTED = QueuedMessage(
    queue_id="A1B2C3D4",
    state="deferred",
    inode=0,
    arrival=1795288903.0,
    size=3262,
    sender="s@example.com",
    recipients=(
        Recipient("info@example.org", "example.org", "connection refused"),
        Recipient("new@example.org", "example.org"),
    ),
    expires=1795288903.0 + 432000,
)


@pytest.mark.parametrize("hello", [b"", HELLO], ids=["before 3.6", "since 3.6"])
@pytest.mark.parametrize("size", [1, 7, 4096])
def test_showq_is_read_however_its_answer_is_cut(hello: bytes, size: int) -> None:
    answer = hello + MESSAGE % b"s@example.com" + MESSAGE % b"MAILER-DAEMON" + b"\0"
    chunks = (answer[start : start + size] for start in range(0, len(answer), size))

    first, second = parse(chunks, LIFETIMES)

    assert first == EXPECTED
    assert second.sender == ""
    assert second.expires == second.arrival + 86400


def test_recipients_of_postfix_3_11_have_an_original_and_a_log_class() -> None:
    answer = (
        HELLO
        + b"queue_name\0hold\0queue_id\0A1B2C3D4\0time\x001\0size\x002\0forced_expire\x001\0sender\0s@example.com\0"
        b"original_recipient\0o@example.org\0recipient\0r@example.org\0log_class\0defer\0reason\0why\0\0\0"
    )
    (message,) = parse(iter([answer]), LIFETIMES)
    assert message.recipients == (Recipient("r@example.org", "example.org", "why"),)
    assert message.forced_expire


def test_what_was_renewed_lives_from_then_on_as_far_as_its_id_tells() -> None:
    long, short = (encode(1_000_000, 0, 77, long=each) for each in (True, False))
    for queue_id, began in ((long, 1_000_000.0), (short, 900_000.0)):
        found = listed_message("deferred", queue_id, 900_000.0, 1, False, "a@b.example", [], (500.0, 50.0))
        assert found is not None
        assert (found.arrival, found.expires) == (900_000.0, began + 500.0)


def test_a_recipient_told_again_without_its_reason_counts_once() -> None:
    answer = (MESSAGE % b"s@example.com")[:-1] + b"recipient\0info@example.org\0reason\0\0\0\0"
    (message,) = parse(iter([answer]), LIFETIMES)
    assert message.recipients == EXPECTED.recipients


@pytest.mark.parametrize("keep", [0, 1, 40, 100, -1, -2])
def test_showq_that_breaks_off_is_an_error(keep: int) -> None:
    answer = (HELLO + MESSAGE % b"s@example.com" + b"\0")[:keep]
    with pytest.raises(Unreachable):
        list(parse(iter([answer]), LIFETIMES))


@settings(deadline=None)
@given(st.lists(st.binary(max_size=300)))
def test_any_answer_is_messages_or_an_error(chunks: list[bytes]) -> None:
    with suppress(Unreachable):
        list(parse(iter(chunks), LIFETIMES))


LINE = (
    '{"queue_name": "deferred", "queue_id": "A1B2C3D4", "arrival_time": 1795288903, "message_size": 3262, '
    '"forced_expire": false, "sender": "s@example.com", "recipients": [{"address": "info@example.org", '
    '"delay_reason": "connection refused"}, {"address": "new@example.org"}]}'
)


@pytest.fixture
def listing(tmp_path: Path) -> Listing:
    return Listing(replace(layout_of(tmp_path / "queue"), command_directory=tmp_path))


def postqueue(tmp_path: Path, script: str) -> None:
    """A postqueue that says what it is told to."""
    program = tmp_path / "postqueue"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def test_postqueue_is_read_line_by_line(listing: Listing, tmp_path: Path) -> None:
    postqueue(tmp_path, f"cat <<'E'\n{LINE}\nE")
    assert list(listing.messages()) == [EXPECTED]


def test_broken_json_is_counted_and_does_not_hide_the_rest(listing: Listing, tmp_path: Path) -> None:
    broken = LINE.replace("refused", "re\x01fused")
    postqueue(tmp_path, f"cat <<'E'\n{broken}\n{LINE}\n{LINE[:50]}\nE")
    assert list(listing.messages()) == [EXPECTED]
    assert listing.skipped == 2


def test_a_listing_left_early_ends_its_process(listing: Listing, tmp_path: Path) -> None:
    postqueue(tmp_path, f"echo $$ > {tmp_path}/pid; while :; do echo '{LINE}'; done")
    messages = listing.messages()
    assert next(messages) == EXPECTED
    messages.close()  # type: ignore[attr-defined]
    assert not Path("/proc", (tmp_path / "pid").read_text().strip()).exists()


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("fatal: User nobody(65534) is not allowed to view the mail queue", NotPermitted),
        ("fatal: Queue report unavailable - mail system is down", Unreachable),
        ("fatal: something else", Unreachable),
    ],
)
def test_postqueues_failures_are_told_apart_by_its_words(
    listing: Listing, tmp_path: Path, words: str, error: type[Exception]
) -> None:
    postqueue(tmp_path, f"echo 'postqueue: {words}' >&2; exit 69")
    with pytest.raises(error, match=words.removeprefix("fatal: ").partition("(")[0]):
        list(listing.messages())


def test_polling_tells_differences_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "SOONEST", 0.01)
    monkeypatch.setattr(polling, "SIGN_OF_LIFE", 0.01)
    queue = [EXPECTED._replace(queue_id=f"A1B2C3{number:03}") for number in range(1200)]

    class PolledReader:
        poller = Poller(lambda: list(queue))

        def read(self) -> Iterator[object]:
            return self.poller.read()

        def watch(self, stop: threading.Event) -> Iterator[object]:
            return self.poller.watch(stop)

    with Follower(PolledReader()).following() as follower:  # type: ignore[arg-type]
        wait_until(lambda: len(follower.known) == 1200)
        follower.told.clear()
        queue[5] = queue[5]._replace(state="hold")
        queue.pop()
        wait_until(lambda: len(follower.known) == 1199 and follower.state("A1B2C3005") == "hold")
        assert follower.told == ["A1B2C3005"]


def test_polling_takes_a_twentieth_of_a_core_at_most() -> None:
    def slow() -> Iterator[QueuedMessage]:
        deadline = time.monotonic() + 0.15
        while time.monotonic() < deadline:
            pass
        yield EXPECTED

    poller = Poller(slow)
    list(poller.read())
    assert poller.interval >= 20 * 0.15
