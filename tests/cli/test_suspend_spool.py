"""Deliveries to one domain of a spool are suspended; serve leaves it alone, and begins again by itself."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from mxtui.demo.primary import FakePrimary
from tests.cli.spooled import MESSAGES, Spooled, spooled_mail
from tests.service.serving import marked
from tests.support.waiting import wait_until


@pytest.fixture
def spooled(tmp_path: Path, primary: FakePrimary) -> Iterator[Spooled]:
    """Besides example.org, free.example goes to the same primary."""
    with spooled_mail(tmp_path, primary, "--relay", f"free.example=127.0.0.1:{primary.port}") as made:
        yield made


def suspend(spooled: Spooled, *words: str) -> None:
    done = spooled("suspend", "example.org", "--reason", "disk is full", "--yes", *words)
    assert done.status == 0, done.err


def delivered(spooled: Spooled, domain: str) -> int:
    return sum(any(domain in to for to in message.recipients) for message in spooled.primary.accepted)


def test_nothing_goes_to_it_until_it_is_resumed_and_everything_to_the_others(spooled: Spooled) -> None:
    suspend(spooled)
    spooled.primary.up()
    spooled.backup.send_mail("bert@free.example", marked("free"))
    wait_until(lambda: delivered(spooled, "free.example"))
    flushed = spooled("flush", "--all", "--yes")
    assert flushed.status == 5
    assert "example.org is suspended" in flushed.err
    assert delivered(spooled, "example.org") == 0
    assert spooled.states() == {"deferred": MESSAGES}
    assert spooled("resume", "example.org", "--yes").status == 0
    wait_until(lambda: delivered(spooled, "example.org") == MESSAGES)


def test_it_lasts_an_hour_and_is_listed(spooled: Spooled) -> None:
    suspend(spooled)
    (listed,) = spooled("suspend", "--list", "--json").objects
    assert listed["until"] - listed["since"] == pytest.approx(3600, abs=1)
    (status,) = spooled("status", "--json").objects
    (alert,) = [each for each in status["alerts"] if each["name"] == "suspended"]
    assert alert["domain"] == "example.org"
    assert "disk is full" in alert["text"]


def test_it_ends_by_itself(spooled: Spooled) -> None:
    suspend(spooled, "--for", "2s")
    spooled.primary.up()
    wait_until(lambda: spooled.backup.events("domain_free"))
    spooled("flush", "--all", "--yes")  # serve may have begun by itself, and then not all is this flush's doing
    wait_until(lambda: delivered(spooled, "example.org") == MESSAGES)
    wait_until(lambda: spooled("suspend", "--list", "--json").objects == [])


def test_it_survives_a_restart_of_serve(spooled: Spooled) -> None:
    suspend(spooled)
    spooled.backup.stop(signal.SIGKILL)
    spooled.backup.start()
    spooled.backup.send_mail("bert@free.example", marked("free"))  # before a check finds that the primary is up
    spooled.primary.up()
    wait_until(lambda: delivered(spooled, "free.example"))
    assert delivered(spooled, "example.org") == 0


def test_a_flush_without_serve_leaves_it_alone_too(spooled: Spooled) -> None:
    suspend(spooled)
    assert spooled.backup.stop() == 0
    spooled.primary.up()
    assert "suspended" in spooled("flush", "--all", "--yes").err
    assert spooled.primary.accepted == []


def test_without_a_domain_all_deliveries_are_suspended(spooled: Spooled) -> None:
    assert spooled("suspend", "--yes").status == 2
    assert spooled("suspend", "--reason", "moving", "--yes").status == 0
    assert spooled.backup.is_at("suspended")
    assert spooled("resume", "--yes").status == 0
    assert not spooled.backup.is_at("suspended")
    assert "suspend all deliveries" in spooled("audit").text


def test_a_migration_takes_a_suspension_over(spooled: Spooled) -> None:
    suspend(spooled)
    started = spooled("migrate", "start", "example.org", "--for", "2h", "--reason", "moves", "--yes")
    assert started.status == 0, started.err
    assert spooled.states() == {"hold": MESSAGES}
    refused = spooled("suspend", "example.org", "--reason", "again", "--yes")
    assert (refused.status, "being migrated" in refused.err) == (5, True)


def test_a_domain_that_nothing_is_relayed_for_is_doubted(spooled: Spooled) -> None:
    for words in (("suspend", "exmaple.org"), ("migrate", "start", "exmaple.org", "--for", "1h")):
        done = spooled(*words, "--reason", "why not", "--yes")
        assert done.status == 0
        said = (
            "exmaple.org is none of the domains that mail is relayed for (example.org, free.example): is it spelled so?"
        )
        assert said in done.err
    assert "is it spelled so?" not in spooled("suspend", "lists.example.org", "--reason", "why not", "--yes").err
