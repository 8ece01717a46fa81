import json

from mxtui.message.sanitize import one_line
from mxtui.model.drain.books import OTHER, WORDS, Books
from mxtui.model.drain.machine import Drain
from mxtui.model.drain.report import DrainReport, as_lines, as_mapping, make_report
from mxtui.model.drain.way import Settled
from mxtui.model.plan import Verdict
from tests.model.drain.drains import drain, settle, step, targets
from tests.support.plans import target


def report(work: Drain) -> DrainReport:
    return make_report(
        work,
        queue="mx2.example.net",
        selection="domain:example.org",
        operator="anna",
        way="through Postfix",
        begun=1_800_000_000.0,
        ended=1_800_000_100.0,
        now=100.0,
    )


def stopped() -> Drain:
    """Two delivered, three refused, one in hand, four not tried."""
    work = drain(targets(10), engine=True)
    step(work, 0.0)
    taken = work.take(10, 0.0)
    for each, fate in zip(taken, ("delivered", "refused", "refused", "refused"), strict=False):
        work.settled(settle(each.queue_id, fate), 0.0)  # type: ignore[arg-type]
    return work


def test_every_message_that_was_not_delivered_is_named_with_the_reason() -> None:
    told = report(stopped())
    assert [(each.queue_id, each.became) for each in told.not_delivered] == [
        ("A00000002", "refused"),
        ("A00000003", "refused"),
        ("A00000004", "refused"),
        ("A00000005", "in hand"),
        *((f"A0000000{n}", "not tried") for n in (6, 7, 8, 9)),
    ]
    assert told.not_delivered[0].reply == "550 5.1.1 User unknown"
    assert told.not_delivered[0].recipient == "info@example.org"
    assert (told.queued, told.left, told.counts["delivered"], told.counts["refused"]) == (10, 5, 2, 3)


def test_for_eyes_it_begins_with_the_verdict_and_its_reason() -> None:
    lines = list(as_lines(report(stopped()), one_line))
    assert lines[0] == "Drain of mx2.example.net: stopped"
    assert lines[1].startswith("3 of the first 5 were refused, more than 5% of a trial")
    assert "          2  delivered, 2,000 bytes" in lines
    assert "          3  refused, kept" in lines
    assert "          5  left" in lines
    assert "          3  refused    550 5.1.1 User unknown" in lines
    assert "Not delivered: 8 messages" in lines
    assert "  A00000002  refused, kept  from <sender@example.com>  to info@example.org  550 5.1.1 User unknown" in lines
    assert "  A00000009  not tried  from <sender@example.com>  to example.org" in lines


def test_a_drain_that_delivered_everything_says_so_and_lists_nothing() -> None:
    work = drain(targets(2))
    while not work.over:
        step(work, 0.0)
    told = report(work)
    assert next(as_lines(told, one_line)) == "Drain of mx2.example.net: done, everything delivered"
    assert told.not_delivered == ()
    assert told.per_second == 0.02


def test_for_machines_it_is_json() -> None:
    told = json.loads(json.dumps(as_mapping(report(stopped()))))
    assert (told["queued"], told["delivered"], told["refused"], told["left"]) == (10, 2, 3, 5)
    assert told["not_delivered"][0] == {
        "queue_id": "A00000002",
        "became": "refused",
        "sender": "sender@example.com",
        "recipient": "info@example.org",
        "domains": ["example.org"],
        "size": 1000,
        "dsn": "5.1.1",
        "reply": "550 5.1.1 User unknown",
    }
    assert told["replies"][0] == {"fate": "refused", "reply": "550 5.1.1 User unknown", "recipients": 3}


def test_nothing_a_stranger_wrote_reaches_the_lines_as_it_is() -> None:
    work = drain([target("A00000000", sender="\x1b[2Ja@b.example")])
    work.take(1, 0.0)
    said = Verdict("A00000000", "\x1b]0;x\x07@example.org", "refused", "5.1.1", "550 5.1.1 \x1b[31m no")
    work.settled(Settled("A00000000", "refused", (said,)), 0.0)
    assert all(line.isprintable() for line in as_lines(report(work), one_line))


def test_what_may_be_doubled_is_named() -> None:
    work = drain(targets(1))
    work.take(1, 0.0)
    work.settled(Settled("A00000000", "deferred", possible_duplicate=True), 0.0)
    told = report(work)
    assert told.possible_duplicates == ("A00000000",)
    heading = "Perhaps delivered all the same, or twice: sent whole once, and the answer was never heard"
    lines = list(as_lines(told, one_line))
    assert lines[lines.index(heading) + 1] == "  A00000000"


def test_replies_that_differ_only_in_what_names_the_message_are_one() -> None:
    books = Books()
    for n in range(300):
        said = Verdict("A00000000", "a", "delivered", "2.0.0", f"250 2.0.0 Ok: queued as 4dKx2R7{n:03}Lz9")
        books.close(target(), Settled("A00000000", "delivered", (said,)))
    assert [(group.reply, group.recipients) for group in books.replies()] == [("250 2.0.0 Ok: queued as", 300)]


def test_a_server_that_words_each_reply_anew_fills_no_memory() -> None:
    books = Books()
    for n in range(2000):
        words = "".join(chr(97 + int(digit)) for digit in str(n))
        said = Verdict("A00000000", "a", "refused", "5.0.0", f"550 {words} " + "x" * 5000)
        books.close(target(), Settled("A00000000", "refused", (said,)))
    assert len(books.replies()) == 501
    assert {group.reply for group in books.replies()} >= {OTHER}
    assert max(len(each.said.reply) for each in books.undelivered.values()) == WORDS
