"""Each alert when it should, and not otherwise; with hours that take no time."""

from dataclasses import replace
from typing import Any

import pytest

from mxtui.model.alerts import Facts
from mxtui.model.alerts.storms import storms
from mxtui.model.drill import Drill
from mxtui.model.health import UNKNOWN, Climb, Rung
from mxtui.model.holds import DomainHold
from mxtui.model.overview import Acknowledgement, DomainStatus, Reading
from mxtui.model.source import Capabilities, Space
from tests.model.alerts.story import DAY, HOUR, MINUTE, NOW, RUNNING, Story, flow, health, row

REFUSED = "connection refused"
FULL = "host mx1.example.org said: 452 4.2.2 mailbox full"


def waiting(number: int = 40, **more: Any) -> DomainStatus:
    return row(messages=number, oldest=NOW - 5 * HOUR, reason=REFUSED, **more)


def test_a_quiet_day_has_no_alert() -> None:
    assert Story().go_on(2 * HOUR, row(), row("example.net")) == []


def test_mail_that_nobody_takes_up_again_when_its_primary_is_back_is_stalled_after_ten_minutes() -> None:
    story = Story()
    assert story.go_on(5 * MINUTE, waiting(health=health("down"))) == ["primary_down"]
    back = waiting(health=health("up", since=story.now))
    assert story.go_on(10 * MINUTE - 1, back) == []
    assert story.go_on(1, back) == ["stalled"]
    assert story.alerts[0].severity == "critical"
    assert story.resolved == ["primary_down"]


def test_one_delivery_ends_it_and_what_goes_on_slowly_is_a_backlog() -> None:
    story = Story()
    assert story.go_on(11 * MINUTE, waiting()) == ["stalled"]
    for number in range(39, 20, -1):
        assert "stalled" not in story.go_on(MINUTE, waiting(number))
    assert [alert.name for alert in story.alerts] == ["backlog"]
    assert story.resolved == ["stalled"]


def test_mail_is_no_backlog_while_its_primary_is_down_or_has_just_come_back() -> None:
    story = Story()
    story.go_on(HOUR, waiting(health=health("down")))
    numbers = iter(range(40, 0, -1))
    came_back = story.now
    while story.now < came_back + 14 * MINUTE:
        assert story.go_on(MINUTE, waiting(next(numbers), health=health("up", since=came_back))) == []
    story.go_on(MINUTE, waiting(next(numbers), health=health("up", since=came_back)))
    assert story.go_on(MINUTE + 1, waiting(next(numbers), health=health("up", since=came_back))) == ["backlog"]


def test_one_full_mailbox_is_not_worth_an_alert_for_days() -> None:
    story = Story(step=MINUTE - 1)
    one = row(messages=1, oldest=NOW - 5 * HOUR, reason=FULL)
    assert story.go_on(3 * HOUR, one) == []
    assert story.go_on(HOUR, row(messages=400, oldest=NOW, reason=FULL)) == ["stalled"]


@pytest.mark.parametrize("held", [row(messages=9, oldest=NOW - HOUR, states={"hold": 9}), None])
def test_what_is_held_stands_still_on_purpose(held: DomainStatus | None) -> None:
    hold = DomainHold("example.org", "migrate", "new host", "anna", NOW, NOW + 5 * DAY, "", NOW)
    assert Story().go_on(2 * HOUR, held or waiting(hold=hold)) == []


def test_mail_held_for_days_is_not_forgotten() -> None:
    old = row(messages=2, oldest=NOW - 3 * DAY, held=NOW - 3 * DAY, states={"hold": 2})
    story = Story()
    assert story.go_on(MINUTE, old) == ["held"]
    assert story.alerts[0].text.startswith("2 messages wait in hold, the oldest from ")


def test_a_forwarder_without_a_sign_of_life_is_told_of_after_two_minutes() -> None:
    dead = replace(RUNNING, delivers=False)
    story = Story()
    assert story.go_on(119, row(), capabilities=dead) == []
    assert story.go_on(2, row(), capabilities=dead) == ["forwarder"]
    assert story.go_on(10, row(), capabilities=RUNNING) == []


def test_nobody_who_can_tell_is_no_alert() -> None:
    assert Story().go_on(HOUR, row(), capabilities=Capabilities("showq", running=True)) == []


def test_a_disk_that_is_full_within_six_hours_at_its_rate_is_told_of() -> None:
    story = Story(step=MINUTE)
    for minute in range(15):
        room = Space(100 << 30, (60 << 30) - minute * (300 << 20), 1 << 20, 1 << 19)
        names = story.go_on(MINUTE - 1, row(), space=room)
    assert names == ["filling"]
    assert story.alerts[0].text.startswith("the queue's file system has no room left in 3h ")


def test_inodes_fill_up_too() -> None:
    story = Story(step=MINUTE)
    for minute in range(15):
        names = story.go_on(MINUTE - 1, row(), space=Space(100, 60, 1_000_000, 600_000 - minute * 12_000))
    assert (names, story.alerts[0].severity) == (["filling"], "critical")
    assert "no inodes left in 3" in story.alerts[0].text


def test_a_disk_that_fills_slowly_is_none() -> None:
    story = Story(step=MINUTE)
    for minute in range(120):
        assert story.go_on(MINUTE - 1, row(), space=Space(100 << 30, (60 << 30) - minute * (80 << 20), 0, 0)) == []


def test_another_reason_why_mail_waits_is_news_for_an_hour() -> None:
    story = Story(step=MINUTE)
    moving = iter(range(1000, 0, -1))

    def look(reason: str) -> list[str]:
        story.now += MINUTE
        return story.tell(row(messages=next(moving), oldest=story.now - MINUTE, reason=reason))

    for _ in range(30):
        assert look("451 greylisted") == []
    assert [look("452 mailbox full") for _ in range(6)][-1] == ["reason_changed"]
    assert story.alerts[0].text == "mail waits for another reason: 452 mailbox full (it was: 451 greylisted)"
    assert [look("452 mailbox full") for _ in range(62)][-1] == []


def test_a_reason_that_comes_and_goes_is_none() -> None:
    story = Story(step=MINUTE)
    for minute in range(60):
        story.now += MINUTE
        reason = "451 greylisted" if minute % 3 else "452 mailbox full"
        assert story.tell(row(messages=1000 - minute, oldest=story.now - MINUTE, reason=reason)) == []


@pytest.mark.parametrize(
    ("refused", "sent", "names"), [(6, 94, ["refused"]), (5, 95, []), (2, 2, []), (50, 0, ["refused"])]
)
def test_more_than_one_in_twenty_refused_for_good_is_told_of(refused: int, sent: int, names: list[str]) -> None:
    story = Story()
    story.tell(row(messages=100, oldest=NOW))
    story.now += 10
    assert (
        story.tell(row(messages=100 - sent, oldest=NOW, flow=flow(left=sent + refused, sent=sent, refused=refused)))
        == names
    )


def test_refusals_of_half_an_hour_ago_are_over() -> None:
    story = Story()
    story.tell(row())
    story.now += 10
    assert story.tell(row(flow=flow(sent=1, refused=50))) == ["refused"]
    assert story.go_on(21 * MINUTE, row(flow=flow(sent=1, refused=50))) == []
    assert story.resolved == ["refused"]


def test_what_a_spool_gave_up_was_refused() -> None:
    story = Story()
    story.tell(row(messages=10, oldest=NOW))
    story.now += 10
    names = story.tell(row(messages=10, oldest=NOW, states={"failed": 4, "deferred": 6}))
    assert names == ["refused"]


def test_what_was_given_up_before_anybody_looked_is_not_of_late() -> None:
    assert Story().go_on(MINUTE, row(messages=10, oldest=NOW, states={"failed": 4, "deferred": 6})) == []


def test_much_mail_while_the_primary_is_well_is_told_of() -> None:
    story = Story()
    story.go_on(MINUTE, row())
    assert story.go_on(MINUTE, row(flow=flow(arrived=19, left=19))) == []
    assert story.go_on(MINUTE, row(flow=flow(arrived=20, left=20))) == ["accepting"]


def test_much_mail_while_the_primary_is_down_is_what_a_backup_is_for() -> None:
    story = Story()
    down = health("down")
    story.go_on(MINUTE, row(health=down))
    names = story.go_on(10 * MINUTE, row(messages=900, oldest=NOW, health=down, flow=flow(arrived=900)))
    assert names == ["primary_down"]


def test_a_certificate_that_expires_is_told_of() -> None:
    expires = 1_800_691_200.0  # 2027-01-23, 08:00
    up = health(climb=Climb(NOW, (Rung("starttls", "passed", 2.0, "TLSv1.3"),), expires))
    story = Story()
    assert story.tell(row(health=up)) == ["certificate"]
    assert (story.alerts[0].severity, story.alerts[0].domain) == ("warning", "example.org")
    later = health(climb=Climb(NOW, (Rung("starttls", "passed", 2.0, "TLSv1.3"),), expires + 365 * 86_400))
    assert story.tell(row(health=later)) == []


def test_our_own_certificate_is_told_of() -> None:
    story = Story(facts=Facts(certificate=NOW + DAY))
    assert story.tell(row()) == ["certificate"]
    assert story.alerts[0].text.startswith("our own certificate expires in 1d 00h")


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (None, "was never drilled"),
        (Drill(NOW - 31 * DAY, "example.org", "queue", "passed", 4.0, "250 fine"), "its last drill was 31d 00h ago"),
        (Drill(NOW - HOUR, "example.org", "queue", "failed", 60.0, "not seen"), "failed: not seen"),
        (Drill(NOW - HOUR, "example.org", "queue", "passed", 4.0, "250 fine"), ""),
    ],
)
def test_a_drill_that_is_overdue_or_failed_is_told_of(last: Drill | None, words: str) -> None:
    story = Story(facts=Facts(drilled=("example.org",), drills={"example.org": last} if last else {}))
    story.tell(row())
    assert [words in alert.text for alert in story.alerts] == ([True] if words else [])


# -- time that nobody watched --------------------------------------------------------------------------------------


@pytest.mark.parametrize("away", [8 * HOUR, 2 * MINUTE, -8 * HOUR, 400 * DAY])
def test_hours_without_a_look_are_no_alert(away: float) -> None:
    story = Story()
    fresh = row(messages=40, oldest=NOW - MINUTE, reason=REFUSED)
    assert story.go_on(3 * MINUTE, fresh) == []
    story.sleep(away)
    assert story.go_on(3 * MINUTE, fresh) == []
    assert story.resolved == []


def test_what_was_wrong_before_and_is_still_wrong_is_not_resolved_by_a_nap() -> None:
    story = Story()
    assert story.go_on(11 * MINUTE, waiting()) == ["stalled"]
    since = story.alerts[0].since
    story.sleep(8 * HOUR)
    assert story.go_on(MINUTE, waiting()) == ["stalled"]
    assert story.resolved == []
    assert story.alerts[0].since > since, "it stood still for no longer than somebody watched"


def test_mail_that_stands_still_after_a_nap_is_told_of_in_the_end() -> None:
    story = Story()
    story.go_on(3 * MINUTE, waiting())
    story.sleep(8 * HOUR)
    assert story.go_on(14 * MINUTE, waiting()) == []
    assert story.go_on(2 * MINUTE, waiting()) == ["stalled"]


def test_mail_that_came_while_nobody_watched_came_at_no_rate() -> None:
    story = Story()
    story.go_on(20 * MINUTE, row())
    story.sleep(8 * HOUR)
    assert story.go_on(20 * MINUTE, row(flow=flow(arrived=5_000, left=5_000))) == []


def test_figures_that_are_old_lead_to_no_conclusion() -> None:
    story = Story()
    assert story.go_on(2 * HOUR, waiting(), heard_at=NOW - HOUR) == []
    assert story.go_on(2 * HOUR, waiting(), fault="unreadable") == []
    assert story.go_on(2 * HOUR, waiting(), reading=Reading(1, 100_000)) == []


# -- swinging ------------------------------------------------------------------------------------------------------


def test_what_is_wrong_with_a_primary_is_not_over_because_nobody_looked() -> None:
    story = Story()
    down = waiting(health=health("down"))
    assert "primary_down" in story.go_on(MINUTE, down)
    story.known = [acknowledged(story)]
    not_asked = replace(down, primary=None, health=None)
    too_late = replace(down, health=UNKNOWN)
    for seen in (not_asked, too_late, not_asked):
        story.go_on(MINUTE, seen)
        (alert,) = [each for each in story.alerts if each.name == "primary_down"]
        assert alert.acknowledged is not None, "and somebody knows of it"
    assert not story.resolved
    assert "primary_down" not in story.go_on(MINUTE, waiting())
    assert story.resolved == ["primary_down"]


def test_a_disk_that_swings_about_the_limit_is_one_alert() -> None:
    story = Story()
    above, below = Space(100, 21, 0, 0), Space(100, 19, 0, 0)
    assert story.tell(row(), space=below) == ["disk"]
    since = story.alerts[0].since
    for _ in range(20):
        story.now += 10
        assert story.tell(row(), space=above) == ["disk"]
        story.now += 10
        assert story.tell(row(), space=below) == ["disk"]
    assert story.alerts[0].since == since
    assert story.go_on(70, row(), space=above) == []
    assert story.resolved == ["disk"]


def test_a_scanner_that_has_been_silent_for_a_minute_is_told_of_until_it_has_answered_for_as_long() -> None:
    silent = Facts(silent=("rspamd at 127.0.0.1:11333: connection refused",))
    story = Story(facts=silent)
    assert story.tell(row()) == []
    assert story.go_on(50, row()) == []  # it may be started anew
    assert story.go_on(20, row()) == ["scanner"]
    assert (
        story.alerts[0].text == "rspamd at 127.0.0.1:11333: connection refused. Mail stays unscanned until it answers"
    )
    story.facts = Facts()
    assert story.go_on(40, row()) == ["scanner"]
    story.facts = silent
    assert story.go_on(20, row()) == ["scanner"]
    story.facts = Facts()
    assert story.go_on(80, row()) == []
    assert story.resolved == ["scanner"]


def test_two_scanners_that_are_silent_are_both_named_in_one_alert() -> None:
    story = Story(facts=Facts(silent=("rspamd at a: connection refused", "spamassassin at b: no answer within 2 s")))
    assert story.go_on(70, row()) == ["scanner"]
    assert "rspamd at a" in story.alerts[0].text
    assert "spamassassin at b" in story.alerts[0].text


# -- acknowledging -------------------------------------------------------------------------------------------------


def acknowledged(story: Story, *, lasting: float = HOUR) -> Acknowledgement:
    alert = story.alerts[0]
    return Acknowledgement(alert.name, alert.domain, alert.severity, "known", "anna", story.now, story.now + lasting)


def test_an_acknowledged_alert_is_shown_last_and_on_no_row() -> None:
    story = Story()
    down, other = row(messages=9, oldest=NOW, health=health("down")), row("b.example", health=health("down"))
    story.tell(down, other)
    story.known = [acknowledged(story)]
    story.now += 10
    story.tell(down, other)
    assert [(alert.domain, alert.acknowledged is None) for alert in story.alerts] == [
        ("b.example", True),
        ("example.org", False),
    ]
    assert story.last is not None
    assert [[alert.name for alert in each.alerts] for each in story.last.domains] == [[], ["primary_down"]]


def test_an_acknowledgement_ends_with_its_time() -> None:
    story = Story()
    down = row(messages=9, oldest=NOW, health=health("down"))
    story.tell(down)
    story.known = [acknowledged(story)]
    story.go_on(HOUR - 10, down)
    assert story.alerts[0].acknowledged is not None
    story.go_on(10, down)
    assert story.alerts[0].acknowledged is None


def test_an_acknowledgement_is_of_this_time_and_not_of_the_next() -> None:
    story = Story()
    down, up = row(messages=9, oldest=NOW, health=health("down")), row(messages=9, oldest=NOW)
    story.tell(down)
    story.known = [acknowledged(story)]
    story.go_on(MINUTE, up)
    story.go_on(MINUTE, down)
    assert story.alerts[0].acknowledged is None


def test_what_gets_worse_is_news() -> None:
    story = Story()
    assert story.go_on(10, row(messages=1, oldest=NOW, expires=NOW + 20 * HOUR)) == ["expiry"]
    story.known = [acknowledged(story, lasting=DAY)]
    story.tell(row(messages=1, oldest=NOW, expires=NOW + 19 * HOUR))
    assert [(each.severity, each.acknowledged is None) for each in story.alerts] == [("warning", False)]
    story.tell(row(messages=1, oldest=NOW, expires=NOW + 3 * HOUR))
    assert [(each.severity, each.acknowledged is None) for each in story.alerts] == [("critical", True)]


# -- storms --------------------------------------------------------------------------------------------------------


def test_a_thousand_domains_that_are_down_are_said_in_one_alert() -> None:
    story = Story()
    rows = [row(f"d{n:04}.example", n + 1, oldest=NOW, health=health("down")) for n in range(1000)]
    story.tell(*rows, row("full.example", messages=1, oldest=NOW, expires=NOW + HOUR))
    assert len(story.alerts) == 1001
    first, second = storms(story.alerts)
    assert (first.name, first.domain, len(first.domains), first.messages) == ("primary_down", None, 1000, 500_500)
    assert first.text.startswith(
        "1,000 domains: d0999.example, d0998.example, d0997.example and 997 more. 500,500 messages concerned. "
    )
    assert second.name == "expiry"


def test_a_few_are_said_one_by_one() -> None:
    story = Story()
    story.tell(*(row(f"d{n}.example", 1, oldest=NOW, health=health("down")) for n in range(5)))
    assert storms(story.alerts) == story.alerts
