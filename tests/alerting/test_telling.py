"""Somebody is told of alerts: once, in few words, and again when that failed; by real commands and real servers."""

import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mxtui.alerting.keeping import Keeper
from mxtui.alerting.store import WATCHED, AlertState
from mxtui.alerting.telling import Telling
from mxtui.config import Notify
from mxtui.demo.primary import FakePrimary
from mxtui.errors import MxtuiError
from mxtui.model.alerts import Watch
from mxtui.model.alerts.memory import Memory
from mxtui.model.health import Primary
from mxtui.model.next_hop import NextHop
from mxtui.model.overview import Acknowledgement, Overview
from mxtui.model.route import Ourselves
from mxtui.primary.route import ConfiguredRouter, MxRouter
from tests.model.alerts.story import HOUR, MINUTE, NOW, Story, health, row
from tests.support.waiting import wait_until

RECORDER = """#!/bin/sh
cat >> {folder}/told.jsonl
"""


class Told:
    """A queue's alerts, and a command that writes down what it is told."""

    def __init__(self, folder: Path, script: str = RECORDER, **wanted: Any) -> None:
        self.folder = folder
        self.command = folder / "tell"
        self.command.write_text(script.format(folder=folder))
        self.command.chmod(0o755)
        self.story = Story()
        settings = {"command": (str(self.command),), "after": 0.001, **wanted}
        self.telling = Telling(Notify(**settings), AlertState("/queue", folder / "state"))

    def look(self, *rows: Any, later: float = MINUTE) -> list[str]:
        """Look, tell; what could not be told."""
        self.story.now += later
        self.story.tell(*rows)
        assert self.story.last is not None
        return self.telling.tell(self.story.last)

    @property
    def news(self) -> list[list[tuple[str, str]]]:
        """(word, name) of each call."""
        path = self.folder / "told.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [[(item["word"], item["name"]) for item in json.loads(line)["news"]] for line in lines]


DOWN, UP = row(messages=9, oldest=NOW, health=health("down")), row(messages=9, oldest=NOW)


def test_an_alert_is_told_when_it_lasts_and_when_it_is_over(tmp_path: Path) -> None:
    told = Told(tmp_path, after=MINUTE)
    assert told.look(DOWN) == []
    assert told.news == [], "a moment's trouble wakes nobody"
    told.look(DOWN)
    told.look(DOWN)
    told.look(UP)
    told.look(UP)
    assert told.news == [[("raised", "primary_down")], [("resolved", "primary_down")]]


def test_what_the_command_is_told_is_all_there_is_to_know(tmp_path: Path) -> None:
    told = Told(tmp_path)
    told.look(UP)
    told.look(DOWN)
    told.look(DOWN)
    (line,) = (tmp_path / "told.jsonl").read_text().splitlines()
    message = json.loads(line)
    assert message["host"] == "mx2.example.net"
    (item,) = message["news"]
    assert item | {"since": 0, "text": ""} == {
        "word": "raised", "name": "primary_down", "severity": "critical", "domain": "example.org", "domains": [],
        "text": "", "since": 0, "messages": 9,
    }  # fmt: skip
    assert item["text"].startswith("mx1.example.org has refused connections")


def test_two_who_watch_do_not_tell_twice(tmp_path: Path) -> None:
    told = Told(tmp_path)
    other = Telling(told.telling.wanted, AlertState("/queue", tmp_path / "state"))
    told.look(DOWN)
    told.look(DOWN)
    assert told.story.last is not None
    other.tell(told.story.last)
    assert told.news == [[("raised", "primary_down")]]


def test_many_at_once_do_not_tell_twice(tmp_path: Path) -> None:
    told = Told(tmp_path)
    told.look(DOWN)
    told.story.now += MINUTE
    told.story.tell(DOWN)
    overview = told.story.last
    assert overview is not None
    threads = [
        threading.Thread(
            target=Telling(told.telling.wanted, AlertState("/queue", tmp_path / "state")).tell, args=[overview]
        )
        for _ in range(8)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    told.telling.tell(overview)
    assert told.news == [[("raised", "primary_down")]]


def test_two_who_see_it_otherwise_tell_of_both_once(tmp_path: Path) -> None:
    told = Told(tmp_path, after=MINUTE)
    flapping = row(messages=9, oldest=NOW, health=health("flapping"))
    for _ in range(60):
        told.look(DOWN, later=MINUTE / 2)
        told.look(flapping, later=MINUTE / 2)
    assert sorted(item for news in told.news for item in news) == [
        ("raised", "primary_down"),
        ("raised", "primary_flapping"),
    ]


def test_what_comes_back_at_once_was_never_over(tmp_path: Path) -> None:
    told = Told(tmp_path, after=MINUTE)
    for look in (DOWN, DOWN, UP, DOWN, UP, DOWN):
        told.look(look, later=MINUTE if look is UP else 50)
    assert told.news == [[("raised", "primary_down")]]


def test_who_looks_in_leaves_telling_to_who_watches(tmp_path: Path) -> None:
    told = Told(tmp_path)
    watching = replace(told.telling, watching=True)
    told.look(UP)
    assert told.story.last is not None
    watching.tell(told.story.last)
    told.look(DOWN)
    told.look(DOWN)
    assert told.news == []
    watching.tell(told.story.last)
    told.look(DOWN, later=WATCHED / 2)
    assert told.news == []
    told.look(DOWN, later=WATCHED / 2)
    told.look(DOWN)
    assert told.news == [[("raised", "primary_down")]], "nobody watches any more"


def test_who_leaves_telling_to_another_says_that_it_failed(tmp_path: Path) -> None:
    told = Told(tmp_path, command=("/nowhere/page",))
    looking_in, told.telling = told.telling, replace(told.telling, watching=True)
    told.look(DOWN)
    faults = told.look(DOWN)
    assert told.story.last is not None
    assert looking_in.tell(told.story.last) == faults != []


def test_what_gets_worse_is_told_and_what_stays_is_told_again_after_a_day(tmp_path: Path) -> None:
    told = Told(tmp_path)
    soon = row(messages=1, oldest=NOW, expires=NOW + 20 * HOUR)
    told.look(soon)
    told.look(soon)
    told.look(row(messages=1, oldest=NOW, expires=NOW + HOUR))
    told.look(row(messages=1, oldest=NOW, expires=NOW + HOUR))
    told.look(row(messages=1, oldest=NOW, expires=NOW + HOUR), later=24 * HOUR)
    assert told.news == [[("raised", "expiry")], [("worse", "expiry")], [("reminder", "expiry")]]


def test_what_an_operator_knows_of_is_not_told(tmp_path: Path) -> None:
    told = Told(tmp_path)
    told.look(DOWN, later=0)
    known = Acknowledgement("primary_down", "example.org", "critical", "known", "anna", NOW, NOW + 10 * HOUR)
    told.story.known = [known]
    told.look(DOWN)
    told.look(DOWN)
    told.look(UP)
    assert told.news == []


def test_a_thousand_domains_are_one_call_with_one_item(tmp_path: Path) -> None:
    told = Told(tmp_path)
    rows = [row(f"d{number}.example", 1, oldest=NOW, health=health("down")) for number in range(1000)]
    told.look(*rows)
    told.look(*rows)
    (line,) = (tmp_path / "told.jsonl").read_text().splitlines()
    (item,) = json.loads(line)["news"]
    assert (item["domain"], len(item["domains"]), item["messages"]) == (None, 1000, 1000)


def test_no_more_than_so_many_an_hour_and_the_rest_comes_together(tmp_path: Path) -> None:
    told = Told(tmp_path, an_hour=2)
    for _ in range(4):
        for look in (DOWN, DOWN, UP, UP):
            told.look(look, later=10)
    assert len(told.news) == 2
    told.look(UP, later=HOUR)
    assert len(told.news) == 3
    assert told.news[2] == [("resolved", "primary_down")], "what was raised and resolved meanwhile is over"


def test_a_command_that_fails_is_reported_and_tried_again(tmp_path: Path) -> None:
    told = Told(tmp_path, script="#!/bin/sh\necho 'no modem' >&2\nexit 3\n")
    told.look(DOWN)
    (fault,) = told.look(DOWN)
    assert fault == f"alerts could not be told by command: {told.command}: exit status 3: no modem"
    told.command.write_text(RECORDER.format(folder=tmp_path))
    assert told.look(DOWN, later=10) == [fault], "not at once"
    assert told.look(DOWN) == []
    assert told.news == [[("raised", "primary_down")]]


def test_a_command_that_is_not_there_is_reported(tmp_path: Path) -> None:
    told = Told(tmp_path, command=("/nowhere/page",))
    told.look(DOWN)
    assert told.look(DOWN) == ["alerts could not be told by command: /nowhere/page: No such file or directory"]


def test_a_command_that_hangs_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    told = Told(tmp_path, script="#!/bin/sh\nsleep 600 &\necho $! > {folder}/child\nsleep 600\n", timeout=1.0)
    told.look(DOWN)
    began = time.monotonic()
    (fault,) = told.look(DOWN)
    assert time.monotonic() - began < 30
    assert "took longer than 1 s and was killed" in fault
    child = int((tmp_path / "child").read_text())
    wait_until(lambda: not _lives(child), what="its child is gone")


def test_a_command_that_reads_nothing_has_been_told(tmp_path: Path) -> None:
    told = Told(tmp_path, script="#!/bin/sh\nexec true\n")
    told.look(DOWN)
    assert told.look(DOWN) == []


def _lives(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# -- mail ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def relay() -> Iterator[FakePrimary]:
    with FakePrimary() as relay:
        yield relay


def by_mail(folder: Path, port: int, **more: Any) -> Told:
    there = NextHop("127.0.0.1", port, lookup_mx=False)
    return Told(folder, command=None, to="noc@example.com", relay=there, **more)


def test_mail_goes_through_the_relay(tmp_path: Path, relay: FakePrimary) -> None:
    told = by_mail(tmp_path, relay.port)
    told.look(DOWN)
    assert told.look(DOWN) == []
    (mail,) = relay.accepted
    assert (mail.sender, mail.recipients) == ("mxtui@mx2.example.net", ("noc@example.com",))
    assert b"Subject: [mx2.example.net] CRITICAL new: primary_down example.org\r\n" in mail.content
    assert b"Auto-Submitted: auto-generated\r\n" in mail.content
    assert b"New critical: example.org: mx1.example.org has refused connections" in mail.content.replace(b"=\r\n", b"")
    told.look(UP)
    told.look(UP)
    assert b"Subject: [mx2.example.net] resolved: primary_down example.org\r\n" in relay.accepted[1].content


def test_a_relay_that_is_a_primary_is_refused(tmp_path: Path, relay: FakePrimary) -> None:
    told = by_mail(tmp_path, relay.port)
    here = replace(DOWN, primary=Primary("127.0.0.1", relay.port, "config"))
    told.look(here)
    (fault,) = told.look(here)
    assert "is a primary" in fault
    assert relay.accepted == []


def test_a_relay_that_is_a_primary_is_refused_though_nobody_looked_at_primaries(
    tmp_path: Path, relay: FakePrimary
) -> None:
    told = by_mail(tmp_path, relay.port)
    hop = NextHop("127.0.0.1", relay.port, lookup_mx=False)
    router = ConfiguredRouter({"example.org": hop}, MxRouter(Ourselves("mx2.example.net")))
    told.telling = replace(told.telling, router=lambda: router)
    unseen = replace(row(messages=1, oldest=NOW, expires=NOW + HOUR), primary=None, health=None)
    told.look(unseen)
    (fault,) = told.look(unseen)
    assert "is a primary" in fault
    assert relay.accepted == []


def test_a_relay_that_is_down_is_reported_and_tried_again(tmp_path: Path, relay: FakePrimary) -> None:
    told = by_mail(tmp_path, relay.port)
    relay.down()
    told.look(DOWN)
    (fault,) = told.look(DOWN)
    assert fault.startswith("alerts could not be told by mail: the relay for alerts, 127.0.0.1:")
    relay.up()
    told.look(DOWN)
    assert len(relay.accepted) == 1


def test_a_relay_that_refuses_is_reported(tmp_path: Path, relay: FakePrimary) -> None:
    told = by_mail(tmp_path, relay.port)
    relay.behave(permanent="^noc@")
    told.look(DOWN)
    (fault,) = told.look(DOWN)
    assert "did not take the mail" in fault


def test_hostile_words_add_no_header(tmp_path: Path, relay: FakePrimary) -> None:
    told = by_mail(tmp_path, relay.port)
    evil = row("a\r\nBcc: x@evil.example", messages=1, oldest=NOW, health=replace(health("down"), detail="\r\n\x1b[2J"))
    told.look(evil)
    assert told.look(evil) == []
    (mail,) = relay.accepted
    head = mail.content.partition(b"\r\n\r\n")[0]
    assert b"\nBcc" not in head
    assert b"\x1b" not in mail.content
    assert mail.recipients == ("noc@example.com",)


# -- files ---------------------------------------------------------------------------------------------------------


def test_a_memory_survives_and_a_damaged_one_begins_anew(tmp_path: Path) -> None:
    state = AlertState("/queue", tmp_path)
    story = Story()
    story.go_on(11 * MINUTE, row(messages=40, oldest=NOW - HOUR, reason="refused"))
    state.keep(story.watch.memory)
    assert state.memory() == story.watch.memory
    for noise in (b"", b"{", b"[]", b"\xff", os.urandom(200)):
        (state.folder / "memory.json").write_bytes(noise)
        assert state.memory() == Memory()


def test_who_watches_next_goes_on_from_there(tmp_path: Path) -> None:
    state = AlertState("/queue", tmp_path)
    story = Story()
    still = row(messages=40, oldest=NOW - HOUR, reason="refused")
    story.go_on(6 * MINUTE, still)
    state.keep(story.watch.memory)
    story.watch = Watch(story.thresholds, state.memory())
    assert story.go_on(4 * MINUTE, still) == ["stalled"]


def test_a_state_that_cannot_be_kept_tells_nobody(tmp_path: Path) -> None:
    told = Told(tmp_path)
    (tmp_path / "state").write_text("in the way")
    with pytest.raises(MxtuiError, match="cannot be kept"):
        told.look(DOWN)
    assert told.news == []


def test_a_keeper_keeps_and_tells_beside_the_watching(tmp_path: Path) -> None:
    told = Told(tmp_path)
    keeper = Keeper(told.telling.state, told.telling)
    try:

        def judged(now: float) -> Overview:
            told.story.now = now
            told.story.tell(DOWN)
            assert told.story.last is not None
            keeper.judged(told.story.watch, told.story.last)
            return told.story.last

        judged(NOW)
        wait_until(lambda: told.telling.state.told("command").known, what="seen")
        assert told.telling.state.memory().raised
        told.story.tell(DOWN, row("b.example", health=health("down")))
        told.story.now += HOUR
        wait_until(lambda: judged_again(told, keeper), what="told")
        assert ("raised", "primary_down") in told.news[0]
    finally:
        keeper.close()


class Broken(Telling):
    """Has a fault of ours."""

    def tell(self, overview: Overview, until: float = 0.0) -> list[str]:
        raise ZeroDivisionError("a fault of ours")


def test_a_keeper_says_that_nobody_is_told_where_nobody_foresaw_it(tmp_path: Path) -> None:
    told = Told(tmp_path)
    keeper = Keeper(told.telling.state, Broken(told.telling.wanted, told.telling.state))
    try:
        told.story.tell(DOWN)
        assert told.story.last is not None
        keeper.judged(told.story.watch, told.story.last)
        wait_until(lambda: "ZeroDivisionError" in keeper.fault, what="it is said")
    finally:
        keeper.close()


def judged_again(told: Told, keeper: Keeper) -> bool:
    """Something is different each time, or it would wait for its minute."""
    told.story.now += 1
    domain = f"d{int(told.story.now)}.example"
    told.story.tell(DOWN, row(domain, health=health("down")))
    assert told.story.last is not None
    keeper.judged(told.story.watch, told.story.last)
    return bool(told.news)
