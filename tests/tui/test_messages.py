"""Finding and marking messages."""

import threading
from pathlib import Path

import pytest

from mxtui.index import View
from mxtui.model.forecast import DAY
from mxtui.model.message import Changes
from tests.tui.conftest import Open
from tests.tui.fakes import HOUR, World, message, queue_id


async def test_the_oldest_message_comes_first(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("2")
        await at.sees("4d 10h", "773 queued", "oldest 4d 10h")
        assert "age ↓" in at.text


async def test_a_step_taken_while_the_list_is_brought_up_to_date_is_kept(
    world: World, console: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on, refresh = threading.Event(), threading.Event(), View.refresh

    def slow(view: View, now: float | None = None) -> bool:
        begun.set()
        go_on.wait(10)
        return refresh(view, now)

    async with console(world) as at:
        await at.press("2", "j")
        monkeypatch.setattr(View, "refresh", slow)
        world.index.apply(Changes([message(9_999, "example.org", 6 * DAY)]))  # comes in above
        world.say()
        await at.until(begun.is_set)
        below = at.lines[at.lines.index(at.line("▌")) + 1].split()[-1]
        await at.pilot.press("j")
        go_on.set()
        await at.settle()
        assert at.line("▌").split()[-1] == below


async def test_matches_are_counted_while_typing(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("2", "slash")
        await at.type("domain:clinic.example")
        await at.sees("46 of 773 match")
        await at.type(" age>1h")
        await at.sees("20 of 773 match")


async def test_a_mistake_gets_a_caret_and_the_last_good_list_stays(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("2", "slash")
        await at.type("domain:clinic.example size>")
        await at.type("lots")
        await at.sees("is not a size")
        typed = next(n for n, line in enumerate(at.lines) if line.startswith(" / domain:"))
        assert at.lines[typed + 1].index("^") == at.lines[typed].index("lots")
        await at.press("enter")
        assert "^ " in at.lines[typed + 1], "a filter that cannot be understood is not left behind"
        await at.press("escape")
        await at.sees("773 queued")


async def test_a_mistake_after_half_a_word_is_not_called_no_match(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("2", "slash")
        await at.type("expires")
        await at.sees("nothing matches", "0 of 773 match")
        await at.type(">>3")
        await at.sees("This filter cannot be understood.", "Esc clears it.", "^ ")
        assert "match" not in at.text
        await at.press("escape")
        await at.sees("773 queued", "4d 10h")


async def test_while_a_filter_is_wrong_nothing_else_is_found(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("2", "slash")
        await at.type("domain:clinic.example")
        await at.sees("46 of 773 match")
        await at.type(" (")
        await at.sees("46 of 773 match", "^ ")


async def test_no_match_says_how_to_go_on_and_esc_clears(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("2")
        await at.filter("domain:nowhere.example")
        await at.sees("nothing matches", "Esc clears the filter", "0 of 773 match")
        await at.press("escape")
        await at.sees("773 queued")
        await at.press("escape")
        await at.sees("oldest   queued")


async def test_marks_stay_when_the_filter_changes_and_those_outside_are_named(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("2")
        await at.filter("domain:clinic.example")
        await at.press("asterisk")
        await at.sees("46 marked")
        await at.press("slash")
        await at.type(" age>1h")
        await at.press("enter")
        await at.sees("46 marked", "20 in this view, 26 outside this filter")
        await at.press("U")
        await at.until(lambda: "marked" not in at.text)


async def test_all_that_match_are_marked_also_those_beyond_the_window(world: World, console: Open) -> None:
    async with console(world, (80, 24)) as at:
        await at.press("2", "asterisk")
        await at.sees("773 marked")
        assert len(at.app.marks) == 773
        await at.press("asterisk")
        assert not at.app.marks


async def test_space_marks_and_goes_on(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("2", "space", "space")
        await at.sees("2 marked")
        assert "▌" in at.lines[10]


async def test_a_mark_goes_with_its_message(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("2", "space")
        (marked,) = at.app.marks
        world.queue.remove(marked)
        await at.after(10)
        await at.say()
        await at.until(lambda: not at.app.marks)


async def test_a_new_message_shows_and_the_cursor_stays_with_its_own(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("2", "j", "j")
        before = at.line("▌")
        world.queue.put(message(9_999, "example.org", 90 * HOUR, subject="older than all but one"))
        await at.say()
        await at.sees("older than all but one", "774 queued")
        assert at.line("▌") == before


async def test_the_preview_shows_envelope_and_the_beginning_of_the_text(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("2")
        await at.sees(
            "office@museum.example", "Sehr geehrte Damen und Herren,", "hxxps://pay[.]rechnung[.]example/88413"
        )


async def test_the_preview_follows_its_message(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("2", "j")
        await at.sees("deferred, 7 tries", "Sehr geehrte Damen und Herren,")
        await at.press("h", "enter")
        await at.sees("done", "Enter Close")
        await at.press("enter")
        await at.say()
        await at.sees("held, 7 tries", "Sehr geehrte Damen und Herren,")
        assert "deferred, 7 tries" not in at.text


async def test_held_mail_is_told_apart_on_a_narrow_screen_marked_or_not(world: World, console: Open) -> None:
    async with console(world, (80, 24)) as at:
        await at.press("2")
        await at.filter("domain:bank.example")
        await at.press("space")
        await at.sees("  ◆‖▎", "▌  ‖▎")
        await at.press("escape")
        await at.filter("domain:clinic.example")
        await at.sees("46 of 773 match", "▌   ▎")
        assert "‖" not in at.text


async def test_a_click_on_a_title_sorts_and_the_same_again_turns_round(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("2")
        table = at.app.screen.query_one("#messages")
        column = at.line("subject").index("size")
        await at.pilot.click(table, offset=(column, 0))
        await at.settle()
        await at.sees("size ↓")
        await at.pilot.click(table, offset=(column, 0))
        await at.settle()
        await at.sees("size ↑")


async def test_a_page_down_keeps_the_cursor_on_its_line(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("2", "j", "j")
        at_line = next(n for n, line in enumerate(at.lines) if line.startswith("▌"))
        before = at.line("▌")
        await at.press("pagedown")
        assert at.lines[at_line].startswith("▌")
        assert at.line("▌") != before
        await at.press("pageup")
        assert at.line("▌") == before
        await at.press("G")
        await at.press("g")
        assert "4d 10h" in at.line("▌")


async def test_a_message_of_many_recipients_tells_how_many_more(world: World, console: Open) -> None:
    first = message(9_999, "example.org", 90 * HOUR)
    many = first._replace(recipients=(*first.recipients, *message(9_998, "example.net", 1.0).recipients) * 2)
    world.queue.put(many)
    async with console(world) as at:
        await at.press("2")
        await at.sees(f"{queue_id(9_999)}", "+3")


async def test_a_message_is_saved_as_it_is_stored_for_its_owner_alone(
    world: World, console: Open, tmp_path: Path
) -> None:
    file = tmp_path / "message.eml"
    async with console(world) as at:
        await at.press("2", "enter", "e")
        await at.sees("Save 4dKq", f"~/{at.line('Save 4dKq').split()[2]}.eml")
        await at.press("ctrl+u")
        await at.type(str(file))
        await at.press("enter")
        await at.sees("saved to")
    assert file.read_bytes() == world.queue.mail
    assert file.stat().st_mode & 0o777 == 0o600


async def test_a_file_that_is_there_is_kept_and_another_name_asked_for(
    world: World, console: Open, tmp_path: Path
) -> None:
    file = tmp_path / "taken.eml"
    file.write_text("mine")
    async with console(world) as at:
        await at.press("2", "enter", "e", "ctrl+u")
        await at.type(str(file))
        await at.press("enter")
        await at.sees("exists", "overwritten")
        await at.type("2")
        await at.press("enter")
        await at.sees("saved to")
    assert file.read_text() == "mine"
    assert (tmp_path / "taken.eml2").exists()
