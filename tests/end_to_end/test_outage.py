"""An operator's night, from the first look to the last verdict."""

from collections import Counter
from pathlib import Path

import pytest

from mxtui.demo.postfix import PrivatePostfix
from mxtui.demo.primary import FakePrimary
from tests.cli.running import Mxtui
from tests.conftest import PostfixFactory
from tests.end_to_end.consoles import PROBES, console, row
from tests.queues.postfix.acting import QUIET, layout_of, settled, state

pytestmark = pytest.mark.postfix


@pytest.fixture
def instance(postfix: PostfixFactory, primary: FakePrimary) -> PrivatePostfix:
    """Its primary is down."""
    primary.down()
    return postfix(routes={"example.org": primary.port}, settings=QUIET, long_queue_ids=True)


@pytest.fixture
def mxtui(instance: PrivatePostfix, tmp_path: Path) -> Mxtui:
    return Mxtui(instance, tmp_path, PROBES)


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (200, 60)])
def test_from_a_dead_primary_to_the_last_delivery(
    instance: PrivatePostfix, mxtui: Mxtui, primary: FakePrimary, columns: int, lines: int
) -> None:
    layout = layout_of(instance)
    wanted = instance.inject("friend@client.example", ["info@example.org"], count=5)
    forged = instance.inject("bank@spam.example", ["info@example.org"], count=3)
    settled(layout, [*wanted, *forged], "deferred")

    with console(mxtui, columns=columns, lines=lines) as terminal:
        terminal.wait_for(lambda screen: "down" in row(screen, "example.org"))
        terminal.wait_for("DOWN  example.org")

        terminal.press("Enter")
        terminal.wait_for("/ domain:example.org")
        terminal.press("/")
        terminal.wait_for("Esc Clear")
        terminal.press(" from:*@spam.example")
        terminal.wait_for("3 of 8 match")
        terminal.press("Enter")
        terminal.wait_for("* Mark all 3")
        terminal.press("*")
        terminal.wait_for("3 marked")

        terminal.press("h")
        terminal.wait_for("-h - ")  # the very command
        terminal.press("forged", "Enter")
        terminal.wait_for("3  done")
        assert {state(layout, queue_id) for queue_id in forged} == {"hold"}
        assert {state(layout, queue_id) for queue_id in wanted} == {"deferred"}
        terminal.press("Enter", "6")
        terminal.wait_for(lambda screen: "3 done" in row(screen, "hold") and "forged" in row(screen, "hold"))

        terminal.press("u")
        terminal.wait_for("Release 3 messages")
        terminal.press("Enter")
        terminal.wait_for("3  done")
        settled(layout, forged, "deferred")
        terminal.press("Enter")
        terminal.wait_for(lambda screen: "3 done" in row(screen, "release"))

        primary.up()
        terminal.press("1")
        terminal.wait_for(lambda screen: " up" in row(screen, "example.org"))
        terminal.press("f")
        terminal.wait_for("Flush 8 messages")
        terminal.press("Enter")
        terminal.wait_for("Drained domain:example.org")
        screen = terminal.wait_for(lambda screen: any("8 100.0 %" in line for line in screen))
        assert any("delivered" in line for line in screen)
        terminal.press("1")
        terminal.wait_for(lambda screen: row(screen, "example.org").split()[3:4] == ["0"] or "Nothing" in str(screen))
        terminal.press("q")
        assert terminal.wait_for_exit() == 0

    settled(layout, [*wanted, *forged], "")
    assert Counter(message.sender for message in primary.accepted) == {
        "friend@client.example": 5,
        "bank@spam.example": 3,
    }
    acts = mxtui("audit", "--json").objects
    assert [(act["verb"], act["reason"], act["messages"], act["complete"]) for act in acts] == [
        ("flush", "", 8, True),
        ("release", "", 3, True),
        ("hold", "forged", 3, True),
    ]
    assert acts[1]["undoes"] == acts[2]["id"]


def test_a_primary_that_falls_turns_its_row_and_turns_it_again_when_it_is_back(
    instance: PrivatePostfix, mxtui: Mxtui, primary: FakePrimary
) -> None:
    primary.behave(temporary=".*")
    primary.up()
    settled(layout_of(instance), instance.inject("a@client.example", ["info@example.org"]), "deferred")
    with console(mxtui) as terminal:
        terminal.wait_for(lambda screen: " up" in row(screen, "example.org"))
        primary.down()
        terminal.wait_for(lambda screen: "down" in row(screen, "example.org"))
        terminal.wait_for("DOWN  example.org")
        terminal.press("5")
        terminal.wait_for(lambda screen: "refused" in row(screen, "example.org"))
        primary.up()
        terminal.wait_for(lambda screen: " up" in row(screen, "example.org"))
        primary.behave(busy=True)
        terminal.wait_for(lambda screen: "busy" in row(screen, "example.org"))
        assert not any("DOWN" in line for line in terminal.screen()), "421 is busy, not down"


def test_mail_that_comes_shows_by_itself_and_mail_that_goes_leaves(
    instance: PrivatePostfix, mxtui: Mxtui, primary: FakePrimary
) -> None:
    with console(mxtui) as terminal:
        terminal.wait_for("Nothing is queued")
        terminal.press("2")
        terminal.wait_for("/ ")
        (queue_id,) = instance.inject("new@client.example", ["info@example.org"])
        terminal.wait_for("new@client.example")
        settled(layout_of(instance), [queue_id], "deferred")
        primary.up()
        assert mxtui("flush", "--all", "--yes").status == 0
        terminal.wait_for(lambda screen: not any("new@client.example" in line for line in screen))


def test_what_is_typed_after_the_slash_in_one_burst_is_no_command(instance: PrivatePostfix, mxtui: Mxtui) -> None:
    ids = instance.inject("friend@client.example", ["info@example.org"], count=3)
    settled(layout_of(instance), ids, "deferred")
    with console(mxtui, columns=200, lines=60) as terminal:
        terminal.wait_for(lambda screen: row(screen, "example.org"))
        terminal.press("2")
        terminal.wait_for("* Mark all 3")
        terminal.press("/from:nobody/dfhx")
        screen = terminal.wait_for("/ from:nobody/dfhx")
        assert not any("What will run" in line for line in screen)
        terminal.wait_for("nothing matches")
