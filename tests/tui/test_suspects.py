"""Suspects: a campaign is looked at, dealt with in one plan, or cleared."""

from dataclasses import replace

import pytest

from mxtui.model.campaign import SINGLE, Campaign, Judged, Sifted, Suspects, suspected
from mxtui.model.source import Verb
from mxtui.sifting.weighing import weigh
from tests.tui.conftest import Open
from tests.tui.fakes import World


class FakeSifter:
    """Two campaigns of the fake queue's mail: invoices by many, and a newsletter."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.sifted = Sifted(700, 0, 0)
        self.cleared: dict[str, str] = {}
        index = world.index
        by_sender = {"c7f3": "service@rechnung.example", "a1b2": "newsletter@shop.example"}
        for name, sender in by_sender.items():
            some = [each for each in world.queue.messages.values() if each.sender == sender]
            index.judge([Judged(each.identity, 0.0, name) for each in some])
        self.names = list(by_sender)

    def suspects(self) -> Suspects:
        groups = self.groups()
        return Suspects(self.world.clock.now, groups, suspected(groups, self.world.index.suspect), self.sifted)

    def groups(self) -> list[Campaign]:
        found = []
        for name in self.names:
            campaign = self.world.index.campaign(name)
            if campaign is not None and not self.sifted.fault:
                spam = name == "c7f3"
                campaign = replace(campaign, sender_shapes=40 if spam else 1, sender_domains=40 if spam else 1)
                campaign = replace(campaign, networks=40 if spam else 1, cleared=name in self.cleared)
                found.append(replace(campaign, points=sum(each.points for each in weigh(campaign)) + 2 * spam))
        single = self.world.index.campaign(SINGLE)
        return [*found, *([single] if single is not None else [])]

    def clear(self, campaign: Campaign, by: str, reason: str) -> None:
        self.cleared[campaign.name] = reason

    def withdraw(self, campaign: Campaign) -> None:
        del self.cleared[campaign.name]

    def is_cleared(self, queue_id: str) -> bool:
        return queue_id in self.cleared

    def clear_message(self, queue_id: str, by: str, reason: str) -> str:
        self.cleared[queue_id] = reason
        return "this content"

    def withdraw_message(self, queue_id: str) -> str:
        del self.cleared[queue_id]
        return "this content"


@pytest.fixture
def sifter(world: World) -> FakeSifter:
    fake = FakeSifter(world)
    world.services, world.suspects = replace(world.services, sifting=fake), fake.suspects
    world.say()
    return fake


async def test_campaigns_come_largest_first_with_what_speaks_against_them(
    world: World, console: Open, sifter: FakeSifter
) -> None:
    async with console(world) as at:
        await at.press("7")
        await at.sees("suspect in 1 campaign", "c7f3", "same text, many senders", "a1b2")


async def test_enter_leads_to_its_messages(world: World, console: Open, sifter: FakeSifter) -> None:
    async with console(world) as at:
        await at.press("7")
        await at.sees("c7f3")
        await at.press("enter")
        await at.sees("campaign:c7f3", "service@rechnung.example")


async def test_one_plan_holds_all_of_it_and_nothing_else(world: World, console: Open, sifter: FakeSifter) -> None:
    async with console(world) as at:
        await at.press("7")
        await at.sees("c7f3")
        await at.press("h")
        await at.sees("campaign:c7f3", "What will run")
        await at.press("enter")
        await at.sees("done")
    ((verb, ids),) = world.queue.acted
    assert verb is Verb.HOLD
    assert {world.queue.messages[each].sender for each in ids} == {"service@rechnung.example"}


async def test_one_plan_quarantines_all_of_it(world: World, console: Open, sifter: FakeSifter) -> None:
    async with console(world) as at:
        await at.press("7")
        await at.sees("c7f3")
        await at.press("Q")
        await at.sees("Quarantine", "campaign:c7f3", "Nobody is told")
        await at.press("enter")
        await at.sees("done")
        await at.press("enter", "2", "slash")
        await at.type("is:quarantined")
        await at.sees("quarantined, ", "Q")
    ((verb, ids),) = world.queue.acted
    assert verb is Verb.QUARANTINE
    assert {world.queue.messages[each].sender for each in ids} == {"service@rechnung.example"}


async def test_no_spam_needs_a_reason_and_is_remembered(world: World, console: Open, sifter: FakeSifter) -> None:
    async with console(world) as at:
        await at.press("7")
        await at.sees("c7f3")
        await at.press("c")
        await at.sees("not suspect any more")
        await at.press("enter")
        await at.sees("say why")
        await at.type("our own invoices")
        await at.press("enter")
        await at.until(lambda: world.monitor.nudged)  # so that the header says the same
        assert sifter.cleared == {"c7f3": "our own invoices"}
        await at.say()
        await at.sees("no spam", "no suspects")
        await at.press("c")
        await at.until(lambda: not sifter.cleared)
        await at.say()
        await at.sees("suspect in 1 campaign")


async def test_who_may_read_no_messages_is_told_so(world: World, console: Open, sifter: FakeSifter) -> None:
    sifter.sifted = Sifted(0, 700, 0, fault="messages themselves are for root and the postfix user")
    world.say()
    async with console(world) as at:
        await at.press("7")
        await at.sees("Nothing can be judged.", "for root and the postfix user")


async def test_progress_is_shown_while_messages_are_judged(world: World, console: Open, sifter: FakeSifter) -> None:
    sifter.sifted = Sifted(300, 474, 0)
    world.say()
    async with console(world) as at:
        await at.press("7")
        await at.sees("300 of 774")


@pytest.mark.parametrize("size", [(140, 40), (80, 24)])
@pytest.mark.parametrize(
    ("sifted", "said"),
    [
        (Sifted(774, 0, 0, scanned=774), "774 scanned"),
        (Sifted(774, 0, 0, scanned=700, unscannable=2), "700 scanned, 2 that no scanner takes, 72 wait for a scanner"),
        (
            Sifted(774, 0, 0, scanned=700, scan_faults=("rspamd at 127.0.0.1:11333: connection refused",)),
            "700 scanned, 74 unscanned  ▲ rspamd at 127.0.0.1:11333: connection",
        ),
    ],
)
async def test_how_far_scanners_are_and_which_is_down_is_shown(
    world: World, console: Open, sifter: FakeSifter, sifted: Sifted, said: str, size: tuple[int, int]
) -> None:
    sifter.sifted = sifted
    world.say()
    async with console(world, size) as at:
        await at.press("7")
        await at.sees(said, "c7f3")


async def test_without_a_scanner_nothing_is_said_of_any(world: World, console: Open, sifter: FakeSifter) -> None:
    async with console(world) as at:
        await at.press("7")
        await at.sees("c7f3")
        assert "scanned" not in at.text


@pytest.fixture
def alone(world: World, sifter: FakeSifter) -> str:
    """The queue ID of a message that is suspect by itself."""
    others = ("service@rechnung.example", "newsletter@shop.example")
    message = next(each for each in world.queue.messages.values() if each.sender not in others)
    world.index.judge([Judged(message.identity, 14.0)])
    world.say()
    return message.queue_id


async def test_a_suspect_of_no_campaign_is_the_last_row_and_opens_like_one(
    world: World, console: Open, sifter: FakeSifter, alone: str
) -> None:
    async with console(world) as at:
        await at.press("7")
        await at.sees("suspect in 1 campaign and 1 single message", "single messages: ")
        await at.press("end")
        await at.sees("single messages  1 message from 1 sender")
        await at.press("space")
        await at.sees("1 marked")
        assert at.app.marks == {alone}
        await at.press("enter")
        await at.sees("is:suspect -campaign:*")


async def test_single_messages_are_held_by_one_plan_but_not_cleared(
    world: World, console: Open, sifter: FakeSifter, alone: str
) -> None:
    async with console(world) as at:
        await at.press("7")
        await at.sees("single messages: ")
        await at.press("end")
        await at.press("c")
        await at.sees("nothing in common that could be remembered")
        await at.press("h")
        await at.sees("is:suspect -campaign:*", "What will run")
        await at.press("enter")
        await at.sees("done")
    assert [(verb, list(ids)) for verb, ids in world.queue.acted] == [(Verb.HOLD, [alone])]


@pytest.mark.parametrize("opened", [False, True])
async def test_one_message_is_no_spam_in_a_list_and_open(
    world: World, console: Open, sifter: FakeSifter, opened: bool
) -> None:
    async with console(world) as at:
        await at.press("2")
        await at.sees("queued")
        if opened:
            await at.press("enter")
            await at.sees("waiting")
        await at.press("C")
        await at.sees("not suspect any more")
        await at.type("a friend")
        await at.press("enter")
        await at.sees("This content: not suspect any more.")
        ((queue_id, reason),) = sifter.cleared.items()
        assert reason == "a friend"
        assert queue_id in world.queue.messages
        await at.press("C")
        await at.sees("suspect again")
    assert not sifter.cleared
