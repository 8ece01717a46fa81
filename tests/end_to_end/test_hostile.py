"""What an attacker writes into mail must reach no terminal as anything but text."""

import re
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from mxtui.demo.postfix import PrivatePostfix
from mxtui.queues.postfix.whereabouts import locate
from tests.cli.running import Mxtui
from tests.end_to_end.consoles import console, row
from tests.end_to_end.terminal import Terminal
from tests.queues.postfix.acting import QUIET, layout_of, settled

pytestmark = pytest.mark.postfix

NOBODY_LISTENS = 1

ATTACKS = {
    "escape": b"\x1b]0;owned\x07\x1b[31m\x1b[2J\x1b[?1049l",
    "c1": b"\xc2\x9b31m\xc2\x9d0;owned\xc2\x9c\x9b31m",
    "bidi": "\u202eevil\u2066\u200f".encode(),
    "markup": b"[bold red]hot[/][@click=app.quit]x[/]",
    "controls": b"\x08\x7f\x00\x0e\x0f\r",
}
PAYLOAD = b"".join(ATTACKS.values())

FORBIDDEN = {
    "a title is set": b"\x1b]0;",
    "a title is set by C1": b"\xc2\x9d",
    "C1 control sequence introducer": b"\xc2\x9b",
    "right-to-left override": "\u202e".encode(),
    "isolate": "\u2066".encode(),
    "right-to-left mark": "\u200f".encode(),
    "rub out": b"\x7f",
    "shift out": b"\x0e",
}

FIELDS = ("sender", "subject", "reason", "body")


@pytest.fixture(scope="module")
def planted(instance: PrivatePostfix) -> str:
    """A message whose sender, subject, reason and body carry the payload: put there behind Postfix's back, since it
    would not take all of it; another version, another milter or a broken disk might.
    """
    marks = {field: (field + "-").encode().ljust(len(PAYLOAD) + 8, b"x") for field in FIELDS}
    content = b"Subject: %(subject)s\nX-Other: %(subject)s\n\n%(body)s\n" % {
        name.encode(): mark for name, mark in marks.items()
    }
    (queue_id,) = instance.inject(marks["sender"].decode() + "@client.example", ["info@example.org"], content)
    layout = layout_of(instance)
    settled(layout, [queue_id], "deferred")
    here = locate(layout, queue_id)
    assert here is not None
    _replace(here.path, {marks[field]: _hostile(field, marks[field]) for field in ("sender", "subject", "body")})
    log = instance.queue_directory / "defer" / here.path.relative_to(instance.queue_directory / "deferred")
    text = log.read_bytes()
    log.write_bytes(text.replace(b"Connection refused", b"reason-" + PAYLOAD.replace(b"\r", b"").replace(b"\0", b"")))
    return queue_id


def _hostile(field: str, mark: bytes) -> bytes:
    """As long as what it stands for: records tell their lengths."""
    return ((field + "-").encode() + PAYLOAD).ljust(len(mark), b"y")


def _replace(path: Path, changes: dict[bytes, bytes]) -> None:
    raw = path.read_bytes()
    for old, new in changes.items():
        assert old in raw
        raw = raw.replace(old, new)
    with path.open("r+b") as file:
        file.write(raw)


@pytest.fixture(scope="module")
def instance(folder: Path, servers: ExitStack) -> PrivatePostfix:
    return servers.enter_context(
        PrivatePostfix(folder / "postfix", routes={"example.org": NOBODY_LISTENS}, settings=QUIET)
    )


@pytest.fixture
def mxtui(instance: PrivatePostfix, tmp_path: Path) -> Mxtui:
    return Mxtui(instance, tmp_path)


def assert_harmless(sent: bytes) -> None:
    """Raw bytes as the terminal got them."""
    # Left once, at the end, by the console itself.
    assert sent.rstrip().count(b"\x1b[?1049l") <= 1
    found = {name for name, bytes_ in FORBIDDEN.items() if bytes_ in sent}
    assert not found
    # No lone C1 octet either: every octet from 0x80 on belongs to valid UTF-8.
    sent.decode()


def test_the_console_shows_hostile_mail_as_text(planted: str, mxtui: Mxtui) -> None:
    with console(mxtui, columns=200, lines=60) as terminal:
        terminal.wait_for(lambda screen: row(screen, "example.org"))
        terminal.wait_for("reason-")
        terminal.press("2")
        terminal.wait_for(lambda screen: "sender-" in row(screen, planted))
        terminal.wait_for("subject-")
        terminal.wait_for("body-")
        terminal.press("Enter")
        terminal.wait_for("body-")
        terminal.wait_for("[bold red]")
        terminal.press("v")
        terminal.wait_for("X-Other: subject-")  # the raw source is not that raw
        terminal.press("v")
        terminal.wait_for("Hops")
        terminal.press("Esc")
        terminal.wait_for("* Mark all 1")
        terminal.press("h")
        terminal.wait_for("What will run")
        terminal.wait_for("sender-")
        terminal.press("Esc")
        terminal.wait_for(lambda screen: not any("What will run" in line for line in screen))
        terminal.press("3")
        terminal.wait_for("reason-")
        terminal.press("q")
        assert terminal.wait_for_exit() == 0
        sent = terminal.received
    assert_harmless(sent)
    for field in FIELDS:
        assert re.search(field.encode() + b"-", sent), f"{field} was on the screen"
    assert b"[bold red]" in sent


def test_commands_show_hostile_mail_as_text(planted: str, mxtui: Mxtui) -> None:
    shown: dict[str, bytes] = {}
    for words in (["status"], ["list", "--subjects"], ["show", planted], ["show", "--headers", planted]):
        with Terminal(mxtui.argv(*words), columns=200, lines=60) as terminal:
            assert terminal.wait_for_exit() == 0
            shown[words[0]] = shown.get(words[0], b"") + terminal.received
            assert_harmless(terminal.received)
    assert b"sender-" in shown["list"]
    assert b"subject-" in shown["list"]
    assert b"reason-" in shown["show"]
    assert b"body-" in shown["show"]


def test_what_scripts_read_is_escaped(planted: str, mxtui: Mxtui) -> None:
    for words in (["list", "--json", "--subjects"], ["show", "--json", planted], ["status", "--json", "--no-probe"]):
        done = mxtui(*words)
        assert done.status == 0, done.err
        assert b"\x1b" not in done.out
        assert b"\x00" not in done.out
        (told,) = done.objects
    assert told["queue"]["messages"] == 1


def test_hostile_words_on_the_command_line_come_back_as_text(mxtui: Mxtui) -> None:
    said = [mxtui.argv("list", "age>\x1b]0;owned\x07"), mxtui.argv("show", "\x1b[2J")]
    for argv in (*said, [sys.executable, "-m", "mxtui", "list", "-q", "/\x1b[31m"]):
        with Terminal(argv, columns=200, lines=60, env={"NO_COLOR": "1"}) as terminal:
            assert terminal.wait_for_exit() in (2, 4)
            assert b"\x1b" not in terminal.received
