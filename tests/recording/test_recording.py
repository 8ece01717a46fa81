"""A small outage on record: all that is promised arrives, and what the record says is so."""

import json
from pathlib import Path

import pytest

from tests.recording.hosts import LOST, record_hosts
from tests.recording.record import Record, record

MESSAGES = 600
LARGEST = 100_000
"""Bytes of a file in the repository."""


@pytest.mark.postfix
def test_an_outage_of_a_postfixs_primary_is_seen_home(need_postfix: None, folder: Path) -> None:
    made = record("postfix", MESSAGES, folder, away=0.5)
    assert_told_and_proven(made, folder)
    assert made.statuses == (5, 5, 1, 0), "down; knows nobody; started again; the rest"


def test_an_outage_of_a_spools_primary_is_seen_home(tmp_path: Path) -> None:
    made = record("spool", MESSAGES, tmp_path, away=0.5)
    assert_told_and_proven(made, tmp_path)
    assert made.statuses[:3] == (5, 5, 1)
    assert set(made.statuses[3:]) <= {0}, "serve may have been quicker with the rest"


@pytest.mark.postfix
def test_a_session_over_four_hosts_goes_through_the_loss_and_return_of_one(need_postfix: None, folder: Path) -> None:
    told = record_hosts(20, folder)  # what the console did is compared with the hosts' files there
    assert f"{LOST}  left as it is: {LOST} is away" in told
    assert f"{LOST} 0, mx5 20" in told
    assert str(folder) not in told


def assert_told_and_proven(made: Record, folder: Path) -> None:
    report = json.loads(made.report_json)
    assert (made.balance.by_backup, made.balance.delivered) == (MESSAGES, MESSAGES)
    assert (made.balance.waiting, made.balance.unpromised) == (0, 0)
    assert made.balance.doubled <= len(report["possible_duplicates"])
    assert {"canary", "ramp", "steady", "backoff", "done"} <= made.phases
    assert report["queued"] == MESSAGES == report["delivered"] + len(report["not_delivered"])
    for text in (made.transcript, made.report, made.report_json):
        assert str(folder) not in text
        assert len(text) < LARGEST
    assert "knows none of its users" in made.transcript
    assert f"{MESSAGES:>11,}  of them at the primary" in made.transcript
