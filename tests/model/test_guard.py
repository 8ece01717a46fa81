from mxtui.model.guard import down, guarded, unwell
from mxtui.model.health import UNKNOWN, Health, Primary
from mxtui.model.plan import Plan, Result
from mxtui.model.planning import make_plan, target_of
from mxtui.model.source import Verb
from tests.index.messages import NOW, message
from tests.support.plans import target

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


def test_mail_for_a_dead_primary_alone_is_left_out_and_what_others_may_have_goes() -> None:
    plan = make_plan(Verb.FLUSH, [target("A1"), target("A2", domains=("example.net", "example.org"))], "--all", NOW)
    left = guarded(plan, {"example.org": "the primary of example.org is down"})
    assert [each.queue_id for each in left.targets] == ["A2"]
    assert left.excluded == (Result("A1", Verb.FLUSH, "refused", "the primary of example.org is down"),)
    assert not left.forced


def test_where_nothing_else_is_left_the_plan_says_that_it_goes_past_a_safeguard() -> None:
    plan = guarded(flush_plan(), down({"example.org": (PRIMARY, DOWN)}))
    (caution,) = plan.cautions
    assert caution.title == "Primary down"
    assert "connection refused" in caution.text
    assert plan.forced


def test_a_flush_that_does_not_concern_the_dead_primary_stays_as_it_is() -> None:
    assert guarded(flush_plan(), down({"elsewhere.example": (PRIMARY, DOWN)})) == flush_plan()
