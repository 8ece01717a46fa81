"""Lists, and what their numbers stand for."""

from typing import cast

from mxtui.cli.plain.following import Following
from mxtui.cli.plain.lists import Row
from mxtui.cli.plain.looking import Looking
from mxtui.cli.plain.news import Said
from mxtui.cli.plain.pages import PAGE, Pages
from mxtui.tui.services import Services
from tests.model.alerts.story import NOW, overview, row

MANY = overview(NOW, *(row(f"d{number}.example", 100 - number) for number in range(PAGE + 5)))


def looking(said: list[str]) -> Looking:
    """Nothing is followed: what is told is given."""
    nobody = cast("Services", None), cast("Following", None)
    return Looking(*nobody, Pages(lambda text: said.append(text.removesuffix("\n"))), Said())


def test_the_overview_is_told_with_its_domains_and_their_numbers() -> None:
    said: list[str] = []
    told = looking(said)
    lines = told.everything(MANY)
    assert lines[-2].startswith(f"{PAGE}. d{PAGE - 1}.example: ")
    assert lines[-1] == "5 more: type more."
    assert len(told.rows) == PAGE
    told.words["more"][0](())
    assert said[-1].startswith(f"{PAGE + 5}. ")
    assert len(told.rows) == PAGE + 5


def test_an_overview_that_comes_late_leaves_the_numbers_of_a_list_that_was_asked_for() -> None:
    told = looking([])
    asked = [Row("a message", ("show", "4jX1"))]
    told.rows = asked
    lines = told.everything(MANY)
    assert told.rows is asked
    assert not [line for line in lines if line.startswith("1. ")]
