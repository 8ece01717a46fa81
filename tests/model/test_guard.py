from dataclasses import replace

from mxtui.model.guard import KEPT_BACK, down, guarded, kept_back, not_yet, unwell
from mxtui.model.health import UNKNOWN, Health, Primary
from mxtui.model.holds import DomainHold
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


def test_what_an_operator_keeps_back_goes_only_past_a_safeguard_and_says_how_to_end_it() -> None:
    hold = DomainHold("example.org", "suspend", "moves", "anna", NOW, NOW + 60)
    held = kept_back(["example.org", "a.example.org", "example.net"], [hold], NOW)
    assert held.keys() == {"example.org", "a.example.org"}
    plan = guarded(flush_plan(), down({"example.org": (PRIMARY, DOWN)}), held)
    (caution,) = plan.cautions
    assert caution.title == KEPT_BACK
    assert caution.text.startswith("example.org is suspended, 1m left (mxtui resume example.org). ")
    assert plan.forced
    assert kept_back(["example.org"], [hold], NOW + 61) == {}
    both = make_plan(Verb.FLUSH, [target("A1"), target("A2", domains=("example.net",))], "--all", NOW)
    assert [each.queue_id for each in guarded(both, {}, held).targets] == ["A2"]


def test_a_flush_that_does_not_concern_the_dead_primary_stays_as_it_is() -> None:
    assert guarded(flush_plan(), down({"elsewhere.example": (PRIMARY, DOWN)})) == flush_plan()


def test_what_a_migration_held_waits_for_the_new_primary() -> None:
    hold = DomainHold("example.org", "migrate", "moves", "anna", 0.0, 9.0, "[mx9.example.org]")
    up = Health("up", 0.0, "starttls", "", 9.0)
    old, new = Primary("mx1.example.org", 25, "transport"), Primary("mx9.example.org", 25, "transport")
    assert "goes to mx1.example.org:25, not to the new primary mx9.example.org:25" in not_yet(
        hold, {"example.org": (old, up)}
    )
    assert "goes to nowhere" in not_yet(hold, {})
    assert not_yet(hold, {"example.org": (new, up)}) == ""
    assert "is down" in not_yet(hold, {"example.org": (new, DOWN)})
    assert not_yet(replace(hold, to=""), {}) == ""
