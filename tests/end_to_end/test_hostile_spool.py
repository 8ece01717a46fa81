"""Mail with every family of escapes in every place, on a spool: what the console and commands send to a terminal."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mxtui.model.envelope import Client, EnvelopeRecipient
from mxtui.queues.spool.store import Spool
from tests.cli.running import run
from tests.end_to_end.terminal import Terminal
from tests.message.evil import ESCAPES, NAMES, PAYLOAD, everywhere, named
from tests.queues.spool.making import envelope, put
from tests.support.settings import FOLDERS
from tests.support.waiting import wait_until

TEXT = PAYLOAD.decode("utf-8", "replace").replace("\0", "")
HOSTILE = Client("203.0.113.77", f"name-{TEXT}"[:250], f"helo-{TEXT}"[:250], "ESMTPS", f"TLS-{TEXT}"[:100])

# What the console itself sends: colours and cursor, modes, queries, the kitty keyboard protocol, the pointer's shape.
# No title, no hyperlink, no clipboard, no device control string, and no C1 in either spelling.
SENT = re.compile(rb"\x1b\[[<>=?]?[0-9;:]*[ $]?[@-~]|\x1b[78=>c]|\x1b\(B|\x1b\]22;[a-z-]*\x07")


class Place:
    """A spool with one message for each family, and some with files of hostile names."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        spool = Spool.open(folder / "spool", create=True, hostname="mx2.example.net")
        self.ids = {family: self._put(spool, everywhere(ESCAPES[family])) for family in ESCAPES}
        self.ids |= {name: self._put(spool, named(name)) for name in NAMES}
        self.config = folder / "mxtui.toml"
        self.config.write_text(f"{FOLDERS.format(folder=folder)}[probe]\nenabled = false\n")

    @staticmethod
    def _put(spool: Spool, text: bytes) -> str:
        to = EnvelopeRecipient("info@example.org", attempts=1, text=f"reason-{TEXT}"[:500], dsn="4.4.1")
        made = envelope(
            text, sender=f"sender-{TEXT}"[:200] + "@evil.example", subject=f"subject-{TEXT}"[:200], client=HOSTILE,
            recipients=(to,),
        )  # fmt: skip
        return put(spool, made, text=text).id

    def argv(self, *words: str) -> list[str]:
        """Of `mxtui` with options of ours; a verb comes first."""
        verb, rest = words[:1], words[1:]
        return [
            sys.executable, "-m", "mxtui", *verb, "-q", str(self.folder / "spool"), "--config", str(self.config), *rest,
        ]  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("hostile"))


def assert_harmless(sent: bytes) -> None:
    """Nothing but what the console itself has to say to a terminal, and text."""
    text = SENT.sub(b"", sent).decode()
    hidden = "".join(each if each.isprintable() or each in "\r\n" else "\0" for each in text)
    unsafe = re.search("[^\r\n]{0,40}\0.{0,40}", hidden)
    assert unsafe is None, ascii(text[unsafe.start() : unsafe.end()])


def test_the_inspector_walks_through_all_of_it(place: Place) -> None:
    with Terminal(place.argv(), columns=160, lines=50) as terminal:
        terminal.wait_for("example.org")
        terminal.press("2")
        terminal.wait_for("subject-")
        terminal.press("Enter")
        for number in range(1, len(place.ids) + 1):
            terminal.wait_for(f"   {number} of {len(place.ids)}")
            terminal.wait_for("body-")
            terminal.press("n")
        terminal.press("v", "/")
        terminal.press("body-")
        terminal.wait_for("1 of ")
        terminal.press("Enter", "n", "Esc", "Esc")
        terminal.wait_for("Envelope")
        terminal.press("s")
        terminal.wait_for("Save a part")
        terminal.press("Esc")
        terminal.wait_for(lambda screen: not any("Save a part" in line for line in screen))
        terminal.press("h")
        terminal.wait_for("What will run")
        terminal.press("Esc")
        terminal.wait_for(lambda screen: not any("What will run" in line for line in screen))
        terminal.press("q")
        assert terminal.wait_for_exit() == 0
        sent = terminal.received
    assert_harmless(sent)
    for field in (b"sender-", b"subject-", b"reason-", b"body-"):
        assert field in sent


def test_commands_show_all_of_it_as_text(place: Place) -> None:
    told = b""
    for queue_id in place.ids.values():
        with Terminal(place.argv("show", queue_id), columns=200, lines=60) as terminal:
            assert terminal.wait_for_exit() == 0
            told += terminal.received
    with Terminal(place.argv("list", "--subjects"), columns=200, lines=60) as terminal:
        assert terminal.wait_for_exit() == 0
        told += terminal.received
    assert_harmless(told)
    for field in (b"sender-", b"subject-", b"reason-", b"body-", b"names another server"):
        assert field in told


def test_json_is_read_back_and_holds_nothing_that_a_terminal_obeys(place: Place) -> None:
    for family in ESCAPES:
        done = run(place.argv("show", "--json", place.ids[family]))
        assert done.status == 0, done.err
        assert_harmless(done.out)
        found = json.loads(done.out)
        assert found["parts"][4]["files"][0]["executable"]
        assert found["links"][0]["differs"]
        assert all(each.isprintable() for each in found["text"]["lines"])


@pytest.mark.parametrize("name", NAMES)
def test_a_part_is_saved_where_it_was_said_to_and_under_no_name_of_its_own(
    place: Place, tmp_path: Path, name: str
) -> None:
    file = tmp_path / "here"
    done = run(place.argv("show", "--part", "2", "--out", str(file), place.ids[name]))
    assert done.status == 0, done.err
    assert file.read_bytes() == b"content"
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]
    again = run(place.argv("show", "--part", "1", "--out", str(file), place.ids[name]))
    assert again.status == 2
    assert file.read_bytes() == b"content"


def test_what_is_done_to_it_is_recorded_harmlessly(place: Place) -> None:
    queue_id = place.ids["csi"]
    for words in (
        ["hold", "--yes", "--reason", f"because-{TEXT}", f"id:{queue_id}"],
        ["release", "--yes", f"id:{queue_id}"],
    ):
        with Terminal(place.argv(*words), columns=200, lines=60) as terminal:
            assert terminal.wait_for_exit() == 0
            assert_harmless(terminal.received)
    assert_harmless((place.folder / "audit.jsonl").read_bytes())
    with Terminal(place.argv("audit"), columns=200, lines=60) as terminal:
        assert terminal.wait_for_exit() == 0
        assert b"because-" in terminal.received
        assert_harmless(terminal.received)


@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")
def test_a_tmux_pane_gets_no_byte_of_it(place: Place, tmp_path: Path) -> None:
    socket, piped = f"mxtui-{tmp_path.name}", tmp_path / "bytes"
    tmux = ["tmux", "-L", socket]

    def shown() -> str:
        return subprocess.run([*tmux, "capture-pane", "-p"], capture_output=True, text=True, check=True).stdout

    subprocess.run([*tmux, "-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "40", "cat"], check=True)
    try:
        subprocess.run([*tmux, "pipe-pane", f"cat > {piped}"], check=True)
        subprocess.run([*tmux, "respawn-pane", "-k", *place.argv()], check=True)
        wait_until(lambda: "example.org" in shown(), what="the console is there")
        subprocess.run([*tmux, "send-keys", "2"], check=True)
        wait_until(lambda: "subject-" in shown(), what="messages are listed")
        subprocess.run([*tmux, "send-keys", "Enter"], check=True)
        wait_until(lambda: "Envelope" in shown(), what="one is laid open")
        subprocess.run([*tmux, "send-keys", "v"], check=True)
        wait_until(lambda: "raw source" in shown() and "Received:" in shown(), what="its source is there")
        assert "subject-" in shown()
    finally:
        subprocess.run([*tmux, "kill-server"], check=False)
    assert_harmless(piped.read_bytes())
