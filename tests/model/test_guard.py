from mxtui.model.guard import unwell, warned
from mxtui.model.health import UNKNOWN, Health, Primary
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
