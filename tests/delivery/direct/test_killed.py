"""SIGKILL at every step, then again: nothing is lost, nothing accepted twice, and the journal is finished."""

import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from mxtui.demo.primary import FakePrimary
from mxtui.queues.postfix.direct.journal import read, replay
from tests.delivery.direct.conftest import Site
from tests.delivery.direct.feeding import deliver

pytestmark = pytest.mark.postfix

STEPS = 40
"""More than one message takes."""


def start(site: Site, journal: Path, port: int, at: int, connections: int, ids: list[str]) -> subprocess.Popen[bytes]:
    arguments = [str(site.postfix.config_directory), str(journal), str(port), str(at), str(connections)]
    return subprocess.Popen([sys.executable, "-m", "tests.delivery.direct.dying", *arguments, *ids])


@pytest.mark.timeout(240)  # a process for each step
@pytest.mark.parametrize("held", [False, True])
def test_killed_at_any_step_it_loses_nothing_and_sends_nothing_twice(
    site: Site, primary: FakePrimary, held: bool
) -> None:
    primary.behave(temporary="^later")
    kills = unknown = 0
    for at in range(1, STEPS):
        journal = site.journal()
        make = site.held if held else site.waiting
        (queue_id,) = make(f"info{at}@example.org", f"also{at}@example.org", f"later{at}@example.org")
        killed = start(site, journal, primary.port, at, 1, [queue_id]).wait(30)
        kills += killed != 0
        way = site.way(primary.port, journal)
        settled = deliver(way, site.targets([queue_id]))[queue_id]
        got = Counter(each for message in primary.accepted for each in message.recipients)
        assert max(got[f"info{at}@example.org"], got[f"also{at}@example.org"]) <= 1, f"twice, killed at step {at}"
        if settled.possible_duplicate:
            unknown += 1
            assert [each.queue_id for each in way.unknown] == [queue_id]
            assert site.states([queue_id]) == ["hold"]
            assert site.todo(queue_id) >= {f"later{at}@example.org"}
        else:
            assert got[f"info{at}@example.org"] == got[f"also{at}@example.org"] == 1, f"not sent, killed at step {at}"
            assert site.states([queue_id]) == ["hold" if held else "deferred"], f"killed at step {at}"
            assert site.todo(queue_id) == {f"later{at}@example.org"}, f"killed at step {at}"
            assert replay(read(journal)) == {}, f"killed at step {at}"
        if killed == 0:
            break
    print(f"{kills} kills, {unknown} messages of which nobody knows")
    assert kills > 10
    assert 0 < unknown <= 3, "only between the two lines that surround the content"


@pytest.mark.timeout(180)
def test_killed_again_and_again_among_many_it_shows_one_message_a_connection_at_most(
    site: Site, primary: FakePrimary
) -> None:
    connections = 4
    journal = site.journal()
    names = [f"user{number}@example.org" for number in range(240)]
    ids = [site.postfix.inject("sender@example.com", [name])[0] for name in names]
    site.waiting("last@example.org")
    chance = random.Random(4711)
    kills = 0
    while kills < 6:
        wanted = len(primary.accepted) + chance.randrange(1, 40)
        process = start(site, journal, primary.port, 0, connections, ids)
        while len(primary.accepted) < wanted and process.poll() is None:
            time.sleep(chance.random() / 500)
        if process.poll() is not None:
            break
        process.kill()
        process.wait()
        kills += 1
    way = site.way(primary.port, journal)
    left = [queue_id for queue_id, now in zip(ids, site.states(ids), strict=True) if now]
    deliver(way, site.targets(left))
    got = Counter(message.recipients[0] for message in primary.accepted)
    unknown = {each.queue_id for each in way.unknown}
    print(f"{kills} kills: {len(names)} messages, {len(got)} accepted, {len(unknown)} of which nobody knows")
    assert set(got.values()) == {1}, "accepted twice"
    assert kills >= 3
    assert len(unknown) <= kills * connections
    for name, queue_id, now in zip(names, ids, site.states(ids), strict=True):
        assert now == ("hold" if queue_id in unknown else ""), name
        assert got[name] == 1 or queue_id in unknown, f"{name} is lost"
