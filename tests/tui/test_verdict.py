"""What line 2 says."""

from dataclasses import replace

from mxtui.tui.verdict import judge
from tests.tui.fakes import HOUR, NOW, World, healthy


def test_the_gravest_alert_speaks_and_the_others_follow(world: World) -> None:
    said = judge(world.overview(), NOW)
    assert (said.severity, said.badge, said.subject) == ("critical", "DOWN", "example.org")
    assert said.text == "mx1.example.org has refused connections for 6h 09m. 700 messages wait, safe until Sat 07:53."
    assert said.short == "refused for 6h 09m; 700 safe until Sat 07:53"
    assert {alert.domain for alert in said.others} == {"clinic.example", "museum.example"}


def test_a_view_that_cannot_be_trusted_comes_before_any_alert(world: World) -> None:
    overview = world.overview()
    assert judge(overview, NOW + 119).badge == "DOWN"
    said = judge(overview, NOW + 130)
    assert (said.badge, said.severity) == ("STALE", "critical")
    assert "2m" in said.text


def test_a_queue_that_cannot_be_read_says_why_and_what_to_do(world: World) -> None:
    said = judge(world.overview(fault="no permission", hint="Run as root."), NOW)
    assert said.badge == "STALE"
    assert said.text == "no permission. Run as root."


def test_what_somebody_knows_of_is_said_once_at_every_width(world: World) -> None:
    world.acknowledging.acknowledge(world.overview().alerts, "known", HOUR)
    said = judge(world.overview(), NOW)
    assert said.subject == f"{len(world.overview().alerts)} alerts acknowledged."
    assert said.text == said.short == "773 messages wait, the oldest for 4d 10h."


def test_when_all_is_well_it_says_so(world: World) -> None:
    up = [replace(row, health=healthy(9.0)) for row in world.overview().domains]
    said = judge(world.overview(alerts=(), domains=up), NOW)
    assert (said.severity, said.badge) == ("well", "")
    assert said.subject == "All 7 primaries are up."
    assert said.text == "773 messages wait, the oldest for 4d 10h."


def test_what_was_not_checked_is_never_called_well(world: World) -> None:
    assert judge(world.overview(alerts=()), NOW + HOUR / 60).severity == "plain"
    rows = [replace(row, health=None) for row in world.overview().domains]
    said = judge(world.overview(alerts=(), domains=rows), NOW)
    assert said.severity == "plain"
    assert "not checked yet" in said.subject


def test_before_any_route_is_known_it_says_what_waits_and_says_it_once(world: World) -> None:
    rows = [replace(row, primary=None, health=None) for row in world.overview().domains]
    said = judge(world.overview(alerts=(), domains=rows), NOW)
    assert (said.subject, said.text) == ("", "773 messages wait, the oldest for 4d 10h.")
    assert said.short == said.text


def test_an_outage_that_was_found_so_is_not_given_a_length(world: World) -> None:
    world.health["example.org"] = replace(world.health["example.org"], since=NOW - HOUR / 60, found_so=True)
    said = judge(world.overview(), NOW)
    assert said.text == (
        "mx1.example.org has refused connections since before 14:01. 700 messages wait, safe until Sat 07:53."
    )
    assert said.short == "refused since before 14:01; 700 safe until Sat 07:53"
