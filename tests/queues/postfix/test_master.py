"""Whether Postfix runs, told by a file that leaves out locks while others come and go."""

import fcntl
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from mxtui.queues.postfix.master import CUTS, master_runs
from tests.support.waiting import wait_until

COMING_AND_GOING = """
import fcntl, sys
while True:
    for name in range(50):
        with open(f"{sys.argv[1]}/{name}", "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
"""


@pytest.fixture
def queue(tmp_path: Path) -> Path:
    (tmp_path / "pid").mkdir()
    (tmp_path / "pid" / "master.pid").touch()
    return tmp_path


def line(queue: Path, kind: str = "WRITE") -> str:
    inode = (queue / "pid" / "master.pid").stat().st_ino
    return f"1: FLOCK  ADVISORY  {kind} 8942 fe:01:{inode} 0 EOF\n"


def test_a_lock_is_the_sign_that_it_runs(queue: Path) -> None:
    assert master_runs(queue, lambda _: "1: POSIX ADVISORY WRITE 1 00:01:7 0 EOF\n" + line(queue))
    assert not master_runs(queue, lambda _: "1: POSIX ADVISORY WRITE 1 00:01:7 0 EOF\n")
    assert not master_runs(queue, lambda _: line(queue, "READ")), "somebody only asks"
    assert not master_runs(queue / "none", lambda _: line(queue))


def test_a_lock_that_one_reading_leaves_out_is_found_by_the_next(queue: Path) -> None:
    assert master_runs(queue, lambda at_once: line(queue) if at_once == CUTS[-1] else "")


def test_none_of_many_locks_is_missed_while_others_come_and_go(tmp_path: Path) -> None:
    queues = [tmp_path / str(number) for number in range(200)]
    with ExitStack() as held:
        for queue in queues:
            (queue / "pid").mkdir(parents=True)
            file = held.enter_context((queue / "pid" / "master.pid").open("w"))
            fcntl.flock(file, fcntl.LOCK_EX)
        (busy := tmp_path / "busy").mkdir()
        others = held.enter_context(subprocess.Popen([sys.executable, "-c", COMING_AND_GOING, str(busy)]))
        held.callback(others.kill)
        wait_until(lambda: len(list(busy.iterdir())) == 50)
        for _ in range(5):
            assert all(master_runs(queue) for queue in queues)
