import json

import click
import pytest
from click.testing import CliRunner

from mxtui.cli.common import FilteringCommand, filter_argument
from mxtui.cli.output import print_json
from mxtui.errors import UsageError


def test_json_hides_nothing_from_a_script_and_obeys_nothing_on_a_terminal(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    hostile = {"sender": "s\x9b31m\u202egnp.exe\u200b\x1b[2J@\u00fcber.example"}
    print_json(hostile)
    written = capfdbinary.readouterr().out.decode()
    assert json.loads(written) == hostile
    assert not set(written) & {"\x9b", "\u202e", "\u200b", "\x1b"}
    assert "\u00fcber" in written


@click.command(cls=FilteringCommand)
@click.option("--dry-run", is_flag=True)
@filter_argument
def verb(filter: tuple[str, ...], dry_run: bool) -> None:
    click.echo(f"{len(filter)} {dry_run}")


def test_an_option_with_one_dash_is_a_mistake_and_never_everything_that_lacks_the_word() -> None:
    result = CliRunner().invoke(verb, ["domain:example.org", "-dry-run"])
    assert isinstance(result.exception, UsageError)
    assert "--dry-run" in result.exception.hint


def test_a_negated_word_is_a_filter() -> None:
    assert CliRunner().invoke(verb, ["-invoice", "-from:<>", "--dry-run"]).output == "2 True\n"
