"""A judgement: everything in one score that can be taken apart."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from mxtui.config import Settings
from mxtui.message.differences import Envelope
from mxtui.message.inspect import inspect
from mxtui.model.evidence import Evidence, Judgement, Scan, Submitted
from mxtui.scanning.judge import Judge
from mxtui.scanning.judging import claims, judgement, of_scan
from mxtui.scanning.questions import NoAnswerError, Questions
from mxtui.scanning.results import KEPT, Results
from mxtui.scanning.scanner import Scanner
from mxtui.scanning.signals import Facts
from mxtui.scanning.where import Where

RAW = (
    b"From: ann@example.net\nTo: bob@example.org\nSubject: Friday\nDate: Fri, 27 Nov 2026 12:00:00 +0000\n\nAt noon.\n"
)
NOW = 1_795_780_800.0
SHA256 = hashlib.sha256(RAW).hexdigest()

SPAM = Settings().spam


def scan(score: float, required: float, action: str, at: float = NOW) -> Scan:
    return Scan("rspamd", at, score, required, action)


@pytest.mark.parametrize(
    ("found", "points"),
    [
        (scan(15, 15, "reject"), 10.0),
        (scan(45, 15, "reject"), 20.0),
        (scan(7, 15, "add header"), 10.0),  # it calls that spam
        (scan(14.9, 15, "soft reject"), 9.9),
        (scan(6, 15, "greylist"), 4.0),
        (scan(3, 15, "no action"), 2.0),
        (scan(-30, 15, "no action"), -5.0),
        (scan(5, 0, "no action"), 0.0),
        (Scan("spamassassin", NOW, 5.0, 5.0, "spam"), 10.0),
        (Scan("spamassassin", NOW, 2.5, 5.0, "ham"), 5.0),
    ],
)
def test_what_a_scanner_calls_spam_reaches_the_threshold(found: Scan, points: float) -> None:
    assert of_scan(found, 10.0).points == points


def test_a_score_is_the_sum_of_what_is_listed_gravest_first() -> None:
    pieces = [
        Evidence("a", "A", "", 1.5, "mxtui"),
        Evidence("b", "B", "", -0.5, "spf"),
        Evidence("c", "C", "", 4.0, "dmarc"),
    ]
    made = judgement(NOW, pieces, [scan(3, 15, "no action")], suspect=10.0, weights={"dmarc": 0.5, "rspamd": 2.0})
    assert [(each.name, each.points) for each in made.evidence] == [
        ("rspamd", 4.0),
        ("c", 2.0),
        ("a", 1.5),
        ("b", -0.5),
    ]
    assert made.score == 7.0
    assert not made.unscanned


def both(one: Scan, other: Scan, weights: Mapping[str, float] | None = None) -> list[tuple[str, float]]:
    made = judgement(NOW, [], [one, other], suspect=10.0, weights=weights or {})
    assert made.score == sum(each.points for each in made.evidence)
    return [(each.source, each.points) for each in made.evidence]


def test_of_two_scanners_the_one_counts_that_is_nearer_to_what_it_calls_spam_itself() -> None:
    rspamd, spamassassin = scan(9, 15, "no action"), Scan("spamassassin", NOW, 4.0, 5.0, "ham")
    assert both(rspamd, spamassassin) == [("spamassassin", 8.0), ("rspamd", 0.0)]
    assert both(scan(14, 15, "no action"), spamassassin) == [("rspamd", 9.3), ("spamassassin", 0.0)]
    # One that finds it splendid takes nothing away from one that does not.
    assert both(scan(-30, 15, "no action"), spamassassin) == [("spamassassin", 8.0), ("rspamd", 0.0)]


def test_the_other_ones_verdict_is_shown_all_the_same() -> None:
    scans = [scan(9, 15, "no action"), Scan("spamassassin", NOW, 4.0, 5.0, "ham")]
    _, other = judgement(NOW, [], scans, suspect=10.0, weights={}).evidence
    assert other.detail == "not added to that of spamassassin: 9 of 15, no action"


def test_a_scanner_that_an_operator_believes_less_is_not_the_one_that_counts() -> None:
    rspamd, spamassassin = scan(9, 15, "no action"), Scan("spamassassin", NOW, 4.0, 5.0, "ham")
    assert both(rspamd, spamassassin, {"spamassassin": 0.0}) == [("rspamd", 6.0), ("spamassassin", 0.0)]


def test_where_one_scanner_is_down_the_other_counts() -> None:
    down = Scan("spamassassin", NOW, fault="connection refused")
    made = judgement(NOW, [], [scan(9, 15, "no action"), down], suspect=10.0, weights={})
    assert (made.score, made.unscanned) == (6.0, True)


def test_a_weight_of_one_piece_goes_before_that_of_its_source() -> None:
    pieces = [Evidence("spf_fail", "SPF fail", "", 4.0, "spf")]
    assert judgement(NOW, pieces, suspect=10.0, weights={"spf": 0.0, "spf_fail": 2.0}).score == 8.0


def test_what_no_scanner_saw_is_unscanned_and_gains_nothing() -> None:
    made = judgement(NOW, [], [Scan("rspamd", NOW, fault="connection refused")], suspect=10.0, weights={})
    assert (made.score, made.unscanned) == (0.0, True)


def test_what_somebody_wrote_into_the_mail_counts_for_nothing() -> None:
    raw = b"X-Spam-Status: No, score=-99\nAuthentication-Results: mx1.example.org; dmarc=fail\n" + RAW
    found = claims(inspect(raw), frozenset())
    assert [(each.points, "untrusted" in each.title) for each in found] == [(0.0, True), (0.0, True)]


def test_results_of_a_host_that_is_believed_count_on_top_and_nowhere_else() -> None:
    ours = b"Authentication-Results: mx1.example.org; dmarc=fail header.from=example.net\n"
    hop = b"Received: from a by b; Fri, 27 Nov 2026 12:00:00 +0000\n"
    trusted = frozenset({"mx1.example.org"})
    assert [each.points for each in claims(inspect(ours + hop + RAW), trusted)] == [3.0]
    # Below our own Received line it came with the message: whoever sent that can write our name.
    assert [each.points for each in claims(inspect(hop + ours + RAW), trusted)] == [0.0]


# -- what is remembered -----------------------------------------------------------------------------------------------


def test_results_outlive_whoever_asked(tmp_path: Path) -> None:
    first = Results(tmp_path / "state" / "scans.db")
    first.keep(SHA256, [scan(1, 15, "no action"), Scan("spamassassin", NOW, fault="down")])
    first.close()
    second = Results(tmp_path / "state" / "scans.db")
    assert second.find(SHA256, NOW + 60) == {"rspamd": scan(1, 15, "no action")}
    assert second.find(SHA256, NOW + KEPT + 1) == {}
    assert second.find("00" * 32, NOW) == {}
    second.close()
    assert (tmp_path / "state" / "scans.db").stat().st_mode & 0o777 == 0o600


def test_nothing_is_made_by_looking(tmp_path: Path) -> None:
    assert Results(tmp_path / "scans.db").find(SHA256, NOW) == {}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("garbage", [b"", b"garbage" * 1000, b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_damaged_file_is_begun_anew(tmp_path: Path, garbage: bytes) -> None:
    (tmp_path / "scans.db").write_bytes(garbage)
    results = Results(tmp_path / "scans.db")
    assert results.find(SHA256, NOW) == {}
    results.keep(SHA256, [scan(1, 15, "no action")])
    results.keep(SHA256, [scan(1, 15, "no action")])
    assert results.find(SHA256, NOW) == {"rspamd": scan(1, 15, "no action")}
    results.close()


def test_a_place_where_nothing_can_be_written_costs_a_scan_each_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    results = Results(tmp_path / "file" / "scans.db")
    results.keep(SHA256, [scan(1, 15, "no action")])
    assert results.find(SHA256, NOW) == {}


# -- all of it --------------------------------------------------------------------------------------------------------


class Counting(Scanner):
    name = "rspamd"

    def __init__(self, answer: Callable[[], Scan]) -> None:
        super().__init__(Where("127.0.0.1", 1), timeout=0.2)
        self.asked = 0
        self._answer_with = answer

    async def _scan(self, submitted: Submitted) -> Scan:
        self.asked += 1
        return self._answer_with()

    async def _learn(self, submitted: Submitted, *, spam: bool) -> str:
        return ""


class Silent(Questions):
    def ask(self, name: str, kind: str) -> list[object]:
        raise NoAnswerError(name)


def judged(scanner: Scanner, results: Results, *, raw: bytes = RAW) -> Judgement:
    judge = Judge(SPAM, [scanner], results, questions=Silent, clock=lambda: NOW)
    submitted = Submitted(raw, False, "ann@example.net", ["bob@example.org"], None, NOW)
    return judge.judge(submitted, inspect(raw), Facts(Envelope("ann@example.net", NOW), 1))


def test_no_content_is_scanned_twice_even_by_another_console(tmp_path: Path) -> None:
    scanner = Counting(lambda: scan(15, 15, "reject"))
    for _ in range(2):
        results = Results(tmp_path / "scans.db")
        for _ in range(2):
            assert judged(scanner, results).score >= 10
        results.close()
    assert scanner.asked == 1
    judged(scanner, Results(tmp_path / "scans.db"), raw=RAW + b"more\n")
    assert scanner.asked == 2


def test_a_scanner_that_failed_is_asked_again(tmp_path: Path) -> None:
    answers = iter([Scan("rspamd", NOW, fault="down"), scan(15, 15, "reject")])
    scanner, results = Counting(lambda: next(answers)), Results(tmp_path / "scans.db")
    assert judged(scanner, results).unscanned
    assert judged(scanner, results).score >= 10


def test_one_that_hangs_costs_its_time_and_no_more(tmp_path: Path) -> None:
    class Hanging(Counting):
        async def _scan(self, submitted: Submitted) -> Scan:
            await asyncio.Event().wait()
            raise AssertionError

    made = judged(Hanging(lambda: scan(0, 15, "")), Results(tmp_path / "scans.db"))
    assert made.unscanned
    assert "no answer within" in made.scans[0].fault


def test_what_a_campaign_says_is_part_of_it(tmp_path: Path) -> None:
    judge = Judge(SPAM, [], Results(tmp_path / "scans.db"), questions=Silent, clock=lambda: NOW)
    submitted = Submitted(RAW, False, "ann@example.net", [], None, NOW)
    more = [Evidence("same_text", "same text, many senders", "1,364 alike", 6.0, "mxtui")]
    facts = Facts(Envelope("ann@example.net", NOW))
    made = judge.judge(submitted, inspect(RAW), facts, more, cleared="root: our own survey")
    assert made.evidence[0].name == "same_text"
    assert made.cleared == "root: our own survey"
    assert replace(made, cleared="").score == made.score
