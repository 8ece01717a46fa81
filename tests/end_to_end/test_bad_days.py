"""The console on bad days: no room, no terminal, no Postfix, no queue; and the way out of it."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from mxtui.demo.postfix import PrivatePostfix
from tests.cli.running import Mxtui, postfix_says
from tests.end_to_end.consoles import PROBES, console, row
from tests.end_to_end.terminal import Terminal
from tests.queues.postfix.acting import QUIET, layout_of, settled, state
from tests.support.waiting import wait_until

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
    return Mxtui(instance, tmp_path, PROBES)


def test_a_window_of_20_by_5_is_survived_on_every_screen(mxtui: Mxtui) -> None:
    with console(mxtui) as terminal:
        terminal.wait_for(lambda screen: "down" in row(screen, "example.org"))
        for key in "123456":
            terminal.press(key)
            terminal.resize(20, 5)
            terminal.wait_for(lambda screen: len(screen) == 5 and any("mxtui" in line for line in screen))
            terminal.resize(80, 24)
            terminal.wait_for(lambda screen: len(screen) == 24 and any("^p More" in line for line in screen))
        terminal.press("2", "h")
        terminal.wait_for("What will run")
        terminal.resize(20, 5)
        terminal.wait_for(lambda screen: any("Hold 1" in line for line in screen))
        terminal.resize(80, 24)
        terminal.wait_for("What will run")
        terminal.press("Esc")
        terminal.wait_for(lambda screen: not any("What will run" in line for line in screen))
        terminal.press("q")
        assert terminal.wait_for_exit() == 0


def test_a_window_back_at_its_size_before_anybody_looked_is_painted_whole(mxtui: Mxtui) -> None:
    with console(mxtui) as terminal:
        terminal.wait_for(lambda screen: "down" in row(screen, "example.org"))
        terminal.press("h")
        terminal.wait_for("What will run")
        terminal.flicker(20, 5)
        terminal.wait_for(lambda screen: "mxtui" in screen[0] and any("What will run" in line for line in screen))
        terminal.press("Esc")
        terminal.wait_for(lambda screen: not any("What will run" in line for line in screen))
        terminal.press("q")
        assert terminal.wait_for_exit() == 0


def test_quitting_leaves_the_terminal_as_it_was(mxtui: Mxtui) -> None:
    with console(mxtui) as terminal:
        before = terminal.modes()
        terminal.wait_for(lambda screen: row(screen, "example.org"))
        assert terminal.modes() != before, "keys are read one by one"
        terminal.press("q")
        assert terminal.wait_for_exit() == 0
        assert_left_well(terminal)
        assert terminal.modes() == before


def test_sigterm_leaves_the_terminal_as_it_was(mxtui: Mxtui) -> None:
    with console(mxtui) as terminal:
        terminal.wait_for(lambda screen: row(screen, "example.org"))
        os.kill(terminal.pid, signal.SIGTERM)
        terminal.wait_for_exit()
        assert_left_well(terminal)


def test_a_terminal_that_is_gone_without_a_word_ends_the_console(mxtui: Mxtui) -> None:
    with console(mxtui, controlling=False) as terminal:
        terminal.wait_for(lambda screen: row(screen, "example.org"))
        terminal.hangup()
        assert terminal.wait_for_exit() == 0


def test_sigterm_ends_a_console_whose_terminal_is_gone(mxtui: Mxtui) -> None:
    with console(mxtui, controlling=False) as terminal:
        terminal.wait_for(lambda screen: row(screen, "example.org"))
        terminal.hangup()
        os.kill(terminal.pid, signal.SIGTERM)
        assert terminal.wait_for_exit() == 0


def assert_left_well(terminal: Terminal) -> None:
    """No alternate screen, a cursor, and neither mouse nor paste nor focus are reported any longer."""
    sent = terminal.received
    for mode, wanted in ((b"1049", b"l"), (b"25", b"h"), (b"1000", b"l"), (b"2004", b"l"), (b"1004", b"l")):
        last = max(sent.rfind(b"\x1b[?" + mode + letter) for letter in (b"h", b"l"))
        assert sent[last + 3 + len(mode) :][:1] == wanted, mode


class Gate:
    """A postsuper in the real one's place, which tells that it begins, and waits to be let on."""

    def __init__(self, folder: Path) -> None:
        self.begun, self._gate, self.commands = folder / "begun", folder / "gate", folder / "commands"
        os.mkfifo(self._gate)
        self.commands.mkdir()
        for program in Path("/usr/sbin").glob("post*"):
            (self.commands / program.name).symlink_to(program)
        postsuper = self.commands / "postsuper"
        postsuper.unlink()
        waiting = f"[ -p {self._gate} ] && : > {self.begun} && read line < {self._gate}"
        postsuper.write_text(f'#!/bin/sh\n{waiting}\nexec /usr/sbin/postsuper "$@"\n')
        postsuper.chmod(0o755)

    def open(self) -> None:
        self._gate.write_text("go on\n")
        self._gate.unlink()


@pytest.fixture
def gate(instance: PrivatePostfix, mxtui: Mxtui, tmp_path: Path) -> Iterator[Gate]:
    """In force while the test lasts; what was held is deferred again afterwards."""
    gate = Gate(tmp_path)
    # Not followed by a reload, which runs postsuper too.
    postfix_says(instance, "postconf", "-e", f"command_directory={gate.commands}")
    yield gate
    postfix_says(instance, "postconf", "-X", "command_directory")
    ids = [each["queue_id"] for each in mxtui("list", "--json", "state:hold").objects]
    assert mxtui("release", "--all", "--yes").status == 0
    settled(layout_of(instance), ids, "deferred")


@pytest.mark.parametrize("told", [True, False], ids=["SIGHUP", "EIO"])
def test_a_terminal_that_closes_amid_an_act_leaves_it_done_and_on_record(
    instance: PrivatePostfix, mxtui: Mxtui, gate: Gate, told: bool
) -> None:
    with console(mxtui, controlling=told) as terminal:
        terminal.wait_for(lambda screen: "down" in row(screen, "example.org"))
        terminal.press("h")
        terminal.wait_for("What will run")
        terminal.press("Enter")
        wait_until(gate.begun.exists)
        terminal.hangup()
        gate.open()
        terminal.wait_for_exit(20)
    assert_all_held(instance, mxtui)


def test_a_command_whose_terminal_closes_amid_an_act_leaves_it_done_and_on_record(
    instance: PrivatePostfix, mxtui: Mxtui, gate: Gate
) -> None:
    with Terminal(mxtui.argv("hold", "domain:example.org", "--yes")) as terminal:
        wait_until(gate.begun.exists)
        terminal.hangup()
        gate.open()
        terminal.wait_for_exit(20)
    assert_all_held(instance, mxtui)


def assert_all_held(instance: PrivatePostfix, mxtui: Mxtui) -> None:
    """In the queue as on record."""
    (act,) = mxtui("audit", "--json").objects
    assert (act["verb"], act["messages"], act["counts"], act["complete"]) == ("hold", 3, {"done": 3}, True)
    layout = layout_of(instance)
    assert {state(layout, each["queue_id"]) for each in mxtui("audit", "--json", act["id"]).objects} == {"hold"}


@contextmanager
def stopped(instance: PrivatePostfix) -> Iterator[None]:
    """Down within the block."""
    instance.stop()
    try:
        yield
    finally:
        instance.start()


def test_a_stopped_postfix_shows_and_its_verbs_say_why_not(instance: PrivatePostfix, mxtui: Mxtui) -> None:
    with console(mxtui, columns=160, lines=40) as terminal:
        terminal.wait_for(lambda screen: "down" in row(screen, "example.org"))
        with stopped(instance):
            terminal.wait_for("STOPPED")
            terminal.wait_for("(h Hold)")
            terminal.wait_for(lambda screen: row(screen, "example.org"))  # reading still works
            terminal.press("h")
            terminal.wait_for("Hold is not possible now")
            terminal.wait_for("Postfix is stopped")
        terminal.wait_for(lambda screen: "h Hold" in screen[-1] and "(h Hold)" not in screen[-1])
    assert not mxtui.audit.exists()


def test_a_queue_that_cannot_be_read_says_so_and_recovers(instance: PrivatePostfix, mxtui: Mxtui) -> None:
    away = instance.queue_directory.with_name("away")
    with console(mxtui, columns=100) as terminal:
        terminal.wait_for(lambda screen: row(screen, "example.org"))
        instance.queue_directory.rename(away)
        try:
            terminal.wait_for("unreadable")
            terminal.wait_for(lambda screen: row(screen, "example.org"))  # the last known figures stay
        finally:
            away.rename(instance.queue_directory)
        terminal.wait_for(lambda screen: "live" in screen[0])
        terminal.press("q")
        assert terminal.wait_for_exit() == 0


def test_nothing_is_done_from_the_console_when_it_cannot_be_recorded(instance: PrivatePostfix, mxtui: Mxtui) -> None:
    mxtui.audit.symlink_to(mxtui.folder / "elsewhere")
    with console(mxtui) as terminal:
        terminal.wait_for(lambda screen: "down" in row(screen, "example.org"))
        terminal.press("h")
        terminal.wait_for("What will run")
        terminal.press("Enter")
        terminal.wait_for("the audit cannot be written")
    listed = subprocess.run(mxtui.argv("list", "--json", "state:hold"), capture_output=True, check=True, timeout=60)
    assert listed.stdout == b""
