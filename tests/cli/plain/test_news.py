"""What is told at the plain prompt while things change."""

from dataclasses import replace

from mxtui.cli.plain.news import FEW, MOST, Said, learn, news
from mxtui.model.drain.standing import Standing
from mxtui.model.overview import Acknowledgement, Alert, DomainStatus, Overview, Resolved
from mxtui.model.plan import FlushProgress
from tests.model.alerts.story import NOW, health, overview, row


def told(said: Said, seen: Overview, standing: Standing | None = None) -> list[str]:
    return list(news(said, seen, standing))


def knowing(*rows: DomainStatus) -> Said:
    said = Said()
    learn(said, overview(NOW, *rows), None)
    return said


def disk(severity: str = "warning", **more: object) -> Alert:
    alert = Alert("disk", "warning", None, "1 GB is left.", NOW, "DISK")
    return replace(alert, severity=severity, **more)  # type: ignore[arg-type]


def test_nothing_is_told_while_nothing_changes() -> None:
    said = knowing(row(messages=50))
    assert told(said, overview(NOW + 60, row(messages=51))) == []


def test_an_alert_is_told_when_it_is_new_when_it_is_worse_and_when_it_is_over() -> None:
    said = knowing()
    (new,) = told(said, overview(NOW, alerts=(disk(),)))
    assert new == "New: Warning, DISK: 1 GB is left."
    assert told(said, overview(NOW, alerts=(disk(),))) == []
    (worse,) = told(said, overview(NOW, alerts=(disk("critical"),)))
    assert worse.startswith("New: Critical")
    (over,) = told(said, overview(NOW, resolved=(Resolved(disk("critical"), NOW),)))
    assert over.startswith("Over: Critical, DISK")
    assert told(said, overview(NOW, resolved=(Resolved(disk("critical"), NOW),))) == []


def test_an_alert_that_somebody_knows_of_is_no_news() -> None:
    known = Acknowledgement("disk", None, "warning", "known", "anna", NOW, NOW + 60)
    assert told(knowing(), overview(NOW, alerts=(disk(acknowledged=known),))) == []


def test_an_alert_that_came_and_went_while_somebody_typed_is_told() -> None:
    said = knowing()
    (line,) = told(said, overview(NOW + 60, resolved=(Resolved(disk(), NOW + 30),)))
    assert line.startswith("Came and went: ")
    assert told(said, overview(NOW + 61, resolved=(Resolved(disk(), NOW + 30),))) == []


def test_many_alerts_of_one_kind_are_one_line() -> None:
    many = tuple(Alert("expiry", "warning", f"d{n}.example", "2 expire.", NOW, "EXPIRY", 2) for n in range(100))
    (line,) = told(knowing(), overview(NOW, alerts=many))
    assert "100 domains" in line


def test_a_primary_is_told_of_once_for_all_its_domains_and_not_as_an_alert_besides() -> None:
    domains = [replace(row(f"d{n}.example", 3), primary=row().primary) for n in range(3)]
    said = knowing(*domains)
    down = [replace(each, health=health("down", NOW + 5)) for each in domains]
    alert = Alert("primary_down", "critical", "d0.example", "it is down", NOW, "DOWN")
    (line,) = told(said, overview(NOW + 9, *down, alerts=(alert,)))
    assert line == (
        "Primary mx1.example.org port 25 is down, connection refused. "
        "It is that of d0.example and 2 others; 9 messages queued."
    )
    (back,) = told(said, overview(NOW + 60, *[replace(each, health=health("up", NOW + 50)) for each in domains]))
    assert "is up. It" in back


def test_a_primary_that_nobody_knows_of_for_a_moment_is_not_told_of_again() -> None:
    down = replace(row(), health=health("down", NOW))
    said = knowing(down)
    assert told(said, overview(NOW + 9, replace(row(), health=health("unknown", NOW)))) == []
    assert told(said, overview(NOW + 18, down)) == []


def test_a_primary_that_was_away_while_somebody_typed_is_told_of() -> None:
    said = knowing(row())
    (line,) = told(said, overview(NOW + 60, replace(row(), health=health("up", NOW + 50))))
    assert "is up" in line


def test_a_thousand_primaries_that_go_down_at_once_are_a_few_lines() -> None:
    rows = [row(f"d{n}.example", n) for n in range(1000)]
    lines = told(knowing(*rows), overview(NOW, *[replace(each, health=health("down", NOW)) for each in rows]))
    assert len(lines) == MOST + 1
    assert "d999.example" in lines[0]
    assert lines[-1].startswith(f"{1000 - MOST} more primaries changed")


def test_a_domain_is_told_of_when_its_depth_doubles_or_halves() -> None:
    said = knowing(row(messages=FEW))
    depths = [*range(FEW, 101), *range(100, -1, -1)]
    lines = [line for depth in depths for line in told(said, overview(NOW, row(messages=depth)))]
    assert [int(word) if (word := line.split()[2]).isdigit() else 0 for line in lines] == [20, 40, 80, 40, 20, 10, 5, 0]
    assert "nothing queued, 5 at" in lines[-1]


def test_a_trickle_is_no_news() -> None:
    said = knowing(row())
    assert [told(said, overview(NOW, row(messages=depth))) for depth in (1, 5, FEW - 1, 3, 0)] == [[]] * 5


def test_a_queue_that_cannot_be_followed_is_told_of_and_so_is_its_return() -> None:
    said = knowing(row())
    (gone,) = told(said, overview(NOW + 60, row(), fault="the path is gone"))
    assert "the path is gone" in gone
    assert told(said, overview(NOW + 61, row(), fault="the path is gone")) == []
    assert told(said, overview(NOW + 90, row())) == ["The queue is followed again."]


def test_a_drain_is_told_of_by_steps_and_to_its_verdict() -> None:
    said = knowing(row())
    seen = overview(NOW, row())
    began = Standing("a1", "domain:example.org", "through Postfix", "anna", 1, NOW, NOW)

    def at(delivered: int, phase: str = "steady", why: str = "") -> Standing:
        left = 200 - delivered
        return replace(began, progress=FlushProgress(200, delivered, 0, 0, left, 9.0, None, phase, why=why))  # type: ignore[arg-type]

    steps = [
        began,
        *(at(done) for done in range(0, 200, 10)),
        at(150, "backoff", "450 later."),
        at(150, "backoff", "450 later."),
    ]
    lines = [line for standing in steps for line in told(said, seen, standing)]
    assert len(lines) == 5
    assert lines[0] == "Drain of domain:example.org began, through Postfix; asked for by anna."
    assert [line.split(": ")[1][:3] for line in lines[1:4]] == ["25%", "50%", "75%"]
    assert lines[4] == "Drain of domain:example.org waits: 450 later."
    (end,) = told(said, seen, at(200, "done").over(NOW + 60))
    assert "ended. 200 messages: 200 delivered" in end
    assert told(said, seen, at(200, "done").over(NOW + 60)) == []


def test_what_strangers_wrote_cannot_reach_the_terminal() -> None:
    hostile = "\x1b[2J\u202e"
    drain = Standing("a1", hostile, hostile, hostile, 1, NOW, NOW).over(NOW, hostile)
    bad = replace(row(hostile, 50), health=replace(health("down", NOW), detail=hostile))
    alert = Alert("disk", "warning", hostile, hostile, NOW, "DISK")
    lines = told(knowing(), overview(NOW, bad, alerts=(alert,), fault=hostile), drain)
    assert len(lines) >= 5
    assert "".join(lines).isprintable()
