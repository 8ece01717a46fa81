"""A primary that was down, and what serve does about it by itself: settling, a drain under guard, and left alone."""

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mxtui.demo.primary import FakePrimary
from mxtui.drains import FOLDER, Drains
from mxtui.model.drain.standing import Standing
from mxtui.model.recovery import Recovery
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
settle = "{settle}"
again = "{again}"
"""

Start = Callable[..., Serve]


@pytest.fixture
def serve(tmp_path: Path, primary: FakePrimary) -> Iterator[Start]:
    """A serve for example.org, whose primary is down, with so many messages that wait."""
    with ExitStack() as stack:

        def make(messages: int, *, settle: str = "0s", again: str = "1d", more: str = "") -> Serve:
            primary.down()
            settings = SETTINGS.format(folder=tmp_path, settle=settle, again=again) + more
            made = Serve(tmp_path, {"example.org": primary.port}, "--standby", "off", settings=settings)
            stack.push(made)
            made.start()
            wait_until(lambda: of(made).word == "down", what=made.text)
            send(made, range(messages))
            return made

        yield make


def send(backup: Serve, which: "range") -> None:
    for number in which:
        backup.send_mail("anna@example.org", marked(number))


def of(backup: Serve) -> Recovery:
    """How its primary stands."""
    found = backup.state().recovering
    return found[0] if found else Recovery("", ())


def standing(backup: Serve) -> Standing | None:
    """The latest drain of its spool."""
    return Drains(str(backup.spool), backup.spool / FOLDER).standing()


def argv(backup: Serve, verb: str, *words: str) -> list[str]:
    return [sys.executable, "-m", "mxtui", verb, "-q", str(backup.spool), "--config", str(backup.config), *words]


def mxtui(backup: Serve, verb: str, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(argv(backup, verb, *words), capture_output=True, text=True, check=False)


def delivered(primary: FakePrimary) -> "Counter[str]":
    return Counter(numbers(primary))


def alerts(backup: Serve) -> dict[str, str]:
    said = json.loads(mxtui(backup, "status", "--json").stdout)
    return {alert["name"]: alert["text"] for alert in said["alerts"]}


def test_it_settles_first_and_then_all_of_it_goes_under_guard_as_any_drain(serve: Start, primary: FakePrimary) -> None:
    backup = serve(30, settle="2s")
    primary.up()
    wait_until(lambda: of(backup).word == "settling")
    wait_until(lambda: backup.state().state == "settling")
    assert backup.state().words(of(backup).until - 80.0).endswith("settling, 1m20s left")  # type: ignore[operator]
    send(backup, range(30, 33))
    assert len(primary.accepted) <= 1, "but for one that found it up before the checks did, it gets its time"
    wait_until(lambda: not backup.state().recovering, what=backup.text)
    wait_until(lambda: len(primary.accepted) == 33)
    assert set(delivered(primary).values()) == {1}
    drained = standing(backup)
    assert drained is not None
    assert drained.progress is not None
    assert (drained.operator, drained.selection, drained.progress.phase) == ("serve", "domain:example.org", "done")
    assert drained.progress.delivered >= 32
    assert "canary" in [passed.phase for passed in drained.phases]


def test_mail_that_comes_while_it_drains_goes_with_it(serve: Start, primary: FakePrimary) -> None:
    backup = serve(60)
    primary.behave(delay=0.1)
    primary.up()
    wait_until(lambda: of(backup).word == "draining" and len(primary.accepted) >= 3)
    send(backup, range(1000, 1003))
    wait_until(lambda: {"1000", "1001", "1002"} <= set(numbers(primary)))
    assert len(primary.accepted) < 63, "not behind all that waited"
    wait_until(lambda: len(primary.accepted) == 63)
    assert set(delivered(primary).values()) == {1}


def test_one_that_refuses_is_stopped_held_alarmed_and_left_alone_also_after_a_restart(
    serve: Start, primary: FakePrimary
) -> None:
    backup = serve(20)
    primary.behave(permanent=".*")
    primary.up()
    wait_until(lambda: of(backup).word == "stopped", what=backup.text)
    assert Counter({state: len(ids) for state, ids in backup.spooled().items()}) == {"hold": 19, "deferred": 1}
    text = alerts(backup)["drain_stopped"]
    assert "the canary" in text
    assert "mxtui flush domain:example.org" in text
    assert backup.state().state == "drain stopped"
    send(backup, range(20, 22))
    assert backup.stop() == 0
    backup.start()
    wait_until(lambda: of(backup).word == "stopped" and backup.events("primary") >= 3, what=backup.text)
    asked = primary.connections
    wait_until(lambda: primary.connections >= asked + 2, what="it is checked, and nothing else")
    assert Counter({state: len(ids) for state, ids in backup.spooled().items()}) == {"hold": 19, "deferred": 3}
    assert not primary.accepted


def test_after_a_long_time_its_guard_is_asked_once_more(serve: Start, primary: FakePrimary) -> None:
    backup = serve(5, again="2s")
    primary.behave(permanent=".*")
    primary.up()
    wait_until(lambda: of(backup).word == "stopped", what=backup.text)
    primary.behave(permanent="^nobody@")
    send(backup, range(5, 7))
    wait_until(lambda: len(delivered(primary)) == 7, what=backup.text)
    assert set(delivered(primary).values()) == {1}, "what it held went, too"
    wait_until(lambda: not backup.state().recovering)


def test_what_an_operator_releases_goes_under_the_guard_at_once(serve: Start, primary: FakePrimary) -> None:
    backup = serve(5)
    primary.behave(permanent=".*")
    primary.up()
    wait_until(lambda: of(backup).word == "stopped", what=backup.text)
    primary.behave(permanent="^nobody@")
    assert mxtui(backup, "release", "--all", "--yes").returncode in (0, 1)
    wait_until(lambda: len(primary.accepted) == 5, what=backup.text)
    wait_until(lambda: not backup.state().recovering)


def test_one_that_goes_away_again_has_nothing_held_and_all_of_it_later(serve: Start, primary: FakePrimary) -> None:
    backup = serve(60)
    primary.behave(delay=0.1)
    primary.up()
    wait_until(lambda: len(primary.accepted) >= 10)
    primary.down()
    wait_until(lambda: of(backup).word == "down", what=backup.text)
    wait_until(lambda: (found := standing(backup)) is not None and not found.running)
    assert "hold" not in backup.spooled()
    assert "down again" in mxtui(backup, "drain").stdout
    primary.up()
    wait_until(lambda: len(delivered(primary)) == 60, what=backup.text)
    wait_until(lambda: not backup.state().recovering)
    assert backup.spooled() == {}


def test_a_restart_goes_on_with_settling_and_with_what_was_draining(serve: Start, primary: FakePrimary) -> None:
    backup = serve(40, settle="1s")
    primary.behave(delay=0.1)
    primary.up()
    wait_until(lambda: of(backup).word == "settling")
    assert backup.stop() == 0
    backup.start()
    wait_until(lambda: len(primary.accepted) >= 10, what=backup.text)
    assert of(backup).word == "draining"
    assert backup.stop() == 0
    found = standing(backup)
    assert found is not None
    assert found.progress is not None
    assert "serve is being stopped" in found.progress.why
    assert set(delivered(primary).values()) == {1}
    backup.start()
    wait_until(lambda: len(primary.accepted) == 40, what=backup.text)
    assert set(delivered(primary).values()) == {1}
    wait_until(lambda: not backup.state().recovering)


def test_killed_while_it_drains_the_next_one_goes_on(serve: Start, primary: FakePrimary) -> None:
    backup = serve(40)
    primary.behave(delay=0.1)
    primary.up()
    wait_until(lambda: len(primary.accepted) >= 10)
    backup.send(signal.SIGKILL)
    backup.running.wait()
    backup.start()
    assert of(backup).word != "well"
    wait_until(lambda: len(delivered(primary)) == 40, what=backup.text)
    wait_until(lambda: backup.spooled() == {})


def test_an_operator_who_flushes_while_it_settles_takes_over(serve: Start, primary: FakePrimary) -> None:
    backup = serve(20, settle="1h")
    primary.up()
    wait_until(lambda: of(backup).word == "settling")
    flushed = mxtui(backup, "flush", "--all", "--yes")
    assert flushed.returncode == 0, flushed.stderr + backup.text
    assert len(primary.accepted) == 20
    wait_until(lambda: not backup.state().recovering, what=backup.text)
    send(backup, range(20, 21))
    wait_until(lambda: len(primary.accepted) == 21)


def test_an_operator_who_stops_his_own_drain_is_not_followed_by_one_of_serve(
    serve: Start, primary: FakePrimary
) -> None:
    backup = serve(60, settle="5s")
    primary.up()
    wait_until(lambda: of(backup).word == "settling")
    primary.behave(delay=0.5)
    with subprocess.Popen(argv(backup, "flush", "--all", "--yes"), stdout=subprocess.DEVNULL) as flush:
        wait_until(lambda: len(primary.accepted) >= 2)
        assert of(backup).drained_by_hand
        assert mxtui(backup, "drain", "stop").returncode == 0
        flush.communicate(timeout=60)
    wait_until(lambda: of(backup).word == "stopped", what=backup.text)
    assert (of(backup).why, of(backup).drained_by_hand) == ("stopped by an operator", False)
    assert "stopped by an operator" in alerts(backup)["drain_stopped"]
    primary.behave(delay=0.0)
    assert mxtui(backup, "flush", "--all", "--yes").returncode == 0
    wait_until(lambda: not backup.state().recovering)
    assert len(delivered(primary)) == 60


def test_an_operator_who_flushes_while_it_drains_is_shown_that_and_may_stop_it(
    serve: Start, primary: FakePrimary
) -> None:
    backup = serve(100)
    primary.behave(delay=2.0)
    primary.up()
    wait_until(lambda: len(primary.accepted) >= 2)
    refused = mxtui(backup, "flush", "--all", "--yes")
    assert refused.returncode == 5
    assert "a drain of this queue is running already, started by serve" in refused.stderr
    assert mxtui(backup, "drain", "stop").returncode == 0
    wait_until(lambda: of(backup).word == "stopped", what=backup.text)
    assert of(backup).why == "stopped by an operator"
    assert "hold" not in backup.spooled()
    primary.behave(delay=0.0)
    assert mxtui(backup, "flush", "--all", "--yes").returncode == 0
    wait_until(lambda: not backup.state().recovering)
    assert len(delivered(primary)) == 100


def test_a_suspended_domain_is_not_drained_to_until_it_is_resumed(serve: Start, primary: FakePrimary) -> None:
    backup = serve(10)
    assert mxtui(backup, "suspend", "example.org", "--reason", "not now", "--yes").returncode == 0
    primary.up()
    wait_until(lambda: of(backup).word == "due", what=backup.text)
    assert not primary.accepted
    assert mxtui(backup, "resume", "example.org", "--yes").returncode == 0
    wait_until(lambda: len(primary.accepted) == 10, what=backup.text)


def test_where_no_drain_can_be_registered_mail_is_delivered_all_the_same_but_not_at_once(
    serve: Start, primary: FakePrimary
) -> None:
    backup = serve(5)
    (backup.spool / FOLDER).write_text("in the way")
    primary.up()
    wait_until(lambda: len(primary.accepted) == 5, what=backup.text)
    assert (backup.events("drain_failed"), backup.events("not_drained")) == (5, 1)
    assert "without a canary or a guard: no drain can be registered" in alerts(backup)["not_drained"]
