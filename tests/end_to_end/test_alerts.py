"""A real outage on a real Postfix, and one on our own spool, with limits of seconds: each alert fires when it should.

What hours are needed for has a clock of its own (tests/model/alerts/test_outage.py). The tables are printed whatever
pytest captures.
"""

import time
from pathlib import Path
from typing import Protocol

import pytest

from mxtui.demo.primary import FakePrimary
from mxtui.queues.postfix.layout import read_layout
from mxtui.service.recovering import FILE as RECOVERY
from tests.cli.running import Done, Mxtui
from tests.cli.spooled import spooled_mail
from tests.conftest import PostfixFactory
from tests.queues.postfix.acting import QUIET
from tests.service.serving import marked
from tests.support.ageing import set_back
from tests.support.waiting import wait_until

LIMITS = """
[alerts]
settled = "1s"
backlog = "1h"
stalled = "3s"
held = "1h"
accepting = 5
"""

HOUR = 3600


class Runs(Protocol):
    """`mxtui` on a queue."""

    def __call__(self, verb: str, *words: str) -> Done: ...


class Table:
    """What happens, what is expected of it, and what is said."""

    def __init__(self, mxtui: Runs, capsys: pytest.CaptureFixture[str]) -> None:
        self._mxtui = mxtui
        self._capsys = capsys
        self._rows: list[str] = []
        self._began = time.monotonic()
        self._wrong: list[str] = []

    def names(self) -> set[str]:
        """One look, remembered, as `mxtui check` takes it."""
        return {each["name"] for each in self._mxtui("alerts", "--json").objects if "resolved" not in each}

    def resolved(self) -> set[str]:
        return {each["name"] for each in self._mxtui("alerts", "--json").objects if "resolved" in each}

    def expect(self, words: str, alerts: set[str], within: float = 30.0) -> None:
        """Look until it is so; and still so a moment later."""
        deadline = time.monotonic() + within
        found = self.names()
        while found != alerts and time.monotonic() < deadline:
            found = self.names()
        found = self.names()
        well = found == alerts
        self._wrong += [] if well else [f"{words}: {found or 'none'}, not {alerts or 'none'}"]
        took, said = time.monotonic() - self._began, ", ".join(sorted(found)) or "–"
        self._rows.append(f"{took:6.1f} s  {words:<44}  {said:<24}  {'as it should' if well else 'WRONG'}")

    def show(self, title: str) -> None:
        with self._capsys.disabled():
            print(f"\n\n    when  {title:<44}  alerts                    verdict")
            print("\n".join(self._rows))
        assert not self._wrong, "\n".join(self._wrong)


def test_an_outage_on_postfix(
    postfix: PostfixFactory, primary: FakePrimary, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    instance = postfix(routes={"example.org": primary.port}, settings=QUIET, long_queue_ids=True)
    layout = read_layout(instance.config_directory)
    known = f'[primaries]\n"example.org" = "127.0.0.1:{primary.port}"\n'
    mxtui = Mxtui(instance, tmp_path, known + LIMITS)
    table = Table(mxtui, capsys)

    def in_queue(name: str) -> list[str]:
        return [path.name for path in (instance.queue_directory / name).rglob("*") if path.is_file()]

    table.expect("all is well", set())
    primary.down()
    table.expect("the primary is down, nothing waits", {"primary_down"})
    ids = instance.inject("s@example.com", ["anna@example.org"], count=4)
    wait_until(lambda: len(in_queue("deferred")) == 4, what="deferred")
    table.expect("four messages wait", {"primary_down"})
    primary.up()
    table.expect("it is back, and Postfix lets them lie", {"stalled"})
    assert mxtui("flush", "--all", "--yes").status == 0
    table.expect("flushed", set())
    assert "stalled" in table.resolved()
    primary.behave(permanent="^anna@")
    instance.inject("s@example.com", ["anna@example.org"], count=4)
    table.expect("it refuses whatever comes", {"refused"})
    primary.behave(permanent="^$")
    primary.down()
    (queue_id,) = instance.inject("s@example.com", ["anna@example.org"])
    wait_until(lambda: queue_id in in_queue("deferred"), what="deferred")
    set_back(layout, queue_id, 4 * 24 * HOUR + 21 * HOUR)
    table.expect("one is nearly five days old", {"primary_down", "expiry", "refused"})
    assert mxtui("hold", "--all", "--yes").status == 0
    table.expect("it is held, and forgotten", {"primary_down", "expiry", "held", "refused"})
    instance.stop()
    table.expect("Postfix is stopped", {"primary_down", "expiry", "held", "stopped", "refused"})
    assert len(ids) == 4
    table.show("on Postfix")


def test_an_outage_on_a_spool(primary: FakePrimary, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with spooled_mail(tmp_path, primary, "--standby", "off") as spooled:
        backup = spooled.backup
        backup.config.write_text(backup.config.read_text() + LIMITS)
        table = Table(spooled, capsys)
        table.expect("the primary is down, five messages wait", {"primary_down"})
        done = spooled("suspend", "example.org", "--for", "1h", "--reason", "let it rest", "--yes")
        assert done.status == 0, done.err
        primary.up()
        table.expect("it is back, and its domain suspended", {"suspended"})
        primary.behave(permanent="^anna@")
        assert spooled("resume", "example.org", "--yes").status == 0
        table.expect("resumed, and it refuses the canary", {"drain_stopped"}, within=60)
        assert spooled("release", "--all", "--yes").status == 0
        assert backup.stop() == 0
        backup.spool.joinpath(RECOVERY).unlink()
        backup.start()
        table.expect("believed, for nothing is known of an outage", {"failed", "refused"}, within=60)
        primary.behave(permanent="^$")
        assert spooled("delete", "--all", "--yes", "--no-copy").status == 0
        table.expect("an operator decided", {"refused"})
        backup.running.kill()
        backup.running.wait()
        table.expect("serve is gone", {"stopped", "refused"})
        backup.start()
        table.expect("and back", {"refused"})
        primary.down()
        backup.send_mail("bob@example.org", marked(99))
        table.expect("down again, with mail", {"primary_down", "refused"})
        table.show("on a spool of our own")
