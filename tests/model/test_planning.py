"""What a verb may touch, and what it warns of."""

import pytest

from mxtui.model.message import STATES, State
from mxtui.model.plan import Plan, Target
from mxtui.model.planning import make_plan, refusal, selected_domains
from mxtui.model.quarantine import UNNAMED
from mxtui.model.redirect import read_redirect
from mxtui.model.source import Verb
from tests.support.plans import target

NOW = 100_000.0


def plan(verb: Verb, *targets: Target, selection: str = "--all", keep_copy: bool = True) -> Plan:
    return make_plan(verb, targets, selection, NOW, keep_copy=keep_copy)


def titles(made: Plan) -> list[str]:
    return [caution.title for caution in made.cautions]


@pytest.mark.parametrize("verb", [Verb.HOLD, Verb.RELEASE, Verb.REJECT, Verb.DELETE])
def test_a_message_in_delivery_is_never_touched(verb: Verb) -> None:
    made = plan(verb, target(state="active"))
    assert made.targets == ()
    assert [result.detail for result in made.excluded] == ["in delivery now"]


@pytest.mark.parametrize("verb", [verb for verb in Verb if verb is not Verb.RESTORE])
@pytest.mark.parametrize("state", STATES)
def test_every_refusal_has_words(verb: Verb, state: str) -> None:
    assert isinstance(refusal(verb, state), str)  # type: ignore[arg-type]
    assert refusal(verb, "corrupt")


def test_a_held_message_is_left_out_of_a_flush_and_says_why() -> None:
    made = plan(Verb.FLUSH, target("A00000000", state="hold"), target("B00000000"), target("C00000000", state="active"))
    assert [each.queue_id for each in made.targets] == ["B00000000", "C00000000"]
    assert made.excluded[0].detail == "held: release it first"


def test_a_message_named_twice_is_acted_on_once() -> None:
    assert len(plan(Verb.HOLD, target(), target()).targets) == 1


def test_returning_many_different_senders_warns_of_backscatter() -> None:
    forged = [target(f"A{n:08X}", sender=f"u{n}@h{n}.example") for n in range(20)]
    made = plan(Verb.REJECT, *forged)
    assert made.cautions[0].title == "Backscatter"
    assert made.cautions[0].safer is Verb.DELETE
    assert not made.reversible


def test_returning_much_to_one_sender_names_who_gets_the_notices() -> None:
    made = plan(Verb.REJECT, *[target(f"A{n:08X}", sender="bulk@spam.example") for n in range(41)])
    assert made.cautions[0].title == "Backscatter"
    assert made.cautions[0].text.startswith("41 notices go to bulk@spam.example")
    assert made.cautions[0].safer is Verb.DELETE


def test_returning_a_few_messages_of_some_senders_does_not_warn() -> None:
    some = [target(f"A{n:08X}", sender=f"u{n % 3}@example.com") for n in range(20)]
    assert titles(plan(Verb.REJECT, *some)) == []


def test_returning_bounces_says_that_nobody_is_told() -> None:
    made = plan(Verb.REJECT, target("A00000000", sender=""), target("B00000000"))
    assert titles(made) == ["No notice"]
    assert "50%" in made.cautions[0].text


def test_what_is_damaged_is_not_returned_and_not_counted_as_a_bounce() -> None:
    made = plan(Verb.REJECT, target("A00000000", sender="", damaged=True), target("B00000000", sender=""))
    assert [each.queue_id for each in made.targets] == ["B00000000"]
    assert made.excluded[0].detail == "damaged: no notice can be made of it"
    held = plan(Verb.HOLD, target("A00000000", sender="", damaged=True))
    assert (len(held.targets), held.null_senders, held.senders) == (1, 0, 0)


def test_deleting_what_is_damaged_says_that_it_cannot_be_put_back() -> None:
    assert titles(plan(Verb.DELETE, target(damaged=True), target("B00000000"))) == ["Damaged"]
    assert titles(plan(Verb.DELETE, target(damaged=True), keep_copy=False)) == ["No copy"]


def test_releasing_mail_at_the_end_of_its_life_says_that_it_is_renewed() -> None:
    made = plan(
        Verb.RELEASE, target(state="hold", expires=NOW - 5), target("B00000000", state="hold", expires=NOW + 3600)
    )
    assert titles(made) == ["Renewed"]
    assert made.cautions[0].text.startswith("1 message ")


def test_renewing_says_what_postfix_makes_of_it_and_leaves_out_what_does_not_expire() -> None:
    others = target("C00000000", state="active"), target("D00000000", state="failed")
    made = plan(Verb.RENEW, target(), target("B00000000", state="hold"), *others)
    assert titles(made) == ["New lifetime", "Held"]
    assert not made.reversible
    assert [each.queue_id for each in made.targets] == ["A00000000", "B00000000"]
    assert [each.detail for each in made.excluded] == ["in delivery now", "given up: a release renews it"]


def test_releasing_what_was_suspected_or_given_up_says_so() -> None:
    suspected, given_up = target(state="quarantine"), target("B00000000", state="failed")
    made = plan(Verb.RELEASE, suspected, given_up, selection="is:quarantined or state:failed")
    assert titles(made) == ["Suspected spam", "Refused before"]


def test_no_notice_is_sent_for_suspected_spam() -> None:
    made = plan(Verb.REJECT, target(state="quarantine"), target("B00000000", state="failed"))
    assert [each.queue_id for each in made.targets] == ["B00000000"]
    assert "suspected spam" in made.excluded[0].detail


IN_QUARANTINE = "A00000000"


@pytest.mark.parametrize(
    ("selection", "named"),
    [
        ("--all", False),
        ("domain:example.org", False),
        ("-is:quarantined", False),
        ("domain:example.org -(id:A00000000)", False),
        ("id:A*", False),
        ("id:B00000000 or domain:example.org", False),
        ("2 marked", False),
        ("undo hold 20260101T000000-1-0", False),
        ("migration of example.org: (moved", False),
        ("id:A00000000", True),
        ("id:B00000000|A00000000", True),
        ("is:quarantined domain:example.org", True),
        ("is:held|quarantined", True),
        ("campaign:c7f3 (state:quarantine)", True),
    ],
)
def test_a_release_leaves_out_what_is_in_quarantine_unless_it_is_named(selection: str, named: bool) -> None:
    made = plan(Verb.RELEASE, target(IN_QUARANTINE, state="quarantine"), target("B00000000", state="hold"),
                selection=selection)  # fmt: skip
    assert [each.queue_id for each in made.targets] == [IN_QUARANTINE, "B00000000"][not named :]
    assert [(each.queue_id, each.detail) for each in made.excluded] == [(IN_QUARANTINE, UNNAMED)] * (not named)


def test_marks_name_what_is_in_quarantine_where_nothing_else_is_marked() -> None:
    some = [target(f"A0000000{n}", state="quarantine") for n in range(2)]
    assert len(plan(Verb.RELEASE, *some, selection="2 marked").targets) == 2
    assert len(plan(Verb.RELEASE, *some, target("B00000000", state="hold"), selection="3 marked").targets) == 1


def test_quarantine_takes_what_waits_is_held_or_given_up_and_nothing_in_delivery() -> None:
    states: tuple[State, ...] = ("deferred", "incoming", "hold", "failed", "active", "quarantine", "corrupt")
    made = plan(Verb.QUARANTINE, *[target(f"A0000000{n}", state=each) for n, each in enumerate(states)])
    assert [each.state for each in made.targets] == ["deferred", "incoming", "hold", "failed"]
    assert [each.detail for each in made.excluded[:2]] == ["in delivery now", "in quarantine already"]
    assert made.reversible


@pytest.mark.parametrize("verb", [Verb.HOLD, Verb.FLUSH, Verb.RENEW, Verb.REJECT, Verb.REDIRECT])
def test_what_is_in_quarantine_is_left_there(verb: Verb) -> None:
    assert not plan(verb, target(IN_QUARANTINE, state="quarantine"), selection=f"id:{IN_QUARANTINE}").targets


@pytest.mark.parametrize("verb", [Verb.HOLD, Verb.FLUSH])
def test_what_was_given_up_is_neither_held_nor_tried(verb: Verb) -> None:
    assert "given up" in plan(verb, target(state="failed")).excluded[0].detail


def test_holding_does_not_stop_the_clock() -> None:
    assert titles(plan(Verb.HOLD, target(expires=NOW + 3600))) == ["Lifetime"]
    assert titles(plan(Verb.HOLD, target(expires=NOW + 4 * 86400))) == []


def test_redirecting_says_how_many_recipients_one_address_takes_the_place_of() -> None:
    several, one = target(recipients=3), target("B00000000", state="failed")
    somewhere = read_redirect("new@example.org", "")
    made = make_plan(Verb.REDIRECT, [several, one], "--all", NOW, where=somewhere)
    assert titles(made) == ["Several recipients"]
    assert made.cautions[0].text.startswith("1 message wait") or made.cautions[0].text.startswith("1 message ")
    assert (made.where, made.reversible) == (somewhere, True)
    for harmless in (read_redirect("", "mx3"), read_redirect("new@example.org", "", "a@example.org")):
        assert titles(make_plan(Verb.REDIRECT, [several, one], "--all", NOW, where=harmless)) == []


def test_mail_in_quarantine_is_not_redirected() -> None:
    made = plan(Verb.REDIRECT, target(state="quarantine"), target("B00000000", state="active"))
    assert [each.detail for each in made.excluded] == ["in quarantine: release it first", "in delivery now"]


def test_a_deletion_without_a_copy_cannot_be_undone() -> None:
    assert plan(Verb.DELETE, target()).reversible
    made = plan(Verb.DELETE, target(), keep_copy=False)
    assert not made.reversible
    assert titles(made) == ["No copy"]


def test_acting_on_a_domain_names_the_others_it_concerns() -> None:
    both = target("A00000000", domains=("example.org", "other.example"))
    made = plan(Verb.DELETE, both, target("B00000000"), selection="domain:example.org age>2h")
    assert titles(made) == ["Whole messages"]
    assert "other.example" in made.cautions[0].text
    assert titles(plan(Verb.DELETE, both, selection="from:<>")) == []
    assert titles(plan(Verb.DELETE, both, selection="domain:*")) == []


def test_a_negated_domain_is_not_one_that_was_chosen() -> None:
    assert selected_domains("domain:Example.ORG -domain:b.example subdomain:x") == ["example.org"]
