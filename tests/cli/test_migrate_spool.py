"""A domain of our own spool is held while its primary moves."""

import os
import pwd
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mxtui.cli.attach import attach
from mxtui.demo.primary import FakePrimary
from mxtui.model.drain.settings import DrainSettings
from mxtui.model.drain.standing import Standing
from tests.cli.spooled import MESSAGES, Spooled, spooled_mail
from tests.service.serving import marked, numbers
from tests.support.waiting import wait_until


@pytest.fixture
def spooled(tmp_path: Path, primary: FakePrimary) -> Iterator[Spooled]:
    with spooled_mail(tmp_path, primary) as made:
        yield made


def start(spooled: Spooled, *words: str) -> None:
    done = spooled("migrate", "start", "example.org", "--for", "2h", "--reason", "new host", "--yes", *words)
    assert done.status == 0, done.err


def test_what_is_queued_and_what_comes_waits_until_the_end(spooled: Spooled) -> None:
    start(spooled)
    assert spooled.states() == {"hold": MESSAGES}
    spooled.primary.up()
    spooled.backup.send_mail("anna@example.org", marked("late"))
    assert spooled.states() == {"hold": MESSAGES + 1}
    done = spooled("migrate", "end", "example.org", "--yes")
    assert done.status == 0, done.err
    assert numbers(spooled.primary)[0] == "0"
    assert sorted(numbers(spooled.primary)) == [*map(str, range(MESSAGES)), "late"]
    assert spooled.states() == {}
    assert spooled("migrate", "status", "--json").objects == []


def test_what_an_operator_held_before_stays_held(spooled: Spooled) -> None:
    spooled("hold", "from:s1@example.com", "--yes")
    start(spooled)
    spooled.primary.up()
    assert spooled("migrate", "end", "example.org", "--yes").status == 0
    assert spooled.states() == {"hold": 1}
    (left,) = spooled("list", "--json").objects
    assert left["sender"] == "s1@example.com"


def test_it_survives_a_kill_and_a_restart_of_serve(spooled: Spooled) -> None:
    start(spooled)
    spooled.backup.stop(signal.SIGKILL)
    spooled.primary.up()
    spooled.backup.start()
    spooled.backup.send_mail("anna@example.org", marked("late"))
    assert spooled.states() == {"hold": MESSAGES + 1}
    (held,) = spooled("migrate", "status", "--json").objects
    assert (held["domain"], held["messages"], held["catching"]) == ("example.org", MESSAGES + 1, True)
    assert spooled.primary.accepted == []


def test_status_tells_who_why_and_until_when(spooled: Spooled) -> None:
    start(spooled)
    (status,) = spooled("status", "--json").objects
    (row,) = status["domains"]
    assert (row["hold"]["kind"], row["hold"]["reason"]) == ("migrate", "new host")
    assert row["hold"]["owner"] in {os.environ.get("SUDO_USER", ""), pwd.getpwuid(os.getuid()).pw_name}
    assert row["hold"]["until"] - row["hold"]["since"] == pytest.approx(7200, abs=1)
    assert "migrating, 1h 59m left: new host" in spooled("status").text


def test_the_end_is_refused_while_the_primary_is_down_or_mail_goes_elsewhere(spooled: Spooled) -> None:
    start(spooled)
    refused = spooled("migrate", "end", "example.org", "--yes")
    assert (refused.status, "is down" in refused.err) == (5, True)
    start(spooled, "--to", "mx9.example.org")
    spooled.primary.up()
    refused = spooled("migrate", "end", "example.org", "--yes")
    assert (refused.status, "not to the new primary mx9.example.org:25" in refused.err) == (5, True)
    assert spooled.states() == {"hold": MESSAGES}
    assert spooled("migrate", "end", "example.org", "--yes", "--force").status == 0
    assert len(spooled.primary.accepted) == MESSAGES


def test_the_end_goes_by_where_serve_sends_and_not_by_settings_that_it_has_not_read(
    spooled: Spooled, primaries: Callable[[], FakePrimary]
) -> None:
    new = primaries()
    start(spooled, "--to", f"127.0.0.1:{new.port}")
    spooled.primary.up()
    relay = f'[serve]\nspool = "{spooled.backup.spool}"\n[serve.relay]\n"example.org" = "127.0.0.1:{new.port}"\n'
    spooled.backup.config.write_text(spooled.backup.config.read_text() + relay)
    refused = spooled("migrate", "end", "example.org", "--yes")
    assert refused.status == 5
    assert f"mail for example.org goes to 127.0.0.1:{spooled.primary.port}, not to the new primary" in refused.err
    assert "serve reads its settings again on SIGHUP" in refused.err
    (status,) = spooled("status", "--json").objects
    assert status["domains"][0]["primary"]["port"] == spooled.primary.port
    spooled.backup.stop()
    spooled.backup.flags = [*spooled.backup.flags, "--relay", f"example.org=127.0.0.1:{new.port}"]
    spooled.backup.start()
    assert spooled("migrate", "end", "example.org", "--yes").status == 0
    assert sorted(numbers(new)) == [*map(str, range(MESSAGES))]
    assert spooled.primary.accepted == []


def test_what_waits_for_another_migration_as_well_stays_for_that(tmp_path: Path, primary: FakePrimary) -> None:
    with spooled_mail(tmp_path, primary, "--relay", f"other.example=127.0.0.1:{primary.port}") as spooled:
        with spooled.backup.smtp() as client:
            client.sendmail("both@example.com", ["anna@example.org", "bert@other.example"], marked("both"))
        start(spooled)
        other = spooled("migrate", "start", "other.example", "--for", "1h", "--reason", "too", "--yes")
        assert other.status == 0, other.err
        primary.up()
        assert spooled("migrate", "end", "example.org", "--yes").status == 0
        assert len(primary.accepted) == MESSAGES
        assert spooled.states() == {"hold": 1}
        assert spooled("migrate", "end", "other.example", "--yes").status == 0
        wait_until(lambda: len(primary.accepted) == MESSAGES + 1)


def test_other_domains_are_told_of_before_it_happens(tmp_path: Path, primary: FakePrimary) -> None:
    with spooled_mail(tmp_path, primary, "--relay", f"other.example=127.0.0.1:{primary.port}") as spooled:
        with spooled.backup.smtp() as client:
            client.sendmail("both@example.com", ["anna@example.org", "bert@other.example"], marked("both"))
        shown = spooled("migrate", "start", "example.org", "--for", "2h", "--reason", "moves", "--dry-run")
        assert "1 message also has recipients in other.example" in shown.err
        assert spooled.states() == {"deferred": MESSAGES + 1}
        assert spooled("migrate", "status", "--json").objects == []


def test_a_reason_and_a_time_are_required(spooled: Spooled) -> None:
    assert spooled("migrate", "start", "example.org", "--for", "2h", "--yes").status == 2
    assert spooled("migrate", "start", "example.org", "--reason", "moves", "--yes").status == 2
    assert spooled("migrate", "start", "../etc", "--for", "2h", "--reason", "moves", "--yes").status == 2
    assert spooled("migrate", "end", "example.org", "--yes").status == 2


def test_an_end_that_was_killed_before_its_drain_is_finished_by_the_next(spooled: Spooled) -> None:
    """Nothing was let go yet, for its drain lets go of it."""
    start(spooled)
    spooled.primary.up()
    with attach(str(spooled.backup.spool), str(spooled.backup.config)) as attached:
        holding = attached.holding
        holding.catch_no_more(holding.known("example.org"))
    assert spooled.states() == {"hold": MESSAGES}
    (status,) = spooled("status", "--json").objects
    assert "hold_not_ended" in {alert["name"] for alert in status["alerts"]}
    assert spooled("migrate", "end", "example.org", "--yes").status == 0
    assert len(spooled.primary.accepted) == MESSAGES
    assert spooled("migrate", "status", "--json").objects == []


def test_a_new_primary_that_refuses_all_is_given_one_message_and_the_rest_waits_in_hold(spooled: Spooled) -> None:
    start(spooled)
    spooled.primary.up()
    spooled.primary.behave(permanent=".")
    done = spooled("migrate", "end", "example.org", "--yes")
    assert done.status == 1, done.err
    assert spooled.states() == {"deferred": 1, "hold": MESSAGES - 1}
    (held,) = spooled("migrate", "status", "--json").objects
    assert (held["ending"], held["messages"]) == (True, MESSAGES - 1)


def test_it_cannot_begin_again_while_its_end_is_at_work(spooled: Spooled) -> None:
    """The drain would go on letting go of what the operator takes for held."""
    start(spooled)
    with attach(str(spooled.backup.spool), str(spooled.backup.config)) as attached:
        selection = attached.holding.known("example.org").selection
        now = time.time()
        standing = Standing(
            "", selection, "by our own forwarder", "anna", os.getpid(), now, now, settings=DrainSettings()
        )
        with attached.drains.running(standing):
            refused = spooled("migrate", "start", "example.org", "--for", "2h", "--reason", "it refuses mail", "--yes")
    assert (refused.status, "a drain ends the migration of example.org just now" in refused.err) == (5, True)


def test_two_operators_are_told_of_each_other(spooled: Spooled) -> None:
    with attach(str(spooled.backup.spool), str(spooled.backup.config)) as attached, attached.site.holds().changing():
        refused = spooled("migrate", "start", "example.org", "--for", "2h", "--reason", "moves", "--yes")
    assert (refused.status, "another mxtui is changing a hold" in refused.err) == (5, True)
    assert spooled.states() == {"deferred": MESSAGES}
