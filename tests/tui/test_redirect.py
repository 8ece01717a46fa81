"""Sending mail elsewhere: a question first, then as any verb."""

import pytest

from mxtui.model.redirect import BACK, read_redirect
from mxtui.model.source import Permission, Verb
from tests.tui.conftest import Open
from tests.tui.fakes import World


async def test_it_is_asked_where_to_and_where_mail_cannot_go_asked_again(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("2")
        await at.filter("domain:museum.example")
        await at.press("t")
        await at.sees("Redirect", "To", "Host")
        await at.press("enter")
        await at.sees("redirect to what?", "Name an address")
        await at.type("a@elsewhere.example")
        await at.press("enter")
        await at.sees("nobody knows where mail for elsewhere.example goes")
        await at.press("tab")
        await at.type("mx3.example.net:2525")
        await at.press("enter")
        await at.sees(
            "Redirect 1 message", "a@elsewhere.example through [mx3.example.net]:2525", "another address gets"
        )
        await at.type("moved")
        await at.press("enter")
        await at.sees("1  done")
        assert world.queue.redirected == [read_redirect("a@elsewhere.example", "mx3.example.net:2525")]
        await at.press("enter", "u")
        await at.sees("Redirect 1 message", "undo redirect", "their own routes hold")
        await at.press("enter")
        await at.sees("1  done")
        assert world.queue.redirected[1:] == [BACK]
        await at.press("enter", "6")
        await at.press("enter")
        await at.sees("as it came")


async def test_a_domains_mail_goes_to_another_host_and_esc_sends_nothing(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("t", "escape")
        assert not at.done(Verb.REDIRECT)
        await at.press("t", "down")
        await at.type("mx3.example.net")
        await at.press("enter")
        await at.sees("Redirect 700 messages", "from this host, whatever the routes say")
        await at.press("enter")
        await at.sees("700  done")


@pytest.mark.parametrize("screen", [("2",), ("2", "enter")])
async def test_where_the_queue_cannot_the_key_says_why(world: World, console: Open, screen: tuple[str, ...]) -> None:
    world.queue.verbs[Verb.REDIRECT] = Permission(False, "Postfix has no way to redirect a queued message", "flush")
    world.say()
    async with console(world) as at:
        await at.press(*screen, "t")
        await at.sees("Postfix has no way to redirect a queued message")


async def test_at_80_by_24_all_of_the_question_is_in_sight(world: World, console: Open) -> None:
    async with console(world, (80, 24)) as at:
        await at.press("2", "t")
        await at.sees("To another address", "To  ", "Host ", "Esc Cancel", "Plan")
