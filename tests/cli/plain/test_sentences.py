"""What the plain console says, in what order."""

from dataclasses import replace

from mxtui.cli.plain.lists import alerts, domains
from mxtui.cli.plain.sentences import Depth, change_words, domain_sentence, heading
from mxtui.model.overview import Alert, Overview, QueueTotals, Reading, Resolved
from tests.model.alerts.story import HOUR, NOW, health, overview, row

DOWN = Alert("primary_down", "critical", "example.org", "it has been down for 2h 00m", NOW, "DOWN")


def seen(**more: object) -> Overview:
    whole = QueueTotals(20, 20, 20, NOW - HOUR, None, {"deferred": 20})
    return replace(overview(NOW, row(messages=20, oldest=NOW - HOUR)), queue=whole, **more)  # type: ignore[arg-type]


def test_what_needs_an_operator_comes_first() -> None:
    lines = list(heading(seen(alerts=(DOWN,))))
    assert lines[0] == "mx2.example.net, postfix 3.7.11, /var/spool/postfix."
    assert lines[1] == "Critical, DOWN: example.org: it has been down for 2h 00m"
    assert lines[2] == "20 messages queued, the oldest for 1h 00m: 20 deferred."


def test_nothing_is_said_to_be_well_before_it_is_known() -> None:
    assert "Nothing needs you." in list(heading(seen()))
    for unknown in ({"reading": Reading(3, 20)}, {"fault": "it is gone"}, {"heard_at": NOW - 60}):
        assert "Nothing needs you." not in list(heading(seen(**unknown)))
    assert "20 messages queued" not in " ".join(heading(seen(reading=Reading(3, 20))))


def test_old_figures_are_said_to_be_old() -> None:
    assert "These figures are 1m old." in list(heading(seen(heard_at=NOW - 60)))


def test_a_domain_is_a_sentence_with_what_changed_since_it_was_last_said() -> None:
    down = row(messages=20, oldest=NOW - HOUR, health=health("down", NOW - HOUR))
    said = domain_sentence(down, NOW, Depth(8, NOW - 300))
    assert said.startswith(
        "example.org: 20 messages, oldest 1h 00m; "
        "primary mx1.example.org port 25 down for 1h 00m, connection refused; 12 more than at "
    )
    assert change_words(down, NOW, Depth(20, NOW)) == ""
    assert change_words(down, NOW, Depth(30, NOW)).startswith("10 fewer")
    assert change_words(replace(down, change_per_minute=-3.0), NOW, None) == "shrinking by 3 a minute"


def test_rows_say_what_their_numbers_stand_for() -> None:
    (domain,) = domains(seen(), {}).rows
    assert domain.opens == ("domain", "example.org")
    assert domain.means == {"domain": ("example.org",), "filter": ("domain:example.org",)}
    listing = alerts(seen(alerts=(DOWN,), resolved=(Resolved(DOWN, NOW),)))
    assert listing.title == "1 alert; 1 more is over."
    alert, over = listing.rows
    assert alert.means == {"alert": ("primary_down", "example.org")}
    assert over.means is None
    assert over.text.startswith("Over since ")
