"""Every command on a spool of our own, with a `serve` running on it and without one."""

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from mxtui.cli.attach import attach
from mxtui.demo.primary import FakePrimary
from mxtui.queues.spool.store import Spool
from mxtui.service.recovering import FILE as RECOVERY
from tests.cli.running import run
from tests.cli.spooled import MESSAGES, Spooled, spooled_mail
from tests.queues.spool.making import envelope, put
from tests.service.serving import numbers
from tests.support.waiting import wait_until


@pytest.fixture
def spooled(tmp_path: Path, primary: FakePrimary) -> Iterator[Spooled]:
    with spooled_mail(tmp_path, primary) as made:
        yield made


@pytest.fixture(params=["serve runs", "serve is stopped"])
def either(request: pytest.FixtureRequest, spooled: Spooled) -> Spooled:
    if request.param == "serve is stopped":
        assert spooled.backup.stop() == 0
    return spooled


def test_status_and_list_tell_what_waits_for_whom(either: Spooled) -> None:
    (status,) = either("status", "--json").objects
    assert status["source"]["kind"] == "spool"
    assert status["queue"]["messages"] == MESSAGES
    (domain,) = status["domains"]
    assert domain["domain"] == "example.org"
    assert domain["primary"]["state"] == "down"
    assert (domain["primary"]["host"], domain["primary"]["port"]) == ("127.0.0.1", either.primary.port)
    stopped = [alert["name"] for alert in status["alerts"] if alert["name"] == "stopped"]
    assert bool(stopped) == either.backup.ended
    listed = either("list", "--json", "from:s3@example.com").objects
    assert [one["sender"] for one in listed] == ["s3@example.com"]


def test_show_gives_the_message_as_stored(either: Spooled) -> None:
    queue_id = either.ids[0]
    raw = either("show", queue_id, "--raw").out
    assert raw.startswith(b"Received: ")
    assert raw.endswith(b"X-Number: 0\n\nhello\n")
    assert "anna@example.org" in either("show", queue_id).text


def test_quarantined_mail_stays_out_of_every_release_that_does_not_name_it(either: Spooled) -> None:
    assert either("hold", "from:s0@example.com", "--yes").status == 0
    planned = either("quarantine", "from:s0@example.com|s1@example.com", "--dry-run")
    assert (planned.status, either.states()) == (0, {"deferred": MESSAGES - 1, "hold": 1})
    assert "queue/quarantine/" in planned.err
    done = either("quarantine", "from:s0@example.com|s1@example.com", "--yes", "--reason", "junk")
    assert "2 messages quarantined" in done.text
    assert either.states() == {"deferred": MESSAGES - 2, "quarantine": 2}
    assert len(either("list", "--json", "is:quarantined").objects) == 2

    left = either("release", "--all", "--yes")
    assert "in quarantine: released only where named" in left.err
    assert "nothing to do" in left.err
    assert either("flush", "--all", "--dry-run", "--force").status == 0
    assert either.states()["quarantine"] == 2

    assert either("release", "is:quarantined", "from:s1@example.com", "--yes").status == 0
    (still,) = either("list", "--json", "is:quarantined").objects
    assert still["sender"] == "s0@example.com"
    audit = either("audit", "--json").objects
    assert [each["reason"] for each in audit if each["verb"] == "quarantine"] == ["junk"]


def test_a_message_is_cleared_for_a_reason_that_is_on_record_and_that_is_taken_back(spooled: Spooled) -> None:
    one = f"id:{spooled.ids[0]}"
    assert spooled("clear", one, "--yes").status == 2
    assert spooled("clear", "--reason", "all of it", "--yes").status == 2
    planned = spooled("clear", one, "--dry-run")
    assert (planned.status, planned.out) == (0, b"")
    assert "not spam: " in planned.err
    assert spooled("clear", one, "--yes", "--reason", "a friend").text.endswith("cleared\n")
    assert spooled("clear", one, "--yes", "--withdraw").text.endswith("as far as they are\n")
    said = sorted((each["verb"], each["reason"]) for each in spooled("audit", "--json").objects)
    assert said == [("not spam", "a friend"), ("suspect again", "")]


def test_held_released_deleted_and_restored(either: Spooled) -> None:
    assert either("hold", "from:s0@example.com|s1@example.com", "--yes", "--reason", "look").status == 0
    assert either.states() == {"deferred": 3, "hold": 2}
    assert either("release", "from:s0@example.com", "--yes").status == 0
    assert either("delete", "from:s1@example.com|s2@example.com", "--yes").status == 0
    assert either.states() == {"deferred": 3}
    deleted = [json.loads(line) for line in either("restore", "--list", "--json").out.splitlines()]
    assert len(deleted) == 2
    assert either("restore", *(one["queue_id"] for one in deleted), "--yes").status == 0
    assert sum(either.states().values()) == MESSAGES
    assert "look" in either("audit").text


def test_a_domain_that_serve_is_told_of_later_goes_to_its_primary_too(spooled: Spooled) -> None:
    """A console that was there before would take it for down, by MX records that lead elsewhere."""
    with attach(str(spooled.backup.spool), str(spooled.backup.config)) as attached:
        router = attached.router()
        spooled.backup.config.write_text('[serve.relay]\n"new.example" = "127.0.0.1:2626"\n')
        spooled.backup.send(signal.SIGHUP)
        wait_until(lambda: spooled.backup.events("reloaded"))
        primary = router.route(["new.example"])["new.example"].primary
    assert primary is not None
    assert (primary.host, primary.port, primary.source) == ("127.0.0.1", 2626, "config")


def test_a_probe_climbs_to_the_primary_that_serve_was_told_of(either: Spooled) -> None:
    done = either("probe")
    assert done.status == 4
    assert f"127.0.0.1:{either.primary.port} (config)  down" in done.text


def test_a_flush_into_a_dead_primary_is_refused_and_into_a_living_one_followed_to_the_end(either: Spooled) -> None:
    assert either("flush", "--all", "--yes").status == 5
    looked = either("flush", "--all", "--dry-run")
    assert looked.status == 5
    assert f"flush {MESSAGES} messages" in looked.err, "what would go is told all the same"
    either.primary.up()
    done = either("flush", "from:s1@example.com", "--yes", "--json")
    assert done.status == 0, done.err
    assert (done.objects[-1]["queued"], done.objects[-1]["delivered"]) == (1, 1)
    assert "1" in numbers(either.primary)
    if either.backup.ended:
        assert numbers(either.primary) == ["1"], "what was not named was not touched"
        assert either.states() == {"deferred": MESSAGES - 1}


def test_without_serve_all_of_it_can_be_drained(spooled: Spooled) -> None:
    assert spooled.backup.stop() == 0
    spooled.primary.up()
    assert spooled("flush", "--all", "--yes").status == 0
    assert sorted(numbers(spooled.primary)) == [str(number) for number in range(MESSAGES)]
    assert spooled.states() == {}


def test_a_drain_without_serve_believes_no_refusal_at_first(spooled: Spooled) -> None:
    assert spooled.backup.stop() == 0
    spooled.primary.behave(permanent=".")
    spooled.primary.up()
    assert spooled("flush", "--all", "--yes").status == 1
    assert spooled.states() == {"deferred": 1, "hold": MESSAGES - 1}, "the canary, and what its refusal saved"
    (status,) = spooled("status", "--json").objects
    assert [alert["name"] for alert in status["alerts"]] == ["stopped", "drain_stopped"]
    spooled.primary.behave(permanent="(?!)")
    assert spooled("flush", "--all", "--yes").status == 0
    assert sorted(numbers(spooled.primary)) == [str(number) for number in range(MESSAGES)]


def test_what_was_refused_for_good_raises_an_alert_and_can_be_released(spooled: Spooled) -> None:
    assert spooled.backup.stop() == 0
    claim = Spool.open(spooled.backup.spool).claim(spooled.ids[0])
    assert claim is not None
    with claim:
        claim.move("failed", replace(claim.envelope, why="550 5.1.1 no such user"))
    (status,) = spooled("status", "--json").objects
    assert [alert["name"] for alert in status["alerts"]] == ["stopped", "primary_down", "failed"]
    assert spooled("reject", "--all", "--yes").status == 3, "no relay for notices is configured"
    spooled.primary.up()
    assert spooled("release", "state:failed|hold", "--yes").status == 0
    assert spooled("flush", "--all", "--yes").status == 0
    assert sorted(numbers(spooled.primary)) == [str(number) for number in range(MESSAGES)]
    assert spooled.states() == {}


def test_a_notice_goes_through_the_configured_relay(spooled: Spooled, primaries: Callable[[], FakePrimary]) -> None:
    relay = primaries()
    relay.down()
    with ExitStack():
        text = spooled.backup.config.read_text()
        spooled.backup.config.write_text(f'{text}\n[serve]\nnotices = "127.0.0.1:{relay.port}"\n')
        failing = spooled("reject", "from:s4@example.com", "--yes")
        assert failing.status == 1
        assert "failed: the relay for notices cannot be reached" in failing.err
        assert spooled.states() == {"deferred": MESSAGES}
        relay.up()
        assert spooled("reject", "from:s4@example.com", "--yes").status == 0
        wait_until(lambda: relay.accepted)
    (notice,) = relay.accepted
    assert (notice.sender, notice.recipients) == ("", ("s4@example.com",))
    assert spooled.states() == {"deferred": MESSAGES - 1}


def test_the_spool_that_is_configured_is_the_queue_that_is_meant(spooled: Spooled) -> None:
    text = spooled.backup.config.read_text()
    spooled.backup.config.write_text(f'{text}\n[serve]\nspool = "{spooled.backup.spool}"\n')
    argv = [sys.executable, "-m", "mxtui", "list", "--json", "--config", str(spooled.backup.config)]
    assert len(run(argv, {"XDG_CONFIG_HOME": str(spooled.backup.folder)}).objects) == MESSAGES


def test_sudo_has_nothing_to_allow_there(spooled: Spooled) -> None:
    done = spooled("sudoers")
    assert done.status == 2
    assert "the spool's user" in done.err


def test_what_failed_is_redirected_to_another_address_or_host_and_arrives(
    spooled: Spooled, primaries: Callable[[], FakePrimary]
) -> None:
    other = primaries()
    assert spooled.backup.stop() == 0
    spooled.backup.spool.joinpath(RECOVERY).unlink()  # it knows that the primary was down, and believes no refusal yet
    spooled.primary.behave(permanent="anna")
    spooled.primary.up()
    spooled.backup.start()
    wait_until(lambda: spooled.states() == {"failed": MESSAGES})
    dry = spooled("redirect", "from:s0@example.com", "--to", "info@example.org", "--dry-run")
    assert (dry.status, spooled.states()) == (0, {"failed": MESSAGES})
    assert "redirect 1 message to info@example.org" in dry.err
    for words, said in (
        (("--to", "info@elsewhere.example"), "not relayed here"),
        (("--host", f"127.0.0.1:{spooled.backup.port}"), "this backup itself"),
        ((), "redirect to what?"),
    ):
        refused = spooled("redirect", "--all", "--yes", *words)
        assert refused.status == 2
        assert said in refused.err
    done = spooled(
        "redirect", "from:s0@example.com", "--to", "info@example.org", "--yes", "--json", "--reason", "moved"
    )
    assert (done.status, done.objects[0]["to"]) == (0, "info@example.org")
    assert (done.objects[1]["result"], done.objects[1]["detail"]) == ("done", "was for anna@example.org")
    wait_until(lambda: spooled.primary.accepted)
    assert spooled.primary.accepted[0].recipients == ("info@example.org",)
    to = ("--to", "bob@elsewhere.example", "--host", f"127.0.0.1:{other.port}")
    assert spooled("redirect", "--all", "--yes", *to).status == 0
    wait_until(lambda: len(other.accepted) == MESSAGES - 1)
    wait_until(lambda: spooled.states() == {})
    assert {each.recipients for each in other.accepted} == {("bob@elsewhere.example",)}
    audit = spooled("audit").text
    assert "from:s0@example.com to info@example.org" in audit
    assert f"--all to bob@elsewhere.example through [127.0.0.1]:{other.port}" in audit


def test_redirected_without_serve_it_is_flushed_to_there_and_can_be_sent_back(
    spooled: Spooled, primaries: Callable[[], FakePrimary]
) -> None:
    assert spooled.backup.stop() == 0
    other = primaries()
    assert spooled("redirect", "--all", "--yes", "--host", f"127.0.0.1:{other.port}").status == 0
    assert spooled("redirect", "from:s1@example.com", "--back", "--yes").status == 0
    assert spooled("flush", "--all", "--yes", "--force").status == 1
    assert sorted(numbers(other)) == ["0", "2", "3", "4"]
    assert spooled.states() == {"deferred": 1}


def test_only_what_was_deleted_from_this_spool_is_listed_and_restored_to_it(spooled: Spooled, tmp_path: Path) -> None:
    assert spooled("delete", "from:s0@example.com", "--yes").status == 0
    other = tmp_path / "other"
    Spool.open(other, create=True, hostname="mx3.example.net")
    argv = [sys.executable, "-m", "mxtui", "restore", "-q", str(other), "--config", str(spooled.backup.config)]
    env = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert "no copies are kept" in run([*argv, "--list"], env).err
    (copy,) = [json.loads(line) for line in spooled("restore", "--list", "--json").out.splitlines()]
    assert run([*argv, copy["queue_id"], "--yes"], env).status == 4
    assert run([*argv, "--all", "--yes"], env).status == 0
    assert Spool.open(other).names()["deferred"] == []
    assert spooled("restore", "--all", "--yes").status == 0
    assert spooled.states() == {"deferred": MESSAGES}


def test_status_tells_what_is_to_come(spooled: Spooled) -> None:
    assert spooled.backup.stop() == 0
    (quiet,) = spooled("status", "--json", "--no-probe").objects
    assert (quiet["forecast"]["within_24h"], quiet["forecast"]["domains"]) == (0, [])
    spool = Spool.open(spooled.backup.spool)
    late, soon = (envelope(expires=time.time() + hours * 3600, to=["x@example.org"]) for hours in (20, 5))
    put(spool, late)
    put(spool, soon)
    (status,) = spooled("status", "--json", "--no-probe").objects
    forecast = status["forecast"]
    assert (forecast["within_12h"], forecast["within_24h"], forecast["full_time"]) == (1, 2, None)
    assert forecast["domains"] == [
        {
            "domain": "example.org",
            "within_12h": 1,
            "within_24h": 2,
            "return_time": None,
            "before_return": None,
            "return_reason": None,
        }
    ]
    assert spooled("suspend", "example.org", "--for", "10h", "--reason", "disks", "--yes").status == 0
    (status,) = spooled("status", "--json", "--no-probe").objects
    (domain,) = status["forecast"]["domains"]
    assert domain["before_return"] == 1
    text = spooled("status", "--no-probe").text
    assert "2 messages expire within 24 h, 1 within 12 h" in text
    assert "1 message for example.org expires before its return at" in text
