from dataclasses import replace

from mxtui.model.alerts import Facts, Thresholds, alerts
from mxtui.model.alerts.facts import KilledDrain, StoppedDrain
from mxtui.model.health import Health, Primary
from mxtui.model.holds import DomainHold
from mxtui.model.overview import Alert, DomainStatus, DomainTotals, QueueTotals, TopReason
from mxtui.model.recovery import Recovery
from mxtui.model.source import Capabilities, Space

NOW = 1_800_000_000.0
HOUR = 3600.0
RUNNING = Capabilities("files", running=True)
ROOM = Space(100, 60, 100, 90)


def row(domain: str = "example.org", messages: int = 7, **changes: object) -> DomainStatus:
    totals = DomainTotals(domain, messages, messages, 0, {}, (messages, *[0] * 9), NOW - HOUR, NOW + 90 * HOUR)
    primary = Primary("mx1.example.org", 25, "transport")
    health = Health("up", NOW - HOUR, "starttls", "", 9.0)
    return replace(DomainStatus(totals, primary, health), **changes)  # type: ignore[arg-type]


def sick(state: str, detail: str, rung: str = "tcp") -> Health:
    return Health(state, NOW - 6 * HOUR, rung, detail, None)  # type: ignore[arg-type]


def found(*rows: DomainStatus, capabilities: Capabilities = RUNNING, space: Space = ROOM) -> list[Alert]:
    queue = QueueTotals(sum(status.totals.messages for status in rows))
    return list(alerts(rows, queue, capabilities, space, NOW, Thresholds()))


def test_all_is_well() -> None:
    assert found(row()) == []


def test_a_primary_that_is_down_is_critical_while_mail_waits() -> None:
    (alert,) = found(row(health=sick("down", "connection refused")))
    assert (alert.name, alert.severity, alert.domain, alert.badge) == (
        "primary_down",
        "critical",
        "example.org",
        "DOWN",
    )
    assert alert.text.startswith("mx1.example.org has refused connections for 6h 00m. 7 messages wait, safe until ")


def test_a_primary_that_is_down_with_nothing_waiting_is_a_warning() -> None:
    (alert,) = found(row(messages=0, health=sick("down", "timed out")))
    assert (alert.severity, alert.text.endswith("Nothing waits.")) == ("warning", True)


def test_busy_is_not_down() -> None:
    (alert,) = found(row(health=sick("degraded", "421 too many connections", "banner")))
    assert (alert.severity, alert.badge) == ("warning", "BUSY")
    assert alert.text == "primary busy for 6h 00m: 421 too many connections"


def test_the_most_mail_comes_first_and_critical_before_warning() -> None:
    names = [
        (alert.name, alert.domain)
        for alert in found(
            row("busy.example", 900, health=sick("degraded", "421")),
            row("small.example", 3, health=sick("down", "refused")),
            row("large.example", 500, health=sick("down", "refused")),
        )
    ]
    assert names == [
        ("primary_down", "large.example"),
        ("primary_down", "small.example"),
        ("primary_degraded", "busy.example"),
    ]


def test_mail_that_expires_within_a_day_is_said_with_its_reason() -> None:
    totals = replace(row().totals, next_expire=NOW + 13.5 * HOUR, top_reason=TopReason("452 mailbox full", 1))
    (alert,) = found(row(totals=totals))
    assert (alert.name, alert.severity) == ("expiry", "warning")
    assert alert.text == "the next message expires in 13h 30m: 452 mailbox full"


def test_mail_that_expires_within_hours_is_critical() -> None:
    (alert,) = found(row(totals=replace(row().totals, next_expire=NOW + HOUR)))
    assert alert.severity == "critical"


def test_a_stopped_mail_system_comes_before_everything() -> None:
    first = found(row(health=sick("down", "refused")), capabilities=Capabilities("files", running=False))[0]
    assert first.name == "stopped"


def test_a_file_system_that_fills_up_is_told_by_bytes_or_inodes_whichever_is_fuller() -> None:
    (alert,) = found(row(), space=Space(100, 90, 100, 3))
    assert (alert.name, alert.severity) == ("disk", "critical")
    assert "97%" in alert.text


def test_what_was_given_up_is_critical_until_an_operator_decided() -> None:
    queue = QueueTotals(9, states={"failed": 2, "deferred": 7, "corrupt": 1})
    serving = Capabilities("spool", running=True, service="accepting")
    failed, corrupt = alerts([], queue, serving, ROOM, NOW, Thresholds())
    assert (failed.name, failed.severity, failed.badge) == ("failed", "critical", "FAILED")
    assert failed.text.startswith("2 messages given up")
    assert corrupt.text == "1 queue file in corrupt: mxtui set them aside and will not deliver them"


def test_a_suspended_service_is_not_forgotten() -> None:
    (alert,) = found(row(), capabilities=Capabilities("spool", running=True, service="suspended"))
    assert (alert.name, alert.severity) == ("suspended", "warning")
    assert "7 messages wait until it is resumed" in alert.text


def test_without_a_serve_a_spool_is_stopped() -> None:
    (alert,) = found(row(), capabilities=Capabilities("spool", running=False))
    assert alert.text == "mxtui serve is stopped: nothing is accepted or delivered. 7 messages queued."


def held(kind: str = "migrate", **changes: object) -> DomainStatus:
    hold = DomainHold("example.org", "migrate", "new host", "anna", NOW - HOUR, NOW + 5 * HOUR, "", NOW - HOUR)
    return row(hold=replace(hold, kind=kind, **changes))  # type: ignore[arg-type]


def test_a_migration_is_no_news_until_its_end_is_near() -> None:
    assert found(held()) == []
    (alert,) = found(held(until=NOW + 0.5 * HOUR))
    assert (alert.name, alert.severity, alert.badge) == ("migration_end", "warning", "MIGRATING")
    assert alert.text == "its migration is to end in 30m (anna: new host). 7 messages wait"


def test_a_migration_past_its_end_is_critical() -> None:
    (alert,) = found(held(until=NOW - 60))
    assert (alert.name, alert.severity) == ("migration_end", "critical")


def test_a_migration_that_catches_nothing_is_told_of() -> None:
    (alert,) = found(held(caught_since=None))
    assert (alert.name, alert.severity) == ("migration", "warning")


def test_a_suspended_domain_is_told_of_with_who_and_why() -> None:
    (alert,) = found(held("suspend"))
    assert (alert.name, alert.domain) == ("suspended", "example.org")
    assert alert.text.startswith("suspended by anna until ")
    assert alert.text.endswith(": new host. 7 messages wait")


def test_an_end_that_may_have_been_cut_short_is_told_of() -> None:
    (alert,) = found(held(ending=True))
    assert (alert.name, alert.severity) == ("hold_not_ended", "warning")


def test_a_suspension_that_nobody_ended_is_critical_after_a_moment() -> None:
    (alert,) = found(held("suspend", until=NOW - 1))
    assert alert.name == "suspended"
    (alert,) = found(held("suspend", until=NOW - 60))
    assert (alert.name, alert.severity) == ("hold_not_ended", "critical")


def test_what_a_killed_drain_has_in_hold_alarms_and_what_may_be_delivered_is_named() -> None:
    def seen(messages: int, unanswered: tuple[str, ...], held: int = 50) -> list[Alert]:
        queue = QueueTotals(held, states={"hold": held})
        told = Facts(killed=KilledDrain(NOW - 60, messages, unanswered))
        return list(alerts((), queue, RUNNING, ROOM, NOW, Thresholds(), told))

    (alert,) = seen(40, ("4A1", "4A2", "4A3", "4A4"))
    assert (alert.name, alert.severity, alert.messages) == ("drain_killed", "critical", 44)
    assert alert.text.startswith("40 messages are in hold since a drain by mxtui's own sender was killed at ")
    assert "4A1, 4A2, 4A3 and 1 more were sent and never answered, perhaps delivered" in alert.text
    (alert,) = seen(0, ("4A1",))
    assert alert.text.startswith("4A1 was sent and never answered")
    assert not seen(40, (), held=0), "somebody released all that is held"


def test_a_disk_too_full_to_take_mail_is_critical_however_large_it_is() -> None:
    large = Space(10**12, 3 * 10**11, 10**6, 10**6)
    whole = QueueTotals(7)
    assert not alerts((), whole, RUNNING, large, NOW, Thresholds(least_free=2 * 10**11))
    (alert,) = alerts((), whole, RUNNING, large, NOW, Thresholds(least_free=4 * 10**11))
    assert (alert.name, alert.severity, alert.messages) == ("disk", "critical", 7)
    assert alert.text == "the queue's file system is 70% full, too full for whoever takes mail: it is refused"


def test_what_a_guard_left_of_a_drain_alarms_until_it_is_decided_about() -> None:
    told = Facts(stopped=StoppedDrain(NOW - 60, 9, "the canary was refused"))

    def seen(**states: int) -> list[Alert]:
        queue = QueueTotals(sum(states.values()), states=states)  # type: ignore[arg-type]
        return list(alerts((), queue, RUNNING, ROOM, NOW, Thresholds(), told))

    (alert,) = seen(hold=5, deferred=7)
    assert (alert.name, alert.severity, alert.messages) == ("drain_stopped", "critical", 5)
    assert alert.text.startswith("5 messages are held since a drain was stopped at ")
    assert alert.text.endswith(": the canary was refused")
    assert not seen(deferred=7), "all of it was released"


def test_what_waits_for_a_stopped_drain_is_what_the_next_would_take() -> None:
    stopped = Recovery("mx1.example.org:25", ("example.org",), "stopped", NOW - 60, NOW + HOUR, "it was refused")
    row_of = row(messages=20)
    held = replace(row_of, totals=replace(row_of.totals, states={"deferred": 8, "hold": 10, "quarantine": 2}))

    def seen(recovery: Recovery, left: int) -> list[Alert]:
        serve = replace(RUNNING, recovering=(recovery,))
        facts = Facts(stopped=StoppedDrain(NOW - 60, left, "it was refused") if left else None)
        return [
            each
            for each in alerts((held,), QueueTotals(20), serve, ROOM, NOW, Thresholds(), facts)
            if each.name == "drain_stopped"
        ]

    (alert,) = seen(stopped, left=0)
    assert (alert.messages, "8 messages wait until mxtui flush" in alert.text) == (8, True), "an operator holds ten"
    (alert,) = seen(stopped, left=7)
    assert alert.messages == 15, "and a guard has left seven of those"
    assert not seen(replace(stopped, drained_by_hand=True), left=7), "an operator drains to it now"


def test_what_several_guards_left_is_not_told_as_the_last_ones_alone() -> None:
    told = Facts(stopped=StoppedDrain(NOW - 60, 9, "the canary was refused", several=True))
    queue = QueueTotals(9, states={"hold": 9})
    (alert,) = alerts((), queue, RUNNING, ROOM, NOW, Thresholds(), told)
    assert alert.text.startswith("9 messages are held since drains to their primaries were stopped, the last at ")
    assert alert.text.endswith(": the canary was refused")
