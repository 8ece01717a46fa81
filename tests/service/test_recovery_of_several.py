"""Two primaries that were down: one of them drains for a long time, and the other's mail never waits for that."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from mxtui.demo.primary import FakePrimary
from mxtui.drains import FOLDER, Drains
from mxtui.model.drain.standing import Standing
from tests.service.serving import Serve, marked, numbers
from tests.support.waiting import wait_until

SETTINGS = """
audit = "{folder}/audit.jsonl"
[probe]
interval = "1s"
transition = "1s"
fall = 1
rise = 1
[drain]
settle = "0s"
[drain.primaries]
"slow.example" = 1
"""

SLOW = 50
"""Messages for the slow one, five seconds each: four minutes."""


class Two:
    """A serve with mail for a slow primary, which drains until long after a test, and for another."""

    def __init__(self, folder: Path, slow: FakePrimary, other: FakePrimary) -> None:
        self.slow = slow
        self.other = other
        self.sent = 0
        relay = {"slow.example": slow.port, "example.org": other.port}
        self.serve = Serve(folder, relay, "--standby", "off", settings=SETTINGS.format(folder=folder))

    def begin(self) -> None:
        wait_until(lambda: len(self.serve.state().recovering) == 2, what=self.serve.text)
        for number in range(SLOW):
            self.serve.send_mail("info@slow.example", marked(f"slow{number}"))
        self.send(10)
        self.slow.behave(delay=0.5)
        self.slow.up()
        wait_until(lambda: len(self.slow.accepted) >= 2, what=self.serve.text)
        self.slow.behave(delay=5.0)
        assert (self.words, self.other.accepted) == ({"down", "draining"}, [])

    @property
    def words(self) -> set[str]:
        """How those stand that are not well."""
        return {each.word for each in self.serve.state().recovering}

    @property
    def word(self) -> str:
        """How the other one stands."""
        found = (each.word for each in self.serve.state().recovering if "example.org" in each.domains)
        return next(found, "well")

    @property
    def drain(self) -> Standing:
        found = Drains(str(self.serve.spool), self.serve.spool / FOLDER).standing()
        assert found is not None
        return found

    def send(self, number: int) -> None:
        """So many more to the other one."""
        for _ in range(number):
            self.serve.send_mail("anna@example.org", marked(self.sent))
            self.sent += 1

    def down(self) -> None:
        self.other.down()
        wait_until(lambda: self.word == "down", what=self.serve.text)

    def is_through(self) -> None:
        """The other one has all of its mail, and what comes now at once; the slow one has not."""
        wait_until(lambda: len(self.taken) == self.sent, what=self.serve.text)
        wait_until(lambda: self.word == "well", what=self.serve.text)
        self.send(3)
        wait_until(lambda: len(self.taken) == self.sent, what=self.serve.text)
        assert set(self.taken.values()) == {1}
        assert len(self.slow.accepted) < SLOW / 2
        assert (self.words, self.drain.running) == ({"draining"}, True)
        assert self.drain.selection == "domain:example.org or domain:slow.example"

    @property
    def taken(self) -> "Counter[str]":
        return Counter(numbers(self.other))

    def mxtui(self, verb: str, *words: str) -> None:
        argv = [sys.executable, "-m", "mxtui", verb, "-q", str(self.serve.spool), "--config", str(self.serve.config)]
        subprocess.run([*argv, *words], capture_output=True, check=True)


@pytest.fixture
def two(tmp_path: Path, primary: FakePrimary) -> Iterator[Two]:
    with FakePrimary() as slow:
        slow.down()
        primary.down()
        made = Two(tmp_path, slow, primary)
        with made.serve:
            made.begin()
            yield made


def test_one_that_is_back_later_joins_and_when_it_goes_away_after_that_joins_again(two: Two) -> None:
    began = two.drain.began
    two.other.up()
    two.is_through()
    two.down()
    two.send(5)
    two.other.up()
    two.is_through()
    assert two.drain.began == began


def test_one_that_goes_away_amid_its_part_begins_it_anew_with_all_that_waits(two: Two) -> None:
    two.other.behave(delay=0.2)
    two.send(30)
    two.other.up()
    wait_until(lambda: len(two.taken) >= 5, what=two.serve.text)
    two.down()
    assert len(two.taken) < two.sent
    two.send(5)
    two.other.up()
    two.is_through()


def test_one_that_its_guard_stopped_goes_on_when_an_operator_frees_it(two: Two) -> None:
    two.other.behave(permanent=".*")
    two.other.up()
    wait_until(lambda: two.word == "stopped", what=two.serve.text)
    wait_until(lambda: len(two.serve.spooled().get("hold", ())) == 9)
    two.other.behave(permanent="^nobody@")
    two.mxtui("release", "state:hold", "--yes")
    two.is_through()
