"""Asking a real SMTP server about recipients."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from mxtui.demo.primary import FakePrimary
from mxtui.receiver.paths import parse_address
from mxtui.receiver.recipients.callout import CallOut, CallOutPolicy
from mxtui.receiver.recipients.learned import LearnedRecipients
from mxtui.receiver.recipients.verdict import Verdict
from tests.receiver.serving import settled

STRANGERS = r"^(?!user)"
"""Recipients that a primary with users named user… refuses."""

DAY = 86400.0


class Asking:
    def __init__(self, primary: FakePrimary, **policy: Any) -> None:
        self.now = 1_800_000_000.0
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.primary = primary
        self.known: tuple[str, int] | None = ("127.0.0.1", primary.port)
        self.learned = LearnedRecipients()
        self.callout = CallOut(
            lambda domain: self.known,
            self.learned,
            lambda event, **fields: self.events.append((event, fields)),
            hostname="mx2.example.net",
            policy=CallOutPolicy(**policy),
            clock=lambda: self.now,
        )

    async def check(self, address: str) -> Verdict:
        return await self.callout.check(parse_address(address))

    async def outcome(self, address: str) -> str:
        return (await self.check(address)).outcome


Ask = Callable[..., Asking]


@pytest.fixture
async def ask(primary: FakePrimary) -> AsyncIterator[Ask]:
    made: list[Asking] = []

    def start(**policy: Any) -> Asking:
        made.append(Asking(primary, **policy))
        return made[-1]

    yield start
    for asking in made:
        await asking.callout.close()


@pytest.fixture
def asking(ask: Ask, primary: FakePrimary) -> Asking:
    primary.behave(permanent=STRANGERS)
    return ask()


async def test_the_primary_knows(asking: Asking) -> None:
    assert await asking.outcome("user1@example.org") == "good"
    refused = await asking.check("nobody@example.org")
    assert refused.outcome == "bad"
    assert "User unknown" in refused.why
    assert asking.primary.accepted == []


async def test_an_answer_is_remembered(asking: Asking) -> None:
    await asking.outcome("user1@example.org")
    await asking.outcome("nobody@example.org")
    asking.primary.down()
    assert await asking.outcome("USER1@Example.org") == "good"
    assert await asking.outcome("nobody@example.org") == "bad"


async def test_bad_answers_age_sooner_than_good_ones(asking: Asking) -> None:
    await asking.outcome("user1@example.org")
    await asking.outcome("new@example.org")
    asking.primary.behave(permanent=r"^(?!user|new)")
    asking.now += 2 * 3600 - 1
    assert await asking.outcome("new@example.org") == "bad"
    asking.now += 1
    assert await asking.outcome("new@example.org") == "good"


async def test_what_was_good_stays_so_for_as_long_as_nobody_can_be_asked(asking: Asking) -> None:
    await asking.outcome("user1@example.org")
    await asking.outcome("nobody@example.org")
    asking.primary.down()
    asking.now += 30 * DAY
    assert await asking.outcome("user1@example.org") == "good"
    assert await asking.outcome("nobody@example.org") == "undecided"
    assert await asking.outcome("user2@example.org") == "undecided"


async def test_a_primary_that_takes_everybody_is_asked_no_more_that_day(ask: Ask, primary: FakePrimary) -> None:
    asking = ask(keep=0.0)
    assert await asking.outcome("anybody@example.org") == "good"
    asked = primary.connections
    for number in range(10):
        assert await asking.outcome(f"{number}@example.org") == "good"
    assert primary.connections == asked
    asking.now += DAY
    primary.behave(permanent=STRANGERS)
    assert await asking.outcome("anybody@example.org") == "bad"


async def test_a_primary_that_is_down_is_left_alone_for_a_while(asking: Asking) -> None:
    asking.primary.down()
    assert await asking.outcome("user1@example.org") == "undecided"
    asking.primary.up()
    assert await asking.outcome("user1@example.org") == "undecided"
    asking.now += asking.callout.policy.rest
    assert await asking.outcome("user1@example.org") == "good"
    assert [event for event, _ in asking.events] == ["callout_failed"]


async def test_a_primary_nobody_knows_cannot_be_asked(asking: Asking) -> None:
    asking.known = None
    assert await asking.outcome("user1@example.org") == "undecided"


@pytest.mark.parametrize("behaviour", [{"busy": True}, {"temporary": "."}, {"banner_delay": 5.0}])
async def test_trouble_of_the_primary_says_nothing_of_the_recipient(
    ask: Ask, primary: FakePrimary, behaviour: Any
) -> None:
    primary.behave(**behaviour)
    asking = ask(timeout=0.3)
    assert await asking.outcome("user1@example.org") == "undecided"
    assert asking.callout.bad() == []


async def test_many_questions_use_few_connections(asking: Asking) -> None:
    outcomes = await asyncio.gather(*(asking.outcome(f"user{number}@example.org") for number in range(50)))
    assert set(outcomes) == {"good"}
    assert asking.primary.busiest <= asking.callout.policy.connections
    assert asking.primary.connections < 10, "and use them again"


async def test_one_question_is_asked_once_however_many_wait_for_it(ask: Ask, primary: FakePrimary) -> None:
    primary.behave(permanent=STRANGERS, banner_delay=0.05)
    asking = ask()
    outcomes = await asyncio.gather(*(asking.outcome("user1@example.org") for _ in range(50)))
    assert set(outcomes) == {"good"}
    assert primary.connections == 1


async def test_questions_past_the_bound_are_undecided_at_once(ask: Ask, primary: FakePrimary) -> None:
    primary.behave(permanent=STRANGERS, banner_delay=0.2)
    asking = ask(waiting=5)
    outcomes = await asyncio.gather(*(asking.outcome(f"user{number}@example.org") for number in range(20)))
    assert (outcomes.count("good"), outcomes.count("undecided")) == (5, 15)


async def test_who_is_expected_is_asked_about_while_nobody_waits(asking: Asking) -> None:
    asking.callout.expect(parse_address("user1@example.org"))
    asking.callout.expect(parse_address("nobody@example.org"))
    await settled(lambda: len(asking.learned) == 3)  # the domain is no catch-all, and the two
    asking.primary.down()
    assert await asking.outcome("user1@example.org") == "good"
    assert await asking.outcome("nobody@example.org") == "bad"


async def test_expecting_somebody_takes_no_connection_from_those_who_wait(ask: Ask, primary: FakePrimary) -> None:
    asking = ask(connections=1)
    waiting = asyncio.create_task(asking.check("user1@example.org"))
    await asyncio.sleep(0)
    asking.callout.expect(parse_address("user2@example.org"))
    assert (await waiting).outcome == "good"
    assert asking.learned.get("user2@example.org") is None


async def test_a_client_that_leaves_does_not_take_the_answer_along(ask: Ask, primary: FakePrimary) -> None:
    primary.behave(permanent=STRANGERS, banner_delay=0.05)
    asking = ask()
    leaving = asyncio.create_task(asking.outcome("user1@example.org"))
    staying = asyncio.create_task(asking.outcome("user1@example.org"))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == "good"


async def test_bad_answers_can_be_looked_through_and_discarded(asking: Asking) -> None:
    await asking.outcome("nobody@example.org")
    (bad,) = asking.callout.bad()
    assert (bad.address, bad.at) == ("nobody@example.org", asking.now)
    asking.primary.behave(permanent=r"^(?!user|nobody)")
    assert asking.callout.discard("nobody@example.org")
    assert not asking.callout.discard("nobody@example.org")
    assert await asking.outcome("nobody@example.org") == "good"


async def test_a_kept_connection_that_the_primary_closed_is_made_again(asking: Asking) -> None:
    await asking.outcome("user1@example.org")
    asking.primary.down()
    asking.primary.up()
    assert await asking.outcome("user2@example.org") == "good"


async def test_an_internationalised_local_part_is_not_asked_about_wrongly(asking: Asking) -> None:
    assert await asking.outcome("üser@example.org") == "undecided"
    assert asking.primary.connections == 0


async def test_a_quoted_local_part_is_asked_about_as_it_is(ask: Ask, primary: FakePrimary) -> None:
    primary.behave(permanent='^(?!"user one")')
    asking = ask()
    assert await asking.outcome('"user one"@example.org') == "good"


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        ("250 2.1.5 Ok", "good"),
        ("251 forwards", "good"),
        ("550 5.1.1 no such user", "bad"),
        ("550 no such user", "bad"),
        ("551 try elsewhere", "bad"),
        ("553 5.1.3 nonsense", "bad"),
        ("550 5.2.1 disabled", "bad"),
        ("550 5.4.1 Recipient address rejected: Access denied", "bad"),
        ("550 5.7.1 relaying denied", "undecided"),
        ("554 5.7.1 you are on a list", "undecided"),
        ("550 5.1.8 sender rejected", "undecided"),
        ("554 no", "undecided"),
        ("552 5.2.2 full", "undecided"),
        ("450 4.2.0 greylisted", "undecided"),
        ("421 4.3.2 busy", "undecided"),
    ],
)
async def test_only_what_is_said_of_the_address_counts_against_it(reply: str, outcome: str) -> None:
    from mxtui.primary.session import Reply
    from mxtui.receiver.recipients.callout import _outcome

    assert _outcome(Reply(int(reply[:3]), (reply[4:],))) == outcome


async def test_a_restart_during_an_outage_knows_the_users_still(tmp_path: Path, primary: FakePrimary) -> None:
    primary.behave(permanent=STRANGERS)

    def started() -> CallOut:
        return CallOut(
            lambda domain: ("127.0.0.1", primary.port),
            LearnedRecipients(tmp_path / "recipients.jsonl"),
            lambda event, **fields: None,
            hostname="mx2.example.net",
        )

    user = parse_address("user1@example.org")
    before = started()
    await before.check(user)
    await before.close()
    primary.down()
    after = started()
    assert (await after.check(user)).outcome == "good"
    await after.close()
    assert re.search("user1@example.org", (tmp_path / "recipients.jsonl").read_text())
