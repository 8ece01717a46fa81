"""SIGKILL in the middle, again and again: nothing is lost, and only what nobody can know is doubled."""

import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from mxtui.demo.primary import Accepted, FakePrimary
from tests.delivery.spooling import commit, make_spool

MESSAGES = 400
KILLS = 8


def test_a_killed_forwarder_loses_nothing_and_doubles_one_message_a_connection_at_most(
    tmp_path: Path, primary: FakePrimary
) -> None:
    spool = make_spool(tmp_path)
    names = [f"user{number}@example.org" for number in range(MESSAGES)]
    for name in names:
        commit(spool, name)
    command = [sys.executable, "-m", "tests.delivery.forwarding", str(spool.path), str(primary.port)]
    chance = random.Random(4711)
    killed = 0
    while killed < KILLS:
        before = len(primary.accepted)
        process = subprocess.Popen(command)
        wanted = before + chance.randrange(1, MESSAGES // KILLS)
        while len(primary.accepted) < wanted and process.poll() is None:
            time.sleep(chance.random() / 200)
        if process.poll() is not None:
            break
        process.kill()
        process.wait()
        killed += 1
    assert subprocess.run(command, timeout=55, check=False).returncode == 0
    accepted = primary.accepted
    counts = Counter(message.recipients[0] for message in accepted)
    doubled = [name for name, times in counts.items() if times > 1]
    print(f"{killed} kills: {MESSAGES} messages, {len(accepted)} accepted, {len(doubled)} of them twice")
    assert set(counts) == set(names), "lost"
    assert killed >= KILLS // 2
    assert all(is_last_of_its_connection(message, accepted) for message in repeated(accepted))
    assert not list(spool.ids("deferred"))


def repeated(accepted: list[Accepted]) -> list[Accepted]:
    """Acceptances that were followed by another of the same message."""
    latest = {message.recipients[0]: message for message in accepted}
    return [message for message in accepted if latest[message.recipients[0]] is not message]


def is_last_of_its_connection(message: Accepted, accepted: list[Accepted]) -> bool:
    """The connection ended with it: whether its answer arrived, only the killed process knew."""
    return [each for each in accepted if each.connection == message.connection][-1] is message
