"""`mxtui hosts`: a queue here, one behind ssh, and a host that cannot be reached, in one look."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mxtui.demo.ports import free_port
from tests.cli.elsewhere import Elsewhere, mail_elsewhere
from tests.cli.running import Done, run
from tests.delivery.spooling import commit, make_spool

pytestmark = pytest.mark.postfix


@pytest.fixture(scope="module")
def elsewhere(need_postfix: None) -> Iterator[Elsewhere]:
    with mail_elsewhere() as made:
        yield made


def hosts(elsewhere: Elsewhere, *words: str) -> Done:
    return run([sys.executable, "-m", "mxtui", *words], elsewhere.environment)


def test_each_host_is_a_line_and_one_that_is_away_hides_no_other(elsewhere: Elsewhere, tmp_path: Path) -> None:
    spool = make_spool(tmp_path)
    commit(spool, "user@example.org")
    elsewhere.mail("a@client.example")
    queues = ["-q", str(spool.path), "-q", "mx2", "-q", f"ssh://127.0.0.1:{free_port()}"]
    done = hosts(elsewhere, "hosts", *queues, "--json", "--no-probe")
    here, there, away = (json.loads(line) for line in done.out.splitlines())
    assert done.status == 1
    assert (here["messages"], here["version"], here["connected_in"]) == (1, None, None)
    assert there["messages"] == 1
    assert there["connected_in"] > 0
    assert there["version"]
    assert not away["reached"]
    assert "cannot reach" in away["fault"]
    text = hosts(elsewhere, "hosts", *queues, "--no-probe").out
    assert [line.split()[0] for line in text.decode().splitlines()[:4]] == ["HOST", spool.path.name, "mx2", "127.0.0.1"]


def test_without_names_it_is_all_that_are_configured(elsewhere: Elsewhere, tmp_path: Path) -> None:
    done = hosts(elsewhere, "hosts", "--json", "--no-probe")
    assert [json.loads(line)["host"] for line in done.out.splitlines()] == ["mx2"]
    none = run([sys.executable, "-m", "mxtui", "hosts"], {"XDG_CONFIG_HOME": str(tmp_path)})
    assert none.status == 2
    assert "no hosts are known" in none.err


def test_those_named_before_the_command_count(elsewhere: Elsewhere) -> None:
    done = hosts(elsewhere, "-q", "mx2", "-q", f"ssh://127.0.0.1:{free_port()}", "hosts", "--json", "--no-probe")
    assert [json.loads(line)["host"] for line in done.out.splitlines()] == ["mx2", "127.0.0.1"]
