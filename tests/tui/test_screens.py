"""Reasons, primaries, audit, inspector, help, alerts, palette, keys."""

import dataclasses

import pytest

from mxtui.errors import Unreachable, UsageError
from mxtui.model.source import Permission, Verb
from mxtui.tui.app import ConsoleApp
from mxtui.tui.keymap import keymap
from mxtui.tui.services import Extra, Settings
from tests.tui.conftest import Open
from tests.tui.fakes import World, message


async def test_reasons_group_the_same_cause_and_open_its_messages(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("3")
        await at.sees("connection refused", "not tried yet")
        assert "709" in at.line("connection refused")
        await at.press("j", "enter")
        await at.sees('reason:"421 4.3.2 too many connections"', "46 of 773 match")


async def test_groups_by_sender_and_by_client(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("3", "b")
        await at.sees("m.keller@bank.example", "<>")
        await at.press("b", "b")
        await at.sees("203.0.113.")
        await at.press("enter")
        await at.sees("client:203.0.113.")


async def test_a_group_is_held_as_a_whole(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("3", "j", "h")
        await at.sees("Hold 46 messages")
        await at.press("enter")
        await at.until(lambda: at.done(Verb.HOLD))


async def test_what_has_no_filter_word_says_so(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("3", "j", "j", "enter")
        await at.sees("The filter language has no")


async def test_primaries_in_trouble_come_first_with_each_rung_and_what_it_means(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("5")
        assert "example.org" in at.line("▌")
        await at.sees("✗ tcp", "connection refused", "no connection: the machine, its mail server or a firewall")
        await at.press("j")
        await at.sees("busy, not down")
        await at.press("c")
        assert world.monitor.probed == ["clinic.example"]


async def test_the_audit_tells_who_did_what_and_takes_it_back(world: World, console: Open) -> None:
    ids = [one.queue_id for one in list(world.queue.messages.values())[:3]]
    plan = world.operations.plan(Verb.HOLD, world.index.targets(ids), "from:*@rechnung.example")
    list(world.operations.execute(plan, reason="spam run"))
    async with console(world) as at:
        await at.press("6")
        assert "anna as root" in at.line("spam run")
        await at.press("enter")
        await at.sees("sudo by anna", *(f"✓ {each} " for each in ids))
        await at.press("escape", "u")
        await at.sees("Release 3 messages")
        await at.press("enter")
        await at.until(lambda: at.done(Verb.RELEASE))


async def test_what_cannot_be_undone_is_dimmed_in_the_audit(world: World, console: Open) -> None:
    ids = [next(iter(world.queue.messages))]
    list(world.operations.execute(world.operations.plan(Verb.REJECT, world.index.targets(ids), "id:x"), reason="x"))
    async with console(world) as at:
        await at.press("6")
        assert "(u Undo)" in at.lines[-1]
        await at.press("u")
        await at.sees("Reject cannot be undone.")


async def test_the_inspector_lays_a_message_open_and_walks_along_the_list(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("2", "j", "enter")
        await at.sees(
            "2 of 773",
            "Envelope",
            "Hops",
            "application/zip",
            "≠ From",
            "hxxps://pay[.]rechnung[.]example/88413",
            "203.0.113.77 → mx2.example.net",
        )
        before = at.lines[3]
        await at.press("n")
        await at.sees("3 of 773")
        await at.press("N")
        assert at.lines[3] == before
        await at.press("v")
        await at.sees("Received: from relay.rechnung.example", "https://pay.rechnung.example/88413")
        await at.press("v")
        await at.sees("Envelope")
        await at.press("space")
        await at.sees("◆ marked")
        await at.press("escape")
        await at.sees("1 marked")


async def test_a_message_that_left_is_said_to_have(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("2", "enter")
        opened = next(identifier for identifier in world.queue.messages if identifier in at.lines[3])
        world.queue.remove(opened)
        await at.say()
        await at.sees("no longer queued")
        await at.press("n")
        await at.sees("1 of 772")


async def test_content_that_may_not_be_read_leaves_the_envelope(world: World, console: Open) -> None:
    denied = Permission(False, "queue files are readable by root and postfix only", "Run as root.")

    async with console(world) as at:
        able = dataclasses.replace(world.queue.capabilities(), content=denied)
        await at.say(capabilities=able)
        await at.press("2", "enter")
        assert "(v Raw source)" in at.lines[-1]
        await at.press("v")
        await at.sees("Queue files are readable by")


async def test_help_explains_the_screen_one_is_on(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("question_mark")
        await at.sees("Whose mail waits.", "Try this domain's mail now")
        await at.press("escape", "5", "question_mark")
        await at.sees("Where each domain's mail goes when all is well")


async def test_help_goes_to_its_end_and_back_and_says_how_far_one_is(world: World, console: Open) -> None:
    async with console(world, (80, 24)) as at:
        await at.press("question_mark")
        await at.sees("Whose mail waits.", "lines: Down for the rest")
        (top,) = [line for line in at.lines if "Down for the rest" in line]
        await at.press("down")
        assert "Down for the rest" in at.text
        assert top not in at.lines
        for last, first in (("end", "home"), ("G", "g")):
            await at.press(last)
            await at.sees("Esc Close")
            assert "Down for the rest" not in at.text
            await at.press(first)
            await at.sees("Whose mail waits.", top)


async def test_alerts_are_told_in_full(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("2", "exclamation_mark")
        await at.sees("DOWN  example.org", "BUSY  clinic.example", "EXPIRY  museum.example")


async def test_the_palette_offers_what_is_allowed_now(world: World, console: Open) -> None:
    world.queue.verbs[Verb.HOLD] = Permission(False, "no")
    async with console(world) as at:
        await at.say()
        offered = {command.title for command in at.app.get_system_commands(at.app.screen)}
        assert {"Flush", "Check now", "Quit", "Theme"} <= offered
        assert "Hold" not in offered


async def test_keys_can_be_mapped_and_the_footer_shows_them(tmp_path, console: Open) -> None:  # type: ignore[no-untyped-def]
    world = World(tmp_path, settings=Settings(theme="tokyo-night", keymap={"hold": "f7", "messages.hold": "X"}))
    async with console(world) as at:
        assert "f7 Hold" in at.lines[-1]
        await at.press("h")
        assert "Hold 700" not in at.text
        await at.press("f7")
        await at.sees("Hold 700 messages")
        await at.press("escape", "2")
        await at.sees("X Hold")


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ({"foo": "x"}, "no command is called foo"),
        ({"hold": "blah blah"}, "blah blah is no key"),
        ({"hold": "j"}, "j would be both domains.hold and table.down"),
        ({"domains.hold": "H"}, "H would be both domains.hold and domains.history"),
        ({"quit": "h"}, "h would be both app.quit and"),
    ],
)
def test_keys_that_could_not_work_are_refused_before_the_console_is_there(wanted: dict[str, str], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        keymap(wanted)


def test_what_shares_a_key_from_the_beginning_may_share_another() -> None:
    assert set(keymap({"pause": "f9"})) == {"app.pause", "drain.pause"}


def test_a_theme_that_is_none_is_refused(world: World) -> None:
    with pytest.raises(UsageError, match="no theme is called foo"):
        ConsoleApp(dataclasses.replace(world.services, settings=Settings(theme="foo")))


async def test_hostile_text_reaches_no_terminal(tmp_path, console: Open) -> None:  # type: ignore[no-untyped-def]
    evil = "\x1b[2J\x9b2K\x07[bold red]x[/]\u202e\u200b\x00\r\n"
    nasty = message(1, "example.org", 60.0, sender=f"a{evil}@b.example", subject=f"s{evil}", reason=f"r{evil}")
    nasty = nasty._replace(fault=None, client_address=f"c{evil}")
    world = World(tmp_path, [nasty, nasty._replace(queue_id="4dKqFAULTz", state="corrupt", fault=f"f{evil}")])
    world.queue.mail = f"Subject: s{evil}\n\nbody {evil} more\n".encode()
    async with console(world) as at:
        for keys in (["1"], ["2"], ["enter"], ["v"], ["escape", "3"], ["b"], ["b"], ["b"], ["5"], ["2", "h"]):
            await at.press(*keys)
            shown = "".join(segment.text for strip in at.strips for segment in strip)
            assert not set(shown) & {"\x1b", "\x9b", "\x07", "\u202e", "\u200b", "\x00", "\r", "\n"}
        assert "[bold red]x[/]" in at.text


async def test_commands_added_for_a_session_are_on_every_screen_with_key_palette_and_help(
    world: World, console: Open
) -> None:
    done: list[str] = []

    def toggle() -> str:
        done.append("down")
        return "mx1.example.org is down now"

    def fail() -> str:
        raise Unreachable("it would not", "Try again.")

    extras = (
        Extra(lambda: "Up" if done else "Down", "Take the primary down.", toggle),
        Extra(lambda: "Fail", "Does not work.", fail),
    )
    world.services = dataclasses.replace(world.services, extras=extras)
    async with console(world) as at:
        assert at.lines[-1].startswith(" f2 Down  Enter Messages")
        await at.press("2", "f2")
        await at.sees("mx1.example.org is down now")
        assert at.lines[-1].startswith(" f2 Up")
        await at.press("f3")
        await at.sees("it would not. Try again.")
        await at.press("f4", "?")
        await at.sees("Take the primary down.")
    assert done == ["down"]
