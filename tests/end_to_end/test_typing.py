"""Keys that come faster than screens: a quick hand, a slow line that sends them in one packet, a script."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from mxtui.demo.postfix import PrivatePostfix
from tests.cli.running import Mxtui
from tests.end_to_end.consoles import console, row
from tests.queues.postfix.acting import QUIET, layout_of, settled

pytestmark = pytest.mark.postfix

NOBODY_LISTENS = 1


@pytest.fixture(scope="module")
def instance(folder: Path, servers: ExitStack) -> PrivatePostfix:
    """Three messages wait for a primary that is down, before and after each test."""
    instance = servers.enter_context(
        PrivatePostfix(folder / "postfix", routes={"example.org": NOBODY_LISTENS}, settings=QUIET)
    )
    settled(layout_of(instance), instance.inject("a@client.example", ["info@example.org"], count=3), "deferred")
    return instance


@pytest.fixture
def mxtui(instance: PrivatePostfix, tmp_path: Path) -> Mxtui:
    return Mxtui(instance, tmp_path)


# Each letter is a command of some screen: flush, release, mark, undo, hold, delete, reject, pause, quit.
FILTER = "from:rushed@ufhdxpq.example"


def test_a_filter_typed_before_there_is_a_screen_is_a_filter(mxtui: Mxtui) -> None:
    with console(mxtui) as terminal:
        terminal.press("/" + FILTER)
        screen = terminal.wait_for("0 of 3 match")
        assert any(f"/ {FILTER}" in line for line in screen)


def test_a_filter_typed_in_one_burst_is_a_filter_whatever_screen_it_is_begun_on(mxtui: Mxtui) -> None:
    with console(mxtui) as terminal:
        terminal.wait_for(lambda screen: row(screen, "example.org"))
        terminal.press("/" + FILTER)
        terminal.wait_for("0 of 3 match")
        # Done typing, away, and once more, all at once: Esc alone would begin a sequence.
        terminal.press("\r1/" + " x")
        screen = terminal.wait_for(f"/ {FILTER}  x")
        assert any("0 of 3 match" in line for line in screen)


def test_what_is_typed_after_a_verb_is_its_reason_and_never_agrees_to_what_was_not_seen(mxtui: Mxtui) -> None:
    with console(mxtui) as terminal:
        terminal.wait_for(lambda screen: row(screen, "example.org"))
        terminal.press("hforged mail\r\r")
        screen = terminal.wait_for("forged mail")
        assert any("Hold 3 messages" in line for line in screen)
        terminal.press("Esc")
        terminal.wait_for(lambda screen: not any("forged mail" in line for line in screen))
    assert {message["queue_name"] for message in mxtui("list", "--json").objects} == {"deferred"}


def test_a_domain_opened_in_the_middle_of_a_burst_is_the_one_the_cursor_had_come_to(mxtui: Mxtui) -> None:
    with console(mxtui) as terminal:
        terminal.wait_for(lambda screen: row(screen, "example.org"))
        terminal.press("jjk\r/ age>1m")
        terminal.wait_for("/ domain:example.org  age>1m")
