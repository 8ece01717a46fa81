"""Lines into words, and numbers into what they stand for."""

import click
import pytest

from mxtui.cli.common import read_filter
from mxtui.cli.main import COMMANDS, command
from mxtui.cli.plain.lists import Row
from mxtui.cli.plain.session import ELSEWHERE
from mxtui.cli.plain.words import TAKES, meant, split
from mxtui.errors import UsageError
from mxtui.model.filter import parse

ROWS = [
    Row("a domain", ("domain", "example.org"), {"domain": ("example.org",), "filter": ("domain:example.org",)}),
    Row("a message", ("show", "4jX1"), {"id": ("4jX1",), "filter": ("id:4jX1",)}),
    Row("a reason", ("messages", 'reason:"connection refused"'), {"filter": ('reason:"connection refused"',)}),
    Row("an alert", (), {"alert": ("primary_down", "example.org")}),
    Row("a hostile domain", ("domain", "--yes"), {"domain": ("--yes",), "filter": ('domain:"--yes"',)}),
]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("1", ["domain", "example.org"]),
        ("2", ["show", "4jX1"]),
        ("show 2", ["show", "4jX1"]),
        ("hold 1", ["hold", "domain:example.org"]),
        ("quarantine 1", ["quarantine", "domain:example.org"]),
        ("clear 2 --reason ours", ["clear", "id:4jX1", "--reason", "ours"]),
        ("hold 2 --reason 3", ["hold", "id:4jX1", "--reason", "3"]),
        ("hold 1 2 age>2h", ["hold", "(domain:example.org or id:4jX1)", "age>2h"]),
        ("learn spam 2", ["learn", "spam", "id:4jX1"]),
        ("migrate start 1 --for 2h", ["migrate", "start", "example.org", "--for", "2h"]),
        ("ack 4 --reason known", ["ack", "primary_down", "example.org", "--reason", "known"]),
        ("mxtui hold 2", ["hold", "id:4jX1"]),
        ("more 5", ["more", "5"]),
        ("", []),
    ],
)
def test_numbers_stand_for_rows_of_the_last_list(line: str, words: list[str]) -> None:
    assert meant(split(line), ROWS) == words


def test_a_number_is_a_row_behind_every_command_that_takes_a_filter() -> None:
    """Taken for a word, it would name every message that has that figure in its subject."""
    group = click.Context(command)
    here = [name for name in COMMANDS if name not in ELSEWHERE]
    taking = {name for name in here if any(each.name == "filter" for each in of(group, name).params)}
    assert {name for name in here if TAKES.get(name) == "filter"} >= taking


def of(context: click.Context, name: str) -> click.Command:
    found = command.get_command(context, name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "line",
    ["0", "6", "hold 6", "show 1", "ack 1", "suspend 3", "4", "suspend 5", "9" * 5000],
    ids=lambda line: line[:20],
)
def test_a_number_that_stands_for_nothing_there_is_refused(line: str) -> None:
    with pytest.raises(UsageError):
        meant(split(line), ROWS)
    with pytest.raises(UsageError):
        meant(split(line), [])


def test_a_quote_that_is_not_closed_is_refused() -> None:
    with pytest.raises(UsageError):
        split('hold subject:"one')


@pytest.mark.parametrize("line", ["hold 3", "hold 3 1", 'messages reason:"connection refused"', "hold 5"])
def test_the_filter_is_the_one_that_was_said(line: str) -> None:
    words = meant(split(line), ROWS)[1:]
    wanted = {
        "hold 3 1": '(reason:"connection refused" or domain:example.org)',
        "hold 5": 'domain:"--yes"',
    }.get(line, 'reason:"connection refused"')
    assert read_filter(words)[0] == parse(wanted)
