import pytest

from mxtui.model.drain.guard import Guard
from mxtui.model.drain.pace import ails
from mxtui.model.drain.settings import DrainSettings
from mxtui.model.plan import Fate
from tests.model.drain.drains import settle


def guard(**settings: object) -> Guard:
    return Guard(DrainSettings(**settings))  # type: ignore[arg-type]


def judge(keeper: Guard, *fates: Fate, times: int = 1) -> str:
    """The first sentence, if any, of these in turn."""
    return next(
        (why for why in (keeper.settled(settle("A00000000", fate)) for _ in range(times) for fate in fates) if why), ""
    )


def settled_until_stopped(keeper: Guard, fate: Fate, most: int = 10_000) -> int:
    return next(number for number in range(1, most) if keeper.settled(settle("A00000000", fate)))


def test_a_delivered_canary_lets_the_others_go() -> None:
    assert guard().canary(settle("A00000000")) == ""


@pytest.mark.parametrize("fate", ["refused", "bounced", "expired", "vanished"])
def test_any_other_end_of_the_canary_stops_everything(fate: Fate) -> None:
    assert "nothing else was tried" in guard().canary(settle("A00000000", fate, seconds=1.0))


def test_one_that_was_gone_before_its_turn_says_nothing() -> None:
    keeper = guard()
    assert keeper.canary(settle("A00000000", "vanished")) == ""
    assert not any(keeper.settled(settle("A00000000", "vanished")) for _ in range(100))


def test_one_that_was_kept_from_its_turn_says_nothing_either() -> None:
    keeper = guard()
    elsewhere = settle("A00000000", "deferred")._replace(untried=True)
    assert not any(keeper.canary(elsewhere) for _ in range(10))
    assert not any(keeper.settled(elsewhere) for _ in range(100))
    assert ails(elsewhere) == ""


def test_a_refused_canary_is_told_with_the_reply_and_what_became_of_it() -> None:
    assert guard().canary(settle("A00000000", "refused")) == (
        "the canary A00000000 was refused (550 5.1.1 User unknown) and kept; nothing else was tried: "
        "look at the replies, and drain again when it takes mail"
    )
    assert "and returned to its sender" in guard().canary(settle("A00000000", "bounced"))


def test_three_deferred_canaries_in_a_row_stop_everything() -> None:
    keeper = guard()
    deferred = settle("A00000000", "deferred")
    assert [bool(keeper.canary(deferred)) for _ in range(3)] == [False, False, True]


def test_within_the_trial_the_third_refusal_stops_it() -> None:
    assert judge(guard(), "delivered", "refused", "delivered", "bounced") == ""
    assert judge(guard(), "delivered", "refused", "bounced", "refused") == (
        "3 of the first 4 were refused, more than 5% of a trial, the last (550 5.1.1 User unknown): "
        "look at the replies, and drain again when it takes mail"
    )


def test_some_unknown_users_among_many_are_no_reason_to_stop() -> None:
    thirty: list[Fate] = ["delivered"] * 30
    assert judge(guard(), *thirty, "refused", times=200) == ""


def test_a_larger_share_than_allowed_stops_it_after_the_trial_too() -> None:
    keeper = guard()
    assert judge(keeper, "delivered", times=100) == ""
    nine: list[Fate] = ["delivered"] * 9
    assert judge(keeper, *nine, "refused", times=50) != ""


def test_a_primary_that_breaks_late_is_noticed_by_what_came_last() -> None:
    keeper = guard()
    assert judge(keeper, "delivered", times=20_000) == ""
    assert settled_until_stopped(keeper, "refused") == 10


def test_a_share_of_one_is_never_too_many() -> None:
    assert judge(guard(refused_share=1.0, trial=1), "refused", times=500) == ""


def test_more_than_half_of_the_last_put_off_stops_it() -> None:
    keeper = guard()
    assert judge(keeper, "delivered", times=1000) == ""
    assert settled_until_stopped(keeper, "deferred") == 26
    why = judge(keeper, "deferred")
    assert why.startswith("27 of the last 50 were deferred, the last (452 4.2.2 Mailbox full): ")


def test_what_was_under_way_when_the_primary_failed_is_no_share_of_deferrals() -> None:
    keeper = guard()
    assert not any(keeper.settled(settle("A00000000", "deferred"), echo=True) for _ in range(1000))
    assert [bool(keeper.settled(settle("A00000000", "refused"), echo=True)) for _ in range(60)][-1]


def test_what_ails_the_host_itself_is_left_to_the_pace() -> None:
    keeper = guard()
    assert not any(keeper.settled(settle("A00000000", "deferred", dsn="4.4.2")) for _ in range(500))
    assert not any(keeper.settled(settle("A00000000", "deferred", busy=True)) for _ in range(500))
    refused = settle("A00000000", "deferred", dsn="4.7.5")._replace(unreachable=True)
    assert not any(keeper.settled(refused) for _ in range(500))
    assert settled_until_stopped(keeper, "deferred") == 20, "and says nothing of the messages"


def test_mail_that_leaves_without_evidence_is_not_called_deferred_alone() -> None:
    keeper = guard()
    why = [keeper.settled(settle("A00000000", "vanished", seconds=1.0)) for _ in range(20)][-1]
    assert why.startswith("20 of the last 20 were deferred, or left the queue without evidence, the last: ")


def test_a_few_deferrals_at_the_start_mean_nothing_yet() -> None:
    assert settled_until_stopped(guard(), "deferred") == 20


def test_on_trial_until_as_many_were_settled() -> None:
    keeper = guard(trial=3)
    seen = []
    for _ in range(4):
        seen.append(keeper.on_trial)
        keeper.settled(settle("A00000000"))
    assert seen == [True, True, True, False]
