"""Flushing on a real Postfix: every message followed to its verdict, none lost and none doubled."""

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mxtui.demo.postfix import PrivatePostfix
from mxtui.demo.primary import FakePrimary
from mxtui.errors import Unreachable
from mxtui.model.plan import Target
from mxtui.model.source import Verb
from mxtui.queues.postfix import flush as flushing
from mxtui.queues.postfix.actions import Actions
from mxtui.queues.postfix.flush import RENEWAL_SECONDS, Flush
from mxtui.queues.postfix.layout import Layout
from mxtui.queues.postfix.logtail import LogTail, open_tail
from mxtui.queues.postfix.permission import Privileges
from mxtui.queues.postfix.postfix import PostfixQueue
from mxtui.queues.postfix.sockets import request_delivery
from mxtui.queues.postfix.whereabouts import locate
from tests.conftest import PostfixFactory
from tests.queues.postfix.acting import QUIET, found_message, layout_of, log_of, settled, state, targets
from tests.support.feeding import Everything, Outcome, deliver
from tests.support.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.postfix


def flush(layout: Layout, mail: list[Target], *, log: bool = True, quiet: float = PATIENCE) -> Outcome:
    def nothing(path: Path | None) -> LogTail | None:
        return None

    way = Flush(layout, find=found_message(layout), quiet=quiet, tail=open_tail if log else nothing)
    return deliver(way, mail)


def queued(instance: PrivatePostfix, layout: Layout, recipients: list[str], count: int = 1) -> list[Target]:
    ids = instance.inject("a@client.example", recipients, count=count)
    settled(layout, ids, "deferred")
    return targets(layout, ids)


def start(postfix: PostfixFactory, primary: FakePrimary) -> tuple[PrivatePostfix, Layout]:
    primary.down()
    instance = postfix(routes={"example.org": primary.port, "client.example": primary.port}, settings=QUIET)
    return instance, layout_of(instance)


def test_each_message_is_followed_to_what_became_of_it(postfix: PostfixFactory, primary: FakePrimary) -> None:
    instance, layout = start(postfix, primary)
    good = queued(instance, layout, ["info@example.org", "more@example.org"], count=5)
    later = queued(instance, layout, ["later@example.org", "info@example.org"])
    never = queued(instance, layout, ["never@example.org"], count=2)
    primary.behave(temporary="^later@", permanent="^never@")
    primary.up()
    assert flush(layout, [*good, *later, *never]).fates == {"delivered": 5, "deferred": 1, "bounced": 2}


def test_what_qmgr_overlooked_is_asked_for_again(
    postfix: PostfixFactory, primary: FakePrimary, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance, layout = start(postfix, primary)
    mail = queued(instance, layout, ["info@example.org"], count=3)
    for each in mail:  # due, as what was released is
        here = locate(layout, each.queue_id)
        assert here is not None
        os.utime(here.path)
    primary.up()
    heard: list[list[str]] = []

    def deaf_at_first(directory: Path, ids: list[str]) -> Iterator[str]:
        heard.append(sorted(ids))
        return request_delivery(directory, ids) if len(heard) > 1 else iter(())

    monkeypatch.setattr(flushing, "request_delivery", deaf_at_first)
    monkeypatch.setattr(flushing, "OVERLOOKED_SECONDS", 0.2)
    assert flush(layout, mail).fates == {"delivered": 3}
    assert heard[:2] == [sorted(each.queue_id for each in mail)] * 2
    assert len(primary.accepted) == 3


def test_the_verdicts_carry_the_servers_words(postfix: PostfixFactory, primary: FakePrimary) -> None:
    instance, layout = start(postfix, primary)
    mail = queued(instance, layout, ["later@example.org"])
    primary.behave(temporary="^later@")
    primary.up()
    (verdict,) = flush(layout, mail).verdicts
    assert (verdict.recipient, verdict.fate, verdict.dsn) == ("later@example.org", "deferred", "4.2.0")
    assert "Greylisted" in verdict.reply


def test_a_connection_lost_behind_the_dot_is_a_possible_duplicate(
    postfix: PostfixFactory, primary: FakePrimary
) -> None:
    instance, layout = start(postfix, primary)
    mail = queued(instance, layout, ["info@example.org"])
    primary.behave(close="dot")
    primary.up()
    (settled,) = flush(layout, mail).settled
    assert (settled.fate, settled.possible_duplicate) == ("deferred", True)


def test_what_was_put_off_for_anothers_lost_connection_was_not_sent(
    postfix: PostfixFactory, primary: FakePrimary
) -> None:
    instance, layout = start(postfix, primary)
    mail = queued(instance, layout, ["info@example.org"], count=40)
    primary.behave(close="dot")
    primary.up()
    outcome = flush(layout, mail)
    said = [line for line in log_of(instance).splitlines() if "may be sent more than once" in line]
    untried = [line for line in said if "delivery temporarily suspended: " in line]
    assert len(untried) > 0, "Postfix leaves the destination alone after some"
    assert sum(each.possible_duplicate for each in outcome.settled) == len(said) - len(untried)


def test_a_postfix_that_is_stopped_is_not_waited_for(postfix: PostfixFactory, primary: FakePrimary) -> None:
    instance, layout = start(postfix, primary)
    mail = queued(instance, layout, ["info@example.org"])
    primary.behave(hang="RCPT")
    primary.up()
    told = Flush(layout, find=found_message(layout)).deliver(Everything(mail), threading.Event())
    next(told)
    instance.abort()
    with pytest.raises(Unreachable, match="Postfix is stopped: what it had in hand waits in its queue"):
        list(told)


def test_without_a_log_a_plan_says_so(postfix: PostfixFactory, primary: FakePrimary) -> None:
    _, layout = start(postfix, primary)
    unread = PostfixQueue(replace(layout, maillog_file=Path("/nonexistent/log")))
    (caution,) = unread.cautions(Verb.FLUSH)
    assert caution.title == "No mail log"
    assert not unread.cautions(Verb.HOLD)
    assert not PostfixQueue(layout).cautions(Verb.FLUSH)


def test_without_a_log_the_files_tell_of_deferrals_and_never_of_deliveries(
    postfix: PostfixFactory, primary: FakePrimary
) -> None:
    instance, layout = start(postfix, primary)
    good = queued(instance, layout, ["info@example.org"], count=2)
    later = queued(instance, layout, ["later@example.org"])
    primary.behave(temporary="^later@")
    primary.up()
    outcome = flush(layout, [*good, *later], log=False)
    assert outcome.fates == {"deferred": 1, "vanished": 2}
    assert any("Greylisted" in verdict.reply for verdict in outcome.verdicts)


@pytest.mark.parametrize("asked", ["later@example.org", "info@example.org"])
def test_without_a_log_what_was_handed_in_anew_is_found_by_its_arrival(
    postfix: PostfixFactory, primary: FakePrimary, asked: str
) -> None:
    """Still queued, it was deferred, with its reason; gone, nobody knows, and that at once."""
    primary.down()
    settings = {**QUIET, "maximal_queue_lifetime": "5m", "bounce_queue_lifetime": "5m"}
    instance = postfix(routes={"example.org": primary.port, "client.example": primary.port}, settings=settings)
    layout = layout_of(instance)
    mail = queued(instance, layout, [asked])
    actions = Actions(layout, Privileges())
    assert [each.result for each in actions.act(Verb.HOLD, mail)] == ["done"]
    held = [each._replace(state="hold") for each in targets(layout, [each.queue_id for each in mail], lifetime=300)]
    primary.behave(temporary="^later@")
    primary.up()
    (released,) = actions.act(Verb.RELEASE, held, try_now=False)
    assert released.renewed, released
    began = time.monotonic()
    outcome = flush(layout, [each._replace(state="maildrop") for each in held], log=False)
    assert time.monotonic() - began < RENEWAL_SECONDS / 4
    if asked.startswith("later"):
        assert outcome.fates == {"deferred": 1}
        assert any("Greylisted" in verdict.reply for verdict in outcome.verdicts)
    else:
        assert outcome.fates == {"vanished": 1}


def test_what_moves_no_more_is_said_to_be_left(postfix: PostfixFactory, primary: FakePrimary) -> None:
    instance, layout = start(postfix, primary)
    mail = queued(instance, layout, ["info@example.org"])
    primary.behave(delay=600)
    primary.up()
    assert flush(layout, mail, quiet=1.0).left == 1


def test_a_flush_can_be_stopped(postfix: PostfixFactory, primary: FakePrimary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mxtui.queues.postfix.flush.STOP_SECONDS", 0.5)
    instance, layout = start(postfix, primary)
    mail = queued(instance, layout, ["info@example.org"], count=3)
    primary.behave(delay=600)
    primary.up()
    assert deliver(Flush(layout, find=found_message(layout)), mail, threading.Event()).left == 3


def test_mail_that_vanished_before_is_unknown_and_mail_held_meanwhile_stays(
    postfix: PostfixFactory, primary: FakePrimary
) -> None:
    instance, layout = start(postfix, primary)
    gone, held = queued(instance, layout, ["info@example.org"], count=2)
    list(Actions(layout, Privileges()).act(Verb.DELETE, [gone]))
    list(Actions(layout, Privileges()).act(Verb.HOLD, [held]))
    primary.up()
    assert flush(layout, [gone, held]).fates == {"vanished": 1, "deferred": 1}
    assert state(layout, held.queue_id) == "hold"


@pytest.mark.parametrize("long_queue_ids", [False, True])
def test_hold_release_flush_during_slow_delivery_loses_and_doubles_nothing(
    postfix: PostfixFactory, primary: FakePrimary, long_queue_ids: bool
) -> None:
    primary.behave(delay=0.15)
    instance = postfix(
        routes={"example.org": primary.port},
        settings={**QUIET, "default_destination_concurrency_limit": "4", "initial_destination_concurrency": "4"},
        long_queue_ids=long_queue_ids,
    )
    layout = layout_of(instance)
    primary.down()
    waiting = instance.inject("", ["info@example.org"], b"Subject: first\n\nx\n", count=30)
    settled(layout, waiting, "deferred")
    primary.up()
    fresh = [instance.inject("", ["info@example.org"], b"Subject: n\n\n%d\n" % n)[0] for n in range(50)]
    actions = Actions(layout, Privileges())
    ids = [*waiting, *fresh]
    deadline = time.monotonic() + PATIENCE
    rounds = 0
    while any(state(layout, each) not in ("", "deferred", "hold") for each in ids) or rounds < 3:
        assert time.monotonic() < deadline
        rounds += 1
        here = [each for each in ids if locate(layout, each) is not None]
        held = [r.queue_id for r in actions.act(Verb.HOLD, present(layout, here)) if r.result == "done"]
        list(actions.act(Verb.RELEASE, present(layout, held)))
    left = present(layout, ids)
    if left:
        outcome = flush(layout, left)
        assert (outcome.fates["vanished"], outcome.left) == (0, 0)
    settled(layout, ids, "")
    wait_until(lambda: len(primary.accepted) >= len(ids))
    received = Counter(queue_id_of(message.content) for message in primary.accepted)
    assert received == Counter(ids), "each exactly once"
    # The log is written by a daemon of its own, after the fact.
    wait_until(lambda: log_of(instance).count("status=sent") >= len(ids))
    assert log_of(instance).count("status=sent") == len(ids)


def present(layout: Layout, ids: list[str]) -> list[Target]:
    """Targets of those still there; mail goes on leaving while we look."""
    found = []
    for each in ids:
        try:
            found += targets(layout, [each])
        except (AssertionError, FileNotFoundError):
            continue
    return found


def queue_id_of(content: bytes) -> str:
    return content.partition(b" id ")[2].partition(b"\r\n")[0].decode()
