"""A domain of a real Postfix is held while its primary moves, with our access table wired in and without it."""

import json
import os
import re
import shlex
import subprocess
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from mxtui.demo.postfix import SBIN, PrivatePostfix
from mxtui.demo.primary import NEVER, FakePrimary
from mxtui.model.holds import DomainHold
from mxtui.queues.postfix.access_table import PostfixCatch
from mxtui.queues.postfix.whereabouts import locate
from tests.cli.running import Done, Mxtui, run
from tests.conftest import PostfixFactory
from tests.queues.postfix.acting import QUIET, layout_of, settled, state
from tests.support.waiting import wait_until

pytestmark = pytest.mark.postfix


class Moving:
    """A Postfix whose primary is down, with mail for it, and `mxtui` on it."""

    def __init__(self, instance: PrivatePostfix, primary: FakePrimary, folder: Path) -> None:
        self.instance = instance
        self.primary = primary
        self.layout = layout_of(instance)
        self.mxtui = Mxtui(instance, folder, f'holds = "{folder / "holds"}"')

    def __call__(self, verb: str, *words: str) -> Done:
        return run(self._migrate(*words)) if verb == "migrate" else self.mxtui(verb, *words)

    def begin(self, *words: str) -> "subprocess.Popen[bytes]":
        """`mxtui migrate` beside the test."""
        return subprocess.Popen(self._migrate(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def _migrate(self, *words: str) -> list[str]:
        argv = self.mxtui.argv("migrate", *words)
        at = argv.index("migrate")
        # The group's own word comes before its options.
        return [*argv[: at + 1], words[0], *argv[at + 1 : -len(words)], *words[1:]]

    def queued(self, count: int = 1, to: str = "info@example.org") -> list[str]:
        ids = self.instance.inject("a@client.example", [to], count=count)
        settled(self.layout, ids, "deferred")
        return ids

    def states(self, ids: list[str]) -> list[str]:
        return [state(self.layout, queue_id) for queue_id in ids]

    def start(self, *words: str) -> Done:
        done = self("migrate", "start", "example.org", "--for", "2h", "--reason", "new host", "--yes", *words)
        assert done.status == 0, done.err
        return done

    def end(self, *words: str) -> Done:
        return self("migrate", "end", "example.org", "--yes", *words)

    def wire(self) -> None:
        """Do exactly what it says has to be done."""
        self.wire_by(self.start().err)
        assert self.end("--force").status in (0, 1)

    def wire_by(self, said: str) -> None:
        """The very lines that it printed."""
        lines = re.findall(r"^  (post(?:conf|fix) .*)$", said, re.MULTILINE)
        assert len(lines) == 2
        for line in lines:
            subprocess.run(shlex.split(line), env={"PATH": SBIN}, check=True, timeout=30, capture_output=True)

    def status(self) -> dict[str, Any]:
        (found,) = self("migrate", "status", "--json").objects
        return found


@pytest.fixture
def moving(postfix: PostfixFactory, primary: FakePrimary, tmp_path: Path) -> Moving:
    primary.down()
    routes = {"example.org": primary.port, "client.example": primary.port, "below.example.org": primary.port}
    settings = {**QUIET, "relay_domains": ", ".join(routes)}
    return Moving(postfix(routes=routes, settings=settings), primary, tmp_path)


def test_not_wired_in_what_is_queued_is_held_and_what_comes_is_said_not_to_be(moving: Moving) -> None:
    before, ids = moving.queued(), moving.queued(3)
    moving("hold", f"id:{before[0]}", "--yes")
    said = moving.start().err
    assert "new mail is not caught: smtpd does not ask" in said
    assert moving.states(ids) == ["hold"] * 3
    late = moving.queued()
    found = moving.status()
    assert (found["messages"], found["catching"], found["caught_since"]) == (3, False, None)
    (status,) = moving("status", "--json").objects
    assert "migration" in {alert["name"] for alert in status["alerts"]}
    moving.primary.up()
    assert moving.end().status == 0
    settled(moving.layout, ids, "")
    assert len(moving.primary.accepted) == 3
    assert moving.states([*before, *late]) == ["hold", "deferred"]


def test_wired_in_by_the_lines_it_prints_new_mail_is_caught_and_goes_at_the_end(moving: Moving) -> None:
    moving.wire()
    first = moving.queued(2)
    assert "new mail is not caught" not in moving.start().err
    assert moving.states(first) == ["hold"] * 2
    late = moving.instance.inject("a@client.example", ["late@example.org"], count=2)
    assert moving.states(late) == ["hold"] * 2
    free = moving.instance.inject("a@client.example", ["free@client.example", "low@below.example.org"])
    settled(moving.layout, free, "deferred")
    assert moving.status()["messages"] == 4
    moving.primary.up()
    done = moving.end()
    assert done.status == 0, done.err
    settled(moving.layout, [*first, *late], "")
    assert len(moving.primary.accepted) == 4
    after = moving.instance.inject("a@client.example", ["after@example.org"])
    settled(moving.layout, after, "")


def test_wired_in_before_any_migration_the_lines_make_the_table_first_and_without_it_that_is_said(
    moving: Moving,
) -> None:
    """A table that is asked and is not there has smtpd defer all mail."""
    catch = PostfixCatch(moving.layout, ["example.org"])
    wanted = catch.standing()
    assert not wanted.works
    for line in wanted.lines:
        subprocess.run(shlex.split(line), env={"PATH": f"{SBIN}:/usr/bin:/bin"}, check=True, timeout=30)
    assert catch.standing().works
    assert moving.queued(), "mail is taken"
    (index,) = moving.layout.config_directory.glob("mxtui_hold.*")
    index.unlink()
    broken = catch.standing()
    assert (broken.works, broken.defers_all) == (False, True)
    assert "it defers all mail" in broken.why_not
    for line in broken.lines:
        subprocess.run(shlex.split(line), env={"PATH": f"{SBIN}:/usr/bin:/bin"}, check=True, timeout=30)
    assert catch.standing().works


def test_wired_in_while_the_migration_is_on_all_that_was_caught_goes_at_the_end(moving: Moving) -> None:
    """As whoever follows its advice does it: the hold is there first, and the table is asked from some moment on."""
    early, by_hand = moving.queued(2), moving.queued()
    said = moving.start().err
    passing = moving.queued(2)
    moving("hold", f"id:{passing[0]}", "--yes")
    assert moving.states([*early, *passing]) == ["hold", "hold", "hold", "deferred"]
    moving.wire_by(said)
    caught = moving.instance.inject("a@client.example", ["late@example.org"], count=3)
    assert moving.states(caught) == ["hold"] * 3
    found = moving.status()
    assert found["catching"]
    assert found["caught_since"] >= found["since"]
    assert found["messages"] == len([*early, *by_hand, *caught]), "and what an operator held stays his"
    (status,) = moving("status", "--json").objects
    assert "migration" not in {alert["name"] for alert in status["alerts"]}, "nothing passes by any more"
    moving.start()  # said again, it is held longer: what was caught before is caught all the same
    assert moving.status()["messages"] == found["messages"] + 1, "and what had passed by is held now"
    moving.instance.postconf(smtpd_recipient_restrictions="")
    (status,) = moving("status", "--json").objects
    assert "migration" in {alert["name"] for alert in status["alerts"]}, "somebody took the table out again"
    moving.primary.up()
    done = moving.end()
    assert done.status == 0, done.err
    settled(moving.layout, [*early, *by_hand, *caught, passing[1]], "")
    assert moving.states(passing) == ["hold", ""]
    assert moving("migrate", "status", "--json").objects == []


def test_whoever_releases_or_flushes_what_a_migration_holds_is_told_of_it(moving: Moving) -> None:
    moving.queued(2)
    moving.start()
    said = moving("release", "--all", "--dry-run").err
    assert "Migrating: 2 messages for example.org, until " in said
    assert "new host): what is released is tried at once" in said
    moving.primary.up()
    said = moving("flush", "--all").err
    assert "example.org is migrating, " in said
    assert "(mxtui migrate end example.org)" in said
    said = moving("flush", "--all", "--force", "--dry-run").err
    assert "held for the migration of example.org: mxtui migrate end example.org lets it go" in said


def test_two_changes_of_the_table_within_a_second_are_two_to_smtpd(moving: Moving) -> None:
    moving.wire()
    catch = PostfixCatch(moving.layout, ())
    hold = DomainHold("example.org", "migrate", "quick", "anna", 0.0, 9.0)
    for number in range(4):
        catch.follow([hold] if number % 2 else [])
        (queue_id,) = moving.instance.inject("a@client.example", [f"q{number}@example.org"])
        settled(moving.layout, [queue_id], "hold" if number % 2 else "deferred")


def test_a_permit_before_the_table_is_noticed(moving: Moving) -> None:
    moving.wire()
    table = moving.instance.config_directory / "mxtui_hold"
    moving.instance.postconf(
        smtpd_recipient_restrictions=f"permit_mynetworks, check_recipient_access hash:{table}, reject"
    )
    assert f"permit_mynetworks comes before {table}" in moving.start().err


def test_mail_past_its_lifetime_is_delivered_rather_than_returned_at_the_end(
    postfix: PostfixFactory, primary: FakePrimary, tmp_path: Path
) -> None:
    primary.down()
    settings = {**QUIET, "maximal_queue_lifetime": "5m", "bounce_queue_lifetime": "5m"}
    moving = Moving(postfix(routes={"example.org": primary.port}, settings=settings), primary, tmp_path)
    ids = moving.queued(2)
    moving.start()
    # Within ten minutes of its end a message would be returned at its first failed try.
    primary.up()
    done = moving.end("--json")
    assert b"given a new lifetime" in done.out
    assert done.status == 0, done.err
    assert [each["delivered"] for each in done.objects if "phase" in each][-1] == 2, "followed under its new ID"
    assert len(primary.accepted) == 2
    settled(moving.layout, ids, "")


@pytest.mark.parametrize("lifetime", ["5d", "5m"])
def test_a_new_primary_that_refuses_all_costs_one_message_and_the_rest_waits_in_hold(
    postfix: PostfixFactory, primary: FakePrimary, tmp_path: Path, lifetime: str
) -> None:
    """Postfix bounces what is refused at once, and what was released is tried by it whatever a drain says."""
    primary.down()
    settings = {**QUIET, "queue_run_delay": "1s", "maximal_queue_lifetime": lifetime, "bounce_queue_lifetime": lifetime}
    routes = {"example.org": primary.port, "client.example": primary.port}
    moving = Moving(postfix(routes=routes, settings=settings), primary, tmp_path)
    ids = moving.queued(40)
    moving.start()
    for queue_id in ids:  # as after a migration of some hours: due at once, if it were not held
        file = locate(moving.layout, queue_id)
        assert file is not None
        os.utime(file.path, (0, 0))
    primary.up()
    primary.behave(permanent=".", banner_delay=1.5)
    done = moving.end("--json")
    assert done.status == 1, done.err
    last = [each for each in done.objects if "phase" in each][-1]
    assert (last["phase"], last["bounced"], last["left"]) == ("stopped", 1, 39), done.text
    assert sorted(moving.states(ids)) == ["", *["hold"] * 39]
    assert done.objects[-1] == {"summary": "migration of example.org has not ended", "held": 39}
    assert moving.status()["ending"]
    # Mended, the same command goes on where it was.
    primary.behave(permanent=NEVER, banner_delay=0.0)
    done = moving.end()
    assert done.status == 0, done.err
    settled(moving.layout, ids, "")
    assert len([each for each in primary.accepted if "info@example.org" in each.recipients]) == 39
    assert moving("migrate", "status", "--json").objects == []


def test_mail_in_delivery_is_left_to_it_and_held_when_it_comes_back(moving: Moving) -> None:
    moving.primary.up()
    moving.primary.behave(banner_delay=3.0)
    (busy,) = moving.instance.inject("a@client.example", ["info@example.org"])
    wait_until(lambda: state(moving.layout, busy) == "active")
    moving.start()
    assert state(moving.layout, busy) in ("", "hold")
    assert (len(moving.primary.accepted) == 1) == (state(moving.layout, busy) == "")


def test_killed_between_holding_and_recording_the_end_finds_what_it_held(moving: Moving) -> None:
    """The IDs are on disk before the messages are held."""
    ids = moving.queued(3)
    moving.start()
    (held,) = (moving.mxtui.folder / "holds").glob("*/example.org.held")
    assert {line.split()[0] for line in held.read_text().splitlines()} == set(ids)
    moving.primary.up()
    assert moving.end().status == 0
    settled(moving.layout, ids, "")
    assert list((moving.mxtui.folder / "holds").glob("*/*.json")) == []


def test_a_suspension_holds_and_ends_by_itself(moving: Moving) -> None:
    ids = moving.queued(2)
    moving.primary.up()
    done = moving("suspend", "example.org", "--for", "4s", "--reason", "restarting", "--yes")
    assert done.status == 0, done.err
    assert "new mail is not caught" in done.err
    assert moving.states(ids) == ["hold"] * 2
    settled(moving.layout, ids, "")
    assert len(moving.primary.accepted) == 2
    wait_until(lambda: moving("suspend", "--list", "--json").objects == [])


def test_a_suspension_that_nobody_ended_is_an_alert_and_ends_with_resume_due(moving: Moving) -> None:
    ids = moving.queued()
    moving.start()
    (file,) = (moving.mxtui.folder / "holds").glob("*/example.org.json")
    # A suspension as after a restart of the host: no process waits for its end any more.
    file.write_text(re.sub(r'"until":[0-9.]+', '"until":1000.0', file.read_text()).replace("migrate", "suspend"))
    (status,) = moving("status", "--json").objects
    assert "hold_not_ended" in {alert["name"] for alert in status["alerts"]}
    moving.primary.up()
    assert moving("resume", "--due").status == 0
    settled(moving.layout, ids, "")


def test_mail_that_was_being_handed_in_as_the_end_began_goes_with_a_second_drain(moving: Moving) -> None:
    """smtpd(8) asks the table at RCPT, and holds at the end of the message, whatever the table says by then."""
    moving.wire()
    first = moving.queued(2)
    moving.start()
    moving.primary.up()
    moving.primary.behave(banner_delay=1.5)
    with moving.instance.connect() as client:
        client.ehlo("client.example")
        client.mail("a@client.example")
        assert client.rcpt("late@example.org")[0] == 250
        ending = moving.begin("end", "example.org", "--yes", "--json")
        wait_until(lambda: moving.status()["ending"], what="nothing more is caught, and the first drain is on")
        code, said = client.data("Subject: late\r\n\r\nhello\r\n")
        assert code == 250
    (late,) = re.findall(r"queued as (\w+)", said.decode())
    out, err = ending.communicate(timeout=60)
    assert ending.returncode == 0, err.decode()
    queued = [json.loads(line).get("queued") for line in out.splitlines()]
    assert [each for each, _ in groupby(queued) if each] == [2, 1], "two drains"
    settled(moving.layout, [*first, late], "")
    assert sorted(each.recipients[0] for each in moving.primary.accepted) == [
        "info@example.org", "info@example.org", "late@example.org"
    ]  # fmt: skip
    assert moving("migrate", "status", "--json").objects == []
