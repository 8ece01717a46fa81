from dataclasses import replace

from mxtui.model.guard import not_yet, unwell, warned
from mxtui.model.health import UNKNOWN, Health, Primary
from mxtui.model.holds import DomainHold
from mxtui.model.plan import Plan
from mxtui.model.planning import make_plan, target_of
from mxtui.model.source import Verb
from tests.index.messages import NOW, message

PRIMARY = Primary("mx1.example.org", 25, "transport")
DOWN = Health("down", NOW, "tcp", "connection refused", None)
UP = Health("up", NOW, "starttls", "", 9.0)


def flush_plan() -> Plan:
    return make_plan(Verb.FLUSH, [target_of(message())], "domain:example.org", NOW)


def test_nothing_speaks_against_primaries_that_are_up_or_not_known() -> None:
    assert (
        unwell({"example.org": (PRIMARY, UP), "example.net": (PRIMARY, UNKNOWN), "local.example": (None, DOWN)}) == ""
    )


def test_a_primary_that_is_down_is_named_with_its_reason_and_the_others_counted() -> None:
    words = unwell({"b.example": (PRIMARY, DOWN), "a.example": (PRIMARY, DOWN), "c.example": (PRIMARY, UP)})
    assert words == "the primary of a.example is down: mx1.example.org:25 tcp connection refused, and 1 more"


def test_a_flush_into_a_dead_primary_carries_a_caution() -> None:
    (caution,) = warned(flush_plan(), {"example.org": (PRIMARY, DOWN)}).cautions
    assert caution.title == "Primary down"
    assert "connection refused" in caution.text


def test_a_flush_that_does_not_concern_the_dead_primary_carries_none() -> None:
    assert warned(flush_plan(), {"elsewhere.example": (PRIMARY, DOWN)}).cautions == ()


def test_what_a_migration_held_waits_for_the_new_primary() -> None:
    hold = DomainHold("example.org", "migrate", "moves", "anna", 0.0, 9.0, "[mx9.example.org]")
    up = Health("up", 0.0, "starttls", "", 9.0)
    old, new = Primary("mx1.example.org", 25, "transport"), Primary("mx9.example.org", 25, "transport")
    assert "goes to mx1.example.org:25, not to the new primary mx9.example.org:25" in not_yet(
        hold, {"example.org": (old, up)}
    )
    assert "goes to nowhere" in not_yet(hold, {})
    assert not_yet(hold, {"example.org": (new, up)}) == ""
    down = Health("down", 0.0, "tcp", "connection refused", None)
    assert "is down" in not_yet(hold, {"example.org": (new, down)})
    assert not_yet(replace(hold, to=""), {}) == ""
