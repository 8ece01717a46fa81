"""A session at one console over four hosts: one is lost in the middle of it, and comes back."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from mxtui.demo.ledger import BookedPrimary, Ledger
from mxtui.demo.postfix import PrivatePostfix
from tests.end_to_end.consoles import row
from tests.end_to_end.terminal import Screen, Terminal, Wanted
from tests.recording.backups import DOMAIN, PATIENT, Backup, queued
from tests.recording.watching import Recording
from tests.support.settings import FOLDERS
from tests.support.sshd import Sshd, ssh_by, sshd
from tests.support.waiting import wait_until

NAMES: Final = ("mx2", "mx3", "mx4", "mx5")

LOST: Final = "mx4"

COLUMNS: Final = 120
LINES: Final = 26

READING: Final = 120.0
"""Seconds for a host's queue to be read."""


@dataclass(frozen=True, slots=True)
class Host:
    """A backup MX and the way to it."""

    backup: Backup
    postfix: PrivatePostfix
    server: Sshd


@dataclass
class Session:
    """A console, keys and what was seen, on record."""

    seen: Recording
    terminal: Terminal

    def press(self, *keys: str, why: str) -> None:
        """Keys, and what they are for."""
        self.seen.tell(f"\n{' '.join(keys)} — {why}")
        self.terminal.press(*keys)

    def shows(self, wanted: Wanted, timeout: float = READING) -> None:
        """Wait for that, and keep the screen."""
        screen = self.terminal.wait_for(wanted, timeout)
        self.seen.tell("\n" + "\n".join(f"    {self._in_shape(line)}" for line in screen))

    def _in_shape(self, line: str) -> str:
        """Without paths of this machine, and a dialog's border where it was."""
        shown = self.seen.anonymous(line)
        before, border, behind = shown.rpartition("│")
        return f"{before}{' ' * (len(line) - len(shown))}{border}{behind}" if border else shown


def record_hosts(count: int, folder: Path) -> str:
    """Have so many messages come to each of four hosts while the primary is down, and hold and release them from one
    console; the transcript. What the console did is compared with the hosts' files: raises AssertionError.
    """
    seen = Recording(folder)
    with BookedPrimary(Ledger(), f"mx1.{DOMAIN}") as primary:
        primary.down()
        with _four(folder, primary) as hosts:
            by_name = dict(zip(NAMES, hosts, strict=True))
            seen.happens(f"The primary of {DOMAIN} is down. {count:,} messages for it come to each of {_listed(NAMES)}")
            for host in hosts:
                host.backup.receive(Ledger(), count)
            argv = [sys.executable, "-m", "mxtui", *(word for name in NAMES for word in ("-q", name))]
            env = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "XDG_CONFIG_HOME": str(folder)}
            with Terminal(argv, columns=COLUMNS, lines=LINES, env=env) as terminal:
                _story(Session(seen, terminal), by_name, count)
    return seen.text


def _story(session: Session, hosts: dict[str, Host], count: int) -> None:
    seen, lost = session.seen, hosts[LOST]
    seen.tell(f"\n$ mxtui {' '.join(f'-q {name}' for name in NAMES)}")
    session.shows(lambda screen: all(_live(screen, name, count) for name in NAMES))
    session.press("v", why="domains across the hosts")
    session.shows(lambda screen: all(f"{name} {count:,}" in row(screen, DOMAIN) for name in NAMES))

    lost.server.stop()
    seen.happens(f"{LOST} is lost: its sshd is gone, and every connection with it")
    session.press("v", why="the hosts")
    session.shows(lambda screen: " away " in row(screen, f"{LOST} "))
    session.press("v", "h", why=f"hold {DOMAIN} on all hosts")
    session.shows(_button(f"Hold {3 * count:,}"))
    session.press("Enter", why="yes")
    session.shows(f"{3 * count:,} done")
    session.press("Enter", why="close the outcome")
    _held(hosts, {name: 0 if name == LOST else count for name in NAMES}, seen)

    lost.backup.receive(Ledger(), count // 10, beside=count)
    seen.happens(f"{count // 10:,} more messages came to {LOST} meanwhile")
    lost.server.start()
    seen.happens(f"{LOST} is back")
    session.press("v", why="the hosts")
    session.shows(lambda screen: _live(screen, LOST, count + count // 10))
    session.press("v", "h", why=f"hold {DOMAIN} there, too")
    session.shows(_button(f"Hold {count + count // 10:,}"))
    session.press("Enter", why="yes")
    session.shows(f"{count + count // 10:,} done")
    session.press("Enter", why="close the outcome")
    _held(hosts, {name: count + (count // 10 if name == LOST else 0) for name in NAMES}, seen)
    total = 4 * count + count // 10
    session.shows(lambda screen: row(screen, DOMAIN).split().count(f"{total:,}") == 2)  # queued, and held
    session.press("r", why="release them on all four")
    session.shows(_button(f"Release {total:,}"))
    session.press("Enter", why="yes")
    session.shows(f"{total:,} done")
    session.press("Enter", why="close the outcome")
    _held(hosts, dict.fromkeys(NAMES, 0), seen)
    session.press("q", why="leave")
    session.terminal.wait_for_exit()


def _held(hosts: dict[str, Host], wanted: dict[str, int], seen: Recording) -> None:
    """What the hosts' own files say is what was to be."""
    found: dict[str, int] = {}

    def counted() -> bool:
        found.update({name: queued(host.postfix, "hold") for name, host in hosts.items()})
        return found == wanted

    wait_until(counted, what=f"held on the hosts: {wanted}")
    seen.happens(f"Files in their hold queues: {', '.join(f'{name} {held:,}' for name, held in found.items())}")


def _live(screen: Screen, name: str, messages: int) -> bool:
    found = row(screen, f"{name} ")
    return " live " in found and f"{messages:,}" in found.split()


def _button(label: str) -> Wanted:
    """The last line of a dialog, which is there once all of it is."""
    return lambda screen: any("Esc Cancel" in line and label in line for line in screen)


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


@contextmanager
def _four(folder: Path, primary: BookedPrimary) -> Iterator[list[Host]]:
    """Four Postfixes, each behind an sshd of its own, and the configuration of an operator who knows them."""
    with ExitStack() as stack:
        hosts = [_host(stack, folder / name, name, primary) for name in NAMES]
        (folder / "bin").mkdir()
        joint = folder / "ssh_config"
        joint.write_text("".join(host.server.config.read_text() for host in hosts))
        ssh_by(folder / "bin", joint)
        (folder / "mxtui").mkdir()
        named = "".join(f'\n[[hosts]]\nname = "{name}"\nqueue = "ssh://{name}.test"\n' for name in NAMES)
        (folder / "mxtui" / "config.toml").write_text(FOLDERS.format(folder=folder) + named)
        yield hosts


def _host(stack: ExitStack, folder: Path, name: str, primary: BookedPrimary) -> Host:
    folder.mkdir(mode=0o755)
    here = stack.enter_context(
        PrivatePostfix(folder / "postfix", routes={DOMAIN: primary.port}, settings=PATIENT, long_queue_ids=True)
    )
    server = stack.enter_context(sshd(folder / "ssh", f"{name}.test"))
    config = server.there / "mxtui" / "config.toml"
    config.write_text(f'queue = "{here.config_directory}"\n{FOLDERS.format(folder=server.there)}')
    waiting = partial(queued, here, "deferred")
    return Host(Backup(name, folder, str(here.config_directory), config, here.smtp_port, waiting), here, server)
