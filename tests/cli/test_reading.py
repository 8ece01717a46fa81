"""`status`, `list` and `show`, beside what Postfix's own programs say of the same queue."""

import json
import os
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from mxtui.demo.postfix import PrivatePostfix
from mxtui.demo.primary import FakePrimary
from mxtui.model.age import BUCKET_MINUTES
from tests.cli.milter import Milter
from tests.cli.running import Mxtui, postfix_says
from tests.end_to_end.terminal import Terminal
from tests.queues.postfix.acting import QUIET, layout_of, settled, state
from tests.support.ageing import set_back

pytestmark = pytest.mark.postfix

FROM = "sender@example.com"
TO = ["info@example.org"]

VARIED: dict[str, tuple[str, list[str], bytes, list[str]]] = {
    "plain": (FROM, TO, b"Subject: plain\n\nbody\n", []),
    "multi-recipient": (
        FROM,
        [f"user{n}@{domain}" for n in range(40) for domain in ("example.org", "b.example")],
        b"Subject: many\n\nbody\n",
        [],
    ),
    "null sender": ("", TO, b"Subject: a notice\n\nbody\n", []),
    "smtputf8": (
        "süd@example.com",
        ["fü@example.org"],
        "Subject: grüße\n\nkörper\n".encode(),
        ["SMTPUTF8", "BODY=8BITMIME"],
    ),
    "8-bit": (FROM, ["info@b.example"], b"Subject: caf\xe9\n\n\xff\xfe\x80\n", ["BODY=8BITMIME"]),
    "large": (FROM, TO, b"Subject: large\n\n" + b"0123456789abcde\n" * 70_000, []),
    "long lines": (FROM, TO, b"Subject: long\nX-Long: " + b"x" * 5000 + b"\n\n" + b"y" * 9000 + b"\n\n.\n..\n", []),
    "quoted address": ('"a b"@example.com', ['"c d"@b.example'], b"Subject: quoted\n\nbody\n", []),
    "no header": (FROM, TO, b"\nbody only\n", []),
    "delivered to one of two": (FROM, ["done@slow.example", "todo@example.org"], b"Subject: half\n\nbody\n", []),
    "milter-edited": (
        FROM,
        ["kept@example.org", "removed@example.org"],
        b"Subject: short\nX-Edit: yes\n\nbody\n",
        [],
    ),
}

Varied = tuple[PrivatePostfix, dict[str, str]]
"""A queue, and what is in it: kind → queue ID."""


@pytest.fixture(scope="module")
def varied(folder: Path, servers: ExitStack) -> Varied:
    """Varied mail: deferred, on hold, and one message in delivery for as long as the tests last."""
    primary, slow = servers.enter_context(FakePrimary()), servers.enter_context(FakePrimary())
    primary.down()
    milter = servers.enter_context(Milter())
    routes = {"example.org": primary.port, "b.example": primary.port, "slow.example": slow.port}
    settings = {**QUIET, "smtpd_milters": f"inet:127.0.0.1:{milter.port}"}
    instance = servers.enter_context(PrivatePostfix(folder / "postfix", routes=routes, settings=settings))
    ids = {
        kind: instance.inject(sender, recipients, content, mail_options=options)[0]
        for kind, (sender, recipients, content, options) in VARIED.items()
    }
    ids["held"] = instance.inject(FROM, TO, b"Subject: held\n\nbody\n")[0]
    layout = layout_of(instance)
    settled(layout, ids.values(), "deferred")
    postfix_says(instance, "postsuper", "-h", ids["held"])
    for minutes, queue_id in zip((0, 7, 14, 28, 63, 112, 252, 448, 1000, 1300, 2000, 7), ids.values(), strict=True):
        set_back(layout, queue_id, 60 * minutes)
    slow.behave(delay=600)
    ids["in delivery"] = instance.inject(FROM, ["info@slow.example"], b"Subject: slow\n\nbody\n")[0]
    settled(layout, [ids["in delivery"]], "active")
    return instance, ids


@pytest.fixture(scope="module")
def mxtui(varied: Varied, folder: Path) -> Mxtui:
    return Mxtui(varied[0], folder)


def test_list_agrees_with_postqueue_field_by_field(varied: Varied, mxtui: Mxtui) -> None:
    instance, ids = varied
    told = {each["queue_id"]: each for each in map(_in_order, _postqueue(instance))}
    listed = {each["queue_id"]: each for each in map(_in_order, mxtui("list", "--json").objects)}
    assert set(listed) == set(ids.values())
    for kind, queue_id in ids.items():
        assert {name: listed[queue_id][name] for name in told[queue_id]} == told[queue_id], kind
    ours = {"next_retry_time", "expire_time", "client_address", "subject"}
    assert all(set(listed[queue_id]) == set(told[queue_id]) | ours for queue_id in told)


def _postqueue(instance: PrivatePostfix) -> list[dict[str, Any]]:
    return [json.loads(line) for line in postfix_says(instance, "postqueue", "-j").splitlines()]


def _in_order(message: dict[str, Any]) -> dict[str, Any]:
    """Recipients by address, and of each only what postqueue(1) tells too."""
    known = [{name: one[name] for name in ("address", "delay_reason") if name in one} for one in message["recipients"]]
    return {**message, "recipients": sorted(known, key=lambda one: str(one["address"]))}


def test_list_tells_what_scripts_need_beyond_postqueue(varied: Varied, mxtui: Mxtui) -> None:
    _, ids = varied
    listed = {each["queue_id"]: each for each in mxtui("list", "--json", "--subjects").objects}
    many = listed[ids["multi-recipient"]]
    assert {(one["domain"], one["dsn"]) for one in many["recipients"]} == {
        ("example.org", "4.4.1"),
        ("b.example", "4.4.1"),
    }
    assert many["expire_time"] - many["arrival_time"] == pytest.approx(5 * 86400, abs=1)
    assert many["next_retry_time"] > time.time()
    assert many["client_address"] == "127.0.0.1"
    assert listed[ids["smtputf8"]]["subject"] == "grüße"
    assert listed[ids["null sender"]]["sender"] == "MAILER-DAEMON"
    assert listed[ids["milter-edited"]]["subject"].startswith("a subject that is longer")
    assert listed[ids["milter-edited"]]["sender"] == "edited@example.com"
    assert [one["address"] for one in listed[ids["milter-edited"]]["recipients"]] == [
        "kept@example.org",
        "added@b.example",
    ]
    assert [one["address"] for one in listed[ids["delivered to one of two"]]["recipients"]] == ["todo@example.org"]


def test_status_agrees_with_qshape_bucket_by_bucket(varied: Varied, mxtui: Mxtui) -> None:
    instance, _ = varied
    printed = postfix_says(instance, "qshape", "incoming", "active", "deferred", "hold").decode().splitlines()
    (status,) = mxtui("status", "--json", "--no-probe").objects
    assert printed[0].split() == ["T", *map(str, status["age_bucket_minutes"]), f"{BUCKET_MINUTES[-1]}+"]
    shaped = {name: [int(count) for count in counts] for name, *counts in map(str.split, printed[1:])}
    total = shaped.pop("TOTAL")
    assert {row["domain"]: [row["recipients"], *row["age_buckets"]] for row in status["domains"]} == shaped
    assert status["queue"]["recipients"] == total[0]
    assert sum(count > 0 for count in total[1:]) == 10, "every bucket is in use"


def test_status_has_the_documented_shape(varied: Varied, mxtui: Mxtui) -> None:
    instance, ids = varied
    (status,) = mxtui("status", "--json").objects
    documented = ["source", "taken_at", "stale", "queue", "age_bucket_minutes", "domains", "alerts", "forecast"]
    assert list(status) == documented
    assert list(status["forecast"]) == [
        "within_12h", "within_24h", "domains", "full_time", "full",
        "drain_seconds", "drain_per_second", "drain_rate_of",
    ]  # fmt: skip
    assert status["source"] == {
        "kind": "postfix",
        "name": instance.hostname,
        "path": str(instance.queue_directory),
        "version": postfix_says(instance, "postconf", "-h", "mail_version").decode().strip(),
    }
    assert status["stale"] is False
    assert set(status["queue"]) == {"messages", "recipients", "bytes", "oldest_arrival_time", "states"}
    assert status["queue"]["messages"] == len(ids)
    assert status["queue"]["states"] == {"active": 1, "deferred": len(ids) - 2, "hold": 1}
    for row in status["domains"]:
        assert set(row) == {
            "domain", "messages", "recipients", "bytes", "states", "age_buckets", "oldest_arrival_time",
            "next_expire_time", "top_reason", "primary", "hold",
        }  # fmt: skip
        assert set(row["primary"]) == {"host", "port", "source", "state", "since", "rung", "detail", "latency_ms"}
    by_name = {row["domain"]: row for row in status["domains"]}
    assert by_name["example.org"]["primary"]["state"] == "down"
    assert by_name["slow.example"]["primary"]["state"] == "up"
    assert by_name["slow.example"]["primary"]["source"] == "transport"
    assert by_name["slow.example"]["top_reason"] is None
    assert set(by_name["example.org"]["top_reason"]) == {"text", "messages"}
    assert [row["messages"] for row in status["domains"]] == sorted(
        (row["messages"] for row in status["domains"]), reverse=True
    )
    assert {tuple(alert) for alert in status["alerts"]} == {("name", "severity", "domain", "text", "since")}


@pytest.mark.parametrize("kind", [*VARIED, "held", "in delivery"])
def test_raw_source_is_what_postcat_prints_byte_by_byte(varied: Varied, mxtui: Mxtui, kind: str) -> None:
    instance, ids = varied
    shown = mxtui("show", "--raw", ids[kind])
    assert (shown.status, shown.err) == (0, "")
    assert shown.out == postfix_says(instance, "postcat", "-qbh", ids[kind])


def test_a_message_saved_is_the_same_and_its_owners_alone(varied: Varied, mxtui: Mxtui, tmp_path: Path) -> None:
    instance, ids = varied
    file = tmp_path / "message.eml"
    assert mxtui("show", "--eml", str(file), ids["milter-edited"]).status == 0
    assert file.read_bytes() == postfix_says(instance, "postcat", "-qbh", ids["milter-edited"])
    assert file.stat().st_mode & 0o777 == 0o600
    again = mxtui("show", "--eml", str(file), ids["plain"])
    assert again.status != 0, "nothing is overwritten"
    assert str(file) in again.err


def test_a_message_is_laid_open_for_eyes(varied: Varied, mxtui: Mxtui) -> None:
    shown = mxtui("show", varied[1]["milter-edited"]).text
    assert "from     edited@example.com" in shown
    assert "to       added@b.example" in shown
    assert "X-First: inserted above everything" in shown
    assert "Connection refused" in shown


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        (["from:<>"], {"null sender"}),
        (["-from:*@example.com"], {"null sender"}),
        (["domain:slow.example"], {"in delivery"}),
        (["state:hold", "or", "state:active"], {"held", "in delivery"}),
        (["size>1M"], {"large"}),
        (["recipients>10"], {"multi-recipient"}),
        (["subject:grüße"], {"smtputf8"}),
        (["age>30h"], {"milter-edited"}),
    ],
)
def test_a_filter_names_messages(varied: Varied, mxtui: Mxtui, words: list[str], kinds: set[str]) -> None:
    listed = mxtui("list", "--json", *words)
    assert listed.status == 0, listed.err
    assert {each["queue_id"] for each in listed.objects} == {varied[1][kind] for kind in kinds}


def test_a_filter_and_its_negation_part_the_queue(varied: Varied, mxtui: Mxtui) -> None:
    null = {each["queue_id"] for each in mxtui("list", "--json", "from:<>").objects}
    others = {each["queue_id"] for each in mxtui("list", "--json", "-from:<>").objects}
    assert null | others == set(varied[1].values())
    assert not null & others
    assert null == {varied[1]["null sender"]}


def test_the_oldest_come_first_and_a_limit_cuts(varied: Varied, mxtui: Mxtui) -> None:
    everything = [each["queue_id"] for each in mxtui("list", "--json").objects]
    assert everything[0] == varied[1]["milter-edited"]
    limited = mxtui("list", "--json", "--limit", "3")
    assert [each["queue_id"] for each in limited.objects] == everything[:3]


@pytest.mark.parametrize(
    ("words", "column", "expected"),
    [
        (["age>"], 4, "a duration"),
        (["domain:example.org", "or"], 21, "a word such as"),
        (["size>1M", "attempts>many"], 17, "a number"),
        (["doman:example.org"], 0, "domain:"),
        (["(state:hold"], 0, "parenthesis"),
        (["id:-x"], 3, "queue ID"),
    ],
)
def test_a_mistake_in_a_filter_shows_where_it_is(mxtui: Mxtui, words: list[str], column: int, expected: str) -> None:
    done = mxtui("list", *words)
    assert (done.status, done.out) == (2, b"")
    said, text, pointer, *_ = done.err.splitlines()
    assert said.startswith("mxtui: ")
    assert text == "  " + " ".join(words)
    assert pointer == "  " + " " * column + "^"
    assert expected in done.err


@pytest.mark.parametrize("words", [["list", "--json"], ["list"], ["status"], ["show", "--raw", "large"]])
def test_a_reader_that_has_seen_enough_is_no_error(varied: Varied, mxtui: Mxtui, words: list[str]) -> None:
    words = [varied[1].get(word, word) for word in words]
    reading, writing = os.pipe()
    os.close(reading)  # `| head` that has left already
    with os.fdopen(writing) as nobody_reads:
        done = subprocess.run(
            mxtui.argv(*words), stdin=subprocess.DEVNULL, stdout=nobody_reads, stderr=subprocess.PIPE, timeout=30
        )
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr
    assert done.returncode == 0


def test_colour_is_for_terminals_that_want_it(mxtui: Mxtui) -> None:
    assert b"\x1b" not in mxtui("status").out
    assert b"\x1b[31m" in _at_a_terminal(mxtui.argv("status"))
    assert b"\x1b" not in _at_a_terminal(mxtui.argv("status", "--no-color"))
    assert b"\x1b" not in _at_a_terminal(mxtui.argv("status"), NO_COLOR="1")
    assert b"\x1b" not in _at_a_terminal(mxtui.argv("list", "--no-color", "age>"))


def _at_a_terminal(argv: list[str], **env: str) -> bytes:
    with Terminal(argv, columns=200, env=env) as terminal:
        terminal.wait_for_exit()
        return terminal.received


def test_a_message_that_is_not_there_is_said_to_be_gone(mxtui: Mxtui) -> None:
    for queue_id in ("0123456789ABCDEF", "ALL", "../../etc/passwd"):
        done = mxtui("show", queue_id)
        assert (done.status, done.out) == (4, b"")
        assert queue_id in done.err


def test_reading_changes_nothing(varied: Varied, mxtui: Mxtui) -> None:
    instance, ids = varied
    for verb in ("status", "list"):
        mxtui(verb, "--json")
    mxtui("show", ids["held"])
    layout = layout_of(instance)
    assert state(layout, ids["held"]) == "hold"
    assert state(layout, ids["plain"]) == "deferred"
    assert not mxtui.audit.exists()
