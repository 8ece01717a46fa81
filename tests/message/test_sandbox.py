"""A message that hangs, bloats or kills whoever reads it does so to a process that may die."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mxtui.errors import Unreadable
from mxtui.message import sandbox as module
from mxtui.message.inspect import inspect
from mxtui.message.limits import Limits
from mxtui.message.sandbox import Sandbox
from tests.message.test_hostile import MAIL
from tests.support.waiting import wait_until


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as open_:
        yield open_


def worker(sandbox: Sandbox) -> int:
    """The process that reads mail now."""
    sandbox.warm()
    assert sandbox.pid is not None
    return sandbox.pid


def test_a_message_is_laid_open_as_it_would_be_here(sandbox: Sandbox) -> None:
    assert sandbox.inspect(MAIL) == inspect(MAIL)
    assert sandbox.inspect(MAIL, truncated=True) == inspect(MAIL, truncated=True)


def test_messages_side_by_side_get_each_its_own_answer(sandbox: Sandbox) -> None:
    wrong: list[int] = []

    def ask(number: int) -> None:
        if sandbox.inspect(b"Subject: %d\n\n" % number).value("subject") != str(number):
            wrong.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_message_that_takes_too_long_is_given_up_and_the_next_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(killed_after=2.0) as sandbox:
        sandbox.inspect(MAIL)
        before = worker(sandbox)
        os.kill(before, signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(Unreadable, match="more than 2 s and was stopped"):
            sandbox.inspect(MAIL)
        assert time.monotonic() - began < 10
        assert sandbox.inspect(MAIL) == inspect(MAIL)
        assert worker(sandbox) != before


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGXCPU])
def test_a_process_that_dies_over_a_message_is_told_of_in_a_sentence(sandbox: Sandbox, number: signal.Signals) -> None:
    sandbox.inspect(MAIL)
    pid = worker(sandbox)
    os.kill(pid, signal.SIGSTOP)

    def kill() -> None:
        wait_until(lambda: sandbox._one_at_a_time.locked(), what="the message is being read")
        os.kill(pid, number)
        os.kill(pid, signal.SIGCONT)

    thread = threading.Thread(target=kill)
    thread.start()
    with pytest.raises(Unreadable, match="ended over this one") as caught:
        sandbox.inspect(MAIL)
    thread.join()
    assert "The next message is read by a new one." in caught.value.hint
    assert sandbox.inspect(MAIL) == inspect(MAIL)


def test_one_that_died_meanwhile_is_replaced_and_nobody_notices(sandbox: Sandbox) -> None:
    sandbox.inspect(MAIL)
    pid = worker(sandbox)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: "Z" in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][:3], what="it is dead")
    assert sandbox.inspect(MAIL) == inspect(MAIL)


def test_an_answer_that_is_none_is_not_believed(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_ANSWER", 10)
    with pytest.raises(Unreadable):
        sandbox.inspect(MAIL)
    monkeypatch.setattr(module, "_exchange", lambda *_: b"\x81\xa4what\xc3")
    with pytest.raises(Unreadable):
        sandbox.inspect(MAIL)


def test_it_can_open_no_file_make_no_process_and_is_not_root(sandbox: Sandbox) -> None:
    sandbox.inspect(MAIL)
    status = Path(f"/proc/{worker(sandbox)}/status").read_text()
    uids = next(line.split()[1:] for line in status.splitlines() if line.startswith("Uid:"))
    assert "0" not in uids
    limits = Path(f"/proc/{worker(sandbox)}/limits").read_text()
    bounds = {line[:26].strip(): line[26:].split()[:2] for line in limits.splitlines()}
    for name in ("Max open files", "Max processes", "Max file size", "Max core file size"):
        assert bounds[name] == ["0", "0"]
    assert bounds["Max address space"] == [str(1 << 30)] * 2


def test_its_limits_are_those_it_is_given() -> None:
    with Sandbox(Limits(headers=2)) as sandbox:
        assert len(sandbox.inspect(MAIL).headers) == 2


def test_it_ends_with_whoever_asked() -> None:
    with Sandbox() as sandbox:
        sandbox.inspect(MAIL)
        pid = worker(sandbox)
    assert not Path(f"/proc/{pid}").exists()


def test_every_charset_is_at_hand_in_there(sandbox: Sandbox) -> None:
    for charset in ("iso-2022-jp", "gb18030", "big5-hkscs", "utf-7", "koi8-r", "cp932", "euc-kr", "macintosh"):
        raw = b"Content-Type: text/plain; charset=%s\n\nx" % charset.encode()
        assert sandbox.inspect(raw).text.lines == ("x",)
