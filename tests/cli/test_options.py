"""Options before a command mean what they mean after it: an operator must not act on another queue than he named."""

import json
import re
import shlex
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from mxtui.cli import main
from mxtui.cli.attach import settings_of
from mxtui.cli.members import Member, members_of
from mxtui.errors import UsageError
from tests.cli.running import Done, run
from tests.delivery.spooling import commit, make_spool


@pytest.fixture
def spool(tmp_path: Path) -> str:
    spool = make_spool(tmp_path)
    commit(spool, "user@example.org")
    return str(spool.path)


def mxtui(tmp_path: Path, *words: str) -> Done:
    environment = {"XDG_CONFIG_HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}
    return run([sys.executable, "-m", "mxtui", *words], environment)


def test_a_queue_named_before_a_command_is_the_one_it_looks_at(tmp_path: Path, spool: str) -> None:
    done = mxtui(tmp_path, "-q", spool, "status", "--json")
    assert json.loads(done.out)["queue"]["messages"] == 1
    assert "1 message" in mxtui(tmp_path, "-q", spool, "hold", "--all", "--dry-run").err
    assert mxtui(tmp_path, "-q", spool, "migrate", "status").status == 0


def test_the_one_named_after_it_counts_where_both_are(tmp_path: Path, spool: str) -> None:
    done = mxtui(tmp_path, "-q", str(tmp_path / "nowhere"), "status", "-q", spool, "--json")
    assert json.loads(done.out)["queue"]["messages"] == 1


def test_a_configuration_named_before_a_command_is_read(tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_text("nonsense = 1\n")
    for command in (["status"], ["serve", str(tmp_path / "spool")]):
        done = mxtui(tmp_path, "--config", str(tmp_path / "wrong.toml"), *command)
        assert done.status == 2
        assert "nonsense" in done.err


def test_a_queue_is_refused_where_it_would_mean_nothing(tmp_path: Path, spool: str) -> None:
    done = mxtui(tmp_path, "-q", spool, "serve")
    assert done.status == 2
    assert done.err.startswith("mxtui: -q means nothing to mxtui serve")


def test_a_command_for_one_queue_refuses_several(tmp_path: Path, spool: str) -> None:
    """It must not choose one of them by itself."""
    for words in (("-q", spool, "-q", "mx2", "hold", "--all", "--yes"), ("hold", "-q", "mx2", "-q", spool, "--all")):
        done = mxtui(tmp_path, *words)
        assert done.status == 2
        assert done.err.startswith("mxtui: mxtui hold is for one queue, and 2 are named")
        assert "Name one by -q; mxtui hosts takes several." in done.err
    done = mxtui(tmp_path, "migrate", "status", "-q", spool, "-q", spool)
    assert done.status == 2
    assert done.err.startswith("mxtui: mxtui migrate status is for one queue, and 2 are named")


def test_hosts_takes_several_queues_before_it_and_after_it(tmp_path: Path, spool: str) -> None:
    commit(make_spool(tmp_path / "other"), "user@example.org")
    queues = ("-q", spool, "-q", str(tmp_path / "other"))
    for words in (("hosts", *queues), (*queues, "hosts")):
        assert len(mxtui(tmp_path, *words, "--json", "--no-probe").objects) == 2


@pytest.mark.parametrize("name", main.COMMANDS)
def test_examples_in_helps_can_be_pasted_into_a_shell(name: str) -> None:
    helped = CliRunner().invoke(main.command, [name, "--help"]).output
    for example in re.findall(r"^ *(mxtui .*)$", helped, re.MULTILINE):
        words = list(shlex.shlex(example, posix=True, punctuation_chars=True))
        assert not [word for word in words if set(word) <= set("<>|&;()")], example


def test_the_filters_in_the_help_of_all_are_one_word_of_a_shell() -> None:
    (filters,) = re.findall(r"Filters.*: (.*)   Exit:", CliRunner().invoke(main.command, ["--help"]).output)
    assert shlex.split(filters) == ["domain:example.org age>2h -from:<>"]


def test_a_long_option_with_one_dash_is_told_how_a_shell_lets_it_be_a_filter(tmp_path: Path, spool: str) -> None:
    done = mxtui(tmp_path, "list", "-q", spool, "-json")
    assert done.status == 2
    (instead,) = re.findall(r"or ('.*') for all that lack", done.err)
    assert "1 message" in mxtui(tmp_path, "-q", spool, "list", *shlex.split(instead)).err


def test_without_a_queue_here_it_is_the_configured_hosts_be_it_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mxtui.cli.members.instances", list)
    (tmp_path / "settings.toml").write_text('[[hosts]]\nname = "mx1"\nqueue = "ssh://mx1.example.net"\n')
    given = settings_of(str(tmp_path / "settings.toml"))
    assert members_of([], given) == [Member("mx1", "mx1")]
    assert members_of(["mx2"], given) == [Member("mx2", "mx2")]


def test_several_queues_are_one_console_each_under_a_short_name_of_its_own(tmp_path: Path) -> None:
    toml = "".join(f'[[hosts]]\nname = "{name}"\nqueue = "ssh://{name}.example.net"\n' for name in ("mx1", "mx2"))
    (tmp_path / "settings.toml").write_text(toml)
    given = settings_of(str(tmp_path / "settings.toml"))
    queues = ["mx1", "ssh://root@mx3.example.net:2222", "/srv/one/spool", "/srv/two/spool"]
    members = members_of(queues, given)
    assert [each.name for each in members] == ["mx1", "mx3.example.net", "spool", "spool#2"]
    assert [each.source for each in members] == queues
    with pytest.raises(UsageError, match="mx1 is named twice"):
        members_of(["mx1", "mx1"], given)
