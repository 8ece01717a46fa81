"""`mxtui check` as a monitoring system runs it: judged by exit status and by its one line, which is parsed strictly."""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from mxtui.certificates import expiry_of
from mxtui.cli.attach import ONE_LOOK, attach
from mxtui.demo.postfix import PrivatePostfix
from mxtui.demo.primary import FakePrimary
from mxtui.queues.postfix.layout import read_layout
from tests.cli.running import Done, Mxtui, run
from tests.primary.servers import certificate
from tests.queues.postfix.acting import QUIET
from tests.support.ageing import set_back
from tests.support.waiting import wait_until

HOUR = 3600

# -- a runner as the guidelines have it ----------------------------------------------------------------------------

_RANGE = r"@?(?:(?:~|-?\d+(?:\.\d+)?)?:)?(?:-?\d+(?:\.\d+)?)?"
_FIGURE = re.compile(
    rf"(?P<label>'[^'=]+'|[^\s'=]+)=(?P<value>-?\d+(?:\.\d+)?|U)(?P<unit>s|us|ms|%|B|KB|MB|TB|c|)"
    rf"(?:;(?P<warning>{_RANGE}))?(?:;(?P<critical>{_RANGE}))?(?:;(?P<least>-?\d+(?:\.\d+)?)?)?(?:;(?P<most>-?\d+)?)?"
)
_WORDS = {0: "OK", 1: "WARNING", 2: "CRITICAL", 3: "UNKNOWN"}


@dataclass(frozen=True)
class Parsed:
    """What a monitoring system makes of a plugin's line."""

    text: str
    figures: dict[str, tuple[str, str, str]]
    """Value with unit, warning and critical range, by label."""


def parsed(done: Done) -> Parsed:
    """Raises AssertionError for what a monitoring system would stumble over."""
    assert done.status in _WORDS, done
    (line,) = done.text.splitlines()
    assert len(line) < 4096
    assert line.isprintable()
    head, bar, data = line.partition(" | ")
    assert line.count("|") == bool(bar), "a bar begins performance data, and nothing else"
    assert head.startswith(f"MXTUI {_WORDS[done.status]} - ")
    figures = {}
    for word in data.split():
        found = _FIGURE.fullmatch(word)
        assert found is not None, word
        figures[found["label"]] = (
            found["value"] + found["unit"],
            found["warning"] or "",
            found["critical"] or "",
        )
    return Parsed(head.partition(" - ")[2], figures)


# -- a Postfix -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def primary() -> Iterator[FakePrimary]:
    with FakePrimary() as primary:
        yield primary


@pytest.fixture(scope="module")
def instance(folder: Path, servers: ExitStack, primary: FakePrimary) -> PrivatePostfix:
    """With three messages, an hour old, for a primary that is down."""
    routes = {"example.org": primary.port}
    postfix = servers.enter_context(
        PrivatePostfix(folder / "postfix", routes=routes, settings=QUIET, long_queue_ids=True)
    )
    primary.down()
    ids = postfix.inject("s@example.com", ["anna@example.org"], count=3)
    layout = read_layout(postfix.config_directory)
    deferred = postfix.queue_directory / "deferred"
    wait_until(lambda: sum(path.name in ids for path in deferred.rglob("*")) == 3, what="deferred")
    for queue_id in ids:
        set_back(layout, queue_id, HOUR)
    return postfix


@pytest.fixture
def mxtui(instance: PrivatePostfix, tmp_path: Path) -> Mxtui:
    return Mxtui(instance, tmp_path)


def test_without_thresholds_the_alerts_decide(mxtui: Mxtui) -> None:
    done = mxtui("check")
    said = parsed(done)
    assert done.status == 2
    assert said.text.startswith("3 messages queued, the oldest for 1h 00m; example.org: 127.0.0.1 refuses connections")
    assert said.figures["depth"] == ("3", "", "")
    assert said.figures["criticals"][0] == "1"


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ((), 0),
        (("-w", "depth=2"), 1),
        (("-w", "depth=3"), 0),
        (("-c", "depth=2"), 2),
        (("-w", "depth=1", "-c", "depth=2"), 2),
        (("-w", "depth=1", "-c", "depth=5"), 1),
        (("-w", "depth=4:"), 1),
        (("-w", "depth=@1:5"), 1),
        (("-w", "depth=@4:5"), 0),
        (("-w", "age=30m"), 1),
        (("-w", "age=2h"), 0),
        (("-c", "age=1800"), 2),
        (("-w", "expiry=12h"), 0),
        (("-w", "expiry=5d"), 1),
        (("-c", "expiry=~:1d"), 2),
        (("-w", "held=0"), 0),
        (("-w", "held=1:"), 1),
        (("-w", "depth=100 age=30m", "-c", "age=3h,held=7"), 1),
        (("--warning", "depth=100", "--warning", "age=30m"), 1),
    ],
)
def test_exit_status_by_ranges(mxtui: Mxtui, words: tuple[str, ...], status: int) -> None:
    done = mxtui("check", "--no-alerts", "--no-probe", *words)
    parsed(done)
    assert done.status == status


def test_ranges_are_in_the_performance_data_in_base_units(mxtui: Mxtui) -> None:
    words = ("-w", "depth=1000,age=30m,expiry=12h,held=5", "-c", "depth=@10:20,age=2h,expiry=4h,held=~:50")
    figures = parsed(mxtui("check", "--no-alerts", "--no-probe", *words)).figures
    assert figures["depth"] == ("3", "1000", "@10:20")
    assert figures["age"][1:] == ("1800", "7200")
    assert re.fullmatch(r"36\d\ds", figures["age"][0])
    assert figures["expiry"][1:] == ("43200:", "14400:")
    assert figures["held"] == ("0", "5", "~:50")


@pytest.mark.parametrize(
    "words",
    [
        ("-w", "depth"),
        ("-w", "width=3"),
        ("-w", "depth=3s"),
        ("-w", "age=fortnight"),
        ("-c", "depth=20:10"),
        ("-c", "depth="),
        ("--no-such-option",),
        ("-t", "never"),
        ("--config", "/nowhere/mxtui.toml"),
    ],
)
def test_what_makes_no_sense_is_unknown_and_no_alarm(mxtui: Mxtui, words: tuple[str, ...]) -> None:
    done = mxtui("check", *words)
    parsed(done)
    assert done.status == 3


@pytest.mark.parametrize("words", [("check", "-q", "/nowhere"), ("-q", "/a", "-q", "/b", "check"),
                                   ("check", "-q", "/a", "-q", "/b")])  # fmt: skip
def test_neither_no_queue_nor_two_are_an_alarm(words: tuple[str, ...]) -> None:
    done = run([sys.executable, "-m", "mxtui", *words])
    said = parsed(done).text
    assert done.status == 3
    assert ("2 are named" in said) == (words.count("-q") == 2)


def test_help_is_no_check(mxtui: Mxtui) -> None:
    assert mxtui("check", "--help").status == 0


def test_an_acknowledged_alert_no_longer_counts(mxtui: Mxtui) -> None:
    assert mxtui("check").status == 2
    done = mxtui("ack", "primary_down", "example.org", "--reason", "the hall is dark", "--for", "2h")
    assert done.status == 0, done.err
    done = mxtui("check")
    assert (done.status, parsed(done).text.endswith("; 1 acknowledged")) == (0, True)
    (alert,) = mxtui("alerts", "--json").objects
    assert (alert["name"], alert["acknowledged"]["reason"]) == ("primary_down", "the hall is dark")
    (act, *_) = mxtui("audit", "--json").objects
    assert (act["verb"], act["reason"]) == ("acknowledge", "the hall is dark")
    assert mxtui("ack", "primary_down", "--withdraw", "--reason", "it is bright").status == 0
    assert mxtui("check").status == 2
    assert mxtui("ack", "primary_down", "--reason", "dark again").status == 0
    assert mxtui("ack", "primary_down", "--withdraw").status == 0, "to take it back needs no reason"
    assert mxtui("check").status == 2


def test_where_nobody_looks_at_the_primary_its_alert_is_not_over(mxtui: Mxtui) -> None:
    assert mxtui("check").status == 2
    assert mxtui("check", "--no-probe").status == 2
    (alert,) = mxtui("alerts", "--no-probe", "--json").objects
    assert (alert["name"], "resolved" in alert) == ("primary_down", False)


def test_a_primary_that_fails_once_is_asked_again_before_it_is_down(mxtui: Mxtui, primary: FakePrimary) -> None:
    primary.up()
    try:
        assert mxtui("check").status == 0
        primary.behave(close="EHLO")
        before = primary.connections
        with subprocess.Popen(mxtui.argv("check"), stdout=subprocess.DEVNULL) as check:
            wait_until(lambda: primary.connections > before)
            primary.behave(close="")
            assert check.wait(30) == 0
        primary.down()
        assert mxtui("check").status == 2
    finally:
        primary.behave(close="")
        primary.down()


def test_metrics_know_since_when_a_primary_is_up(mxtui: Mxtui, primary: FakePrimary) -> None:
    def since() -> str:
        said = mxtui("metrics").text
        (found,) = re.findall(
            r'^mxtui_primary_up_since_timestamp_seconds\{domain="example.org"\} (\S+)$', said, re.MULTILINE
        )
        return str(found)

    primary.up()
    try:
        assert since() == since()
    finally:
        primary.down()


def test_status_tells_of_primaries_that_nothing_waits_for(
    instance: PrivatePostfix, primary: FakePrimary, tmp_path: Path
) -> None:
    mxtui = Mxtui(instance, tmp_path, f'[primaries]\n"quiet.example" = "127.0.0.1:{primary.port}"')
    (status,) = mxtui("status", "--json").objects
    assert [each["domain"] for each in status["domains"]] == ["example.org"]
    assert ("primary_down", "quiet.example") in {(each["name"], each["domain"]) for each in status["alerts"]}


def test_what_is_not_there_cannot_be_acknowledged(mxtui: Mxtui) -> None:
    done = mxtui("ack", "disk", "--reason", "known")
    assert (done.status, "There is: primary_down" in done.err) == (2, True)
    assert mxtui("ack", "primary_down").status == 2, "nobody said why"


def test_it_is_quick_the_second_time_and_right_after_a_change(mxtui: Mxtui, instance: PrivatePostfix) -> None:
    assert parsed(mxtui("check", "--no-probe")).figures["depth"][0] == "3"
    cache = next((mxtui.folder / "state").rglob("count.cache"))
    cache.write_bytes(b"noise")
    assert parsed(mxtui("check", "--no-probe")).figures["depth"][0] == "3"
    assert cache.stat().st_size > 100


def test_without_a_place_for_its_memory_it_says_so(mxtui: Mxtui) -> None:
    (mxtui.folder / "state").write_text("in the way")
    done = mxtui("check", "--no-probe")
    assert (done.status, "state cannot be kept" in parsed(done).text) == (1, True)


def test_it_does_not_hang(mxtui: Mxtui, instance: PrivatePostfix) -> None:
    layout = read_layout(instance.config_directory)
    pipe = layout.queue_directory / "hold" / "A1B2C3D4E5"
    began = time.monotonic()
    try:
        pipe.mkdir()
        assert parsed(mxtui("check", "--no-probe", "-t", "20")).figures
    finally:
        pipe.rmdir()
    assert time.monotonic() - began < 20


def test_who_is_told_gets_no_more_than_the_time_that_is_left(mxtui: Mxtui) -> None:
    (mxtui.folder / "tell").write_text("#!/bin/sh\nsleep 600\n")
    (mxtui.folder / "tell").chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        settings = f"""[notify]
            command = ["{mxtui.folder}/tell"]
            to = "page@example.net"
            relay = "127.0.0.1:{nobody.getsockname()[1]}"
            timeout = "10m"
            after = "1s"
            """
        mxtui.config.write_text(mxtui.config.read_text() + settings)
        began = time.monotonic()
        while "could not be told" not in (said := parsed(mxtui("check", "--notify", "-t", "4")).text):
            assert time.monotonic() - began < 20, said
    assert "could not be told by command" in said
    assert "could not be told by mail" in said


def test_a_primary_that_is_slow_to_greet_is_seen_up(mxtui: Mxtui, primary: FakePrimary) -> None:
    primary.behave(banner_delay=ONE_LOOK + 0.5)
    primary.up()
    try:
        said = parsed(mxtui("check")).text
    finally:
        primary.down()
        primary.behave(banner_delay=0.0)
    assert "not checked in time" not in said
    (memory,) = (mxtui.folder / "state").rglob("memory.json")
    assert json.loads(memory.read_bytes())["domains"]["example.org"]["up_since"] is not None


def test_primaries_that_nobody_had_time_for_are_told_of(mxtui: Mxtui, primary: FakePrimary) -> None:
    primary.behave(banner_delay=600.0)
    primary.up()
    try:
        said = parsed(mxtui("check", "-t", "4")).text
    finally:
        primary.down()
        primary.behave(banner_delay=0.0)
    assert "1 primary not checked in time" in said


HANGS = """
import threading
from concurrent.futures import ThreadPoolExecutor
from mxtui.cli import check
from mxtui.errors import MxtuiError

def hang(*_, **__):
    ThreadPoolExecutor(1).submit(threading.Event().wait)
    while True:
        try:
            try:
                threading.Event().wait()
            finally:
                threading.Event().wait()
        except (MxtuiError, OSError):
            pass

check.check = hang
check.check_command()
"""
"""What takes every error for a part's own, is slow to end, and leaves a thread that never does."""


def test_it_ends_in_time_whatever_hangs(mxtui: Mxtui) -> None:
    began = time.monotonic()
    words = mxtui.argv("check", "-t", "1")[4:]
    done = run([sys.executable, "-c", HANGS, *words])
    assert (done.status, parsed(done).text) == (3, "no answer within 1 s. See --timeout.")
    assert time.monotonic() - began < 15


def test_a_stopped_mail_system_is_critical(folder: Path, need_postfix: None, tmp_path: Path) -> None:
    stopped = PrivatePostfix(folder / "stopped", settings=QUIET)
    stopped.create()
    done = Mxtui(stopped, tmp_path)("check")
    assert (done.status, "the mail system is stopped" in parsed(done).text) == (2, True)


def test_postfix_s_own_certificate_is_watched(folder: Path, need_postfix: None, tmp_path: Path) -> None:
    instance = PrivatePostfix(folder / "certified", settings=QUIET)
    instance.create()
    _, file = certificate(tmp_path, "mx2.example.net", days=2)
    with (instance.config_directory / "main.cf").open("a") as main:
        main.write(f"smtpd_tls_chain_files = {file}\n")
    config = tmp_path / "mxtui.toml"
    config.write_text(f'state = "{tmp_path}/state"\n')
    with attach(str(instance.config_directory), str(config)) as attached:
        assert attached.facts().certificate == expiry_of(file)


def test_a_queue_that_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    done = run([sys.executable, "-m", "mxtui", "check", "-q", str(tmp_path)])
    parsed(done)
    assert done.status == 3
