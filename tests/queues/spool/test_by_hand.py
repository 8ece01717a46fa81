"""What SPOOL.md says that can be done without us."""

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

from mxtui.model.envelope import EnvelopeRecipient
from mxtui.model.planning import target_of
from mxtui.queues.spool.format import ClientOnDisk, EnvelopeOnDisk, RecipientOnDisk, ScreenedOnDisk
from mxtui.queues.spool.queue import SpoolQueue
from mxtui.queues.spool.store import Spool
from tests.queues.spool.making import TEXT, envelope, put, queued

PAGE = (Path(__file__).parents[3] / "SPOOL.md").read_text()

SENDMAIL = """\
#!{python}
import json, os, sys
with open({log!r}, "a") as log:
    print(json.dumps([[os.fsencode(each).hex() for each in sys.argv[1:]], sys.stdin.buffer.read().hex()]), file=log)
"""


def test_every_field_on_disk_is_described() -> None:
    described = set(re.findall(r"`(\w+)`", PAGE.partition("## An envelope")[2].partition("## What is promised")[0]))
    for struct in (EnvelopeOnDisk, RecipientOnDisk, ClientOnDisk, ScreenedOnDisk):
        assert set(struct.__struct_fields__) <= described


def test_the_program_in_the_page_delivers_all_that_waits_and_removes_it(spool: Spool, tmp_path: Path) -> None:
    had, wants = EnvelopeRecipient("a@example.org", "delivered"), EnvelopeRecipient("caf\udce9 $(x)@example.org")
    first = put(spool, envelope(recipients=(had, wants), sender=""))
    second = put(spool, envelope(to=["b@example.org", "-c@example.org"]))
    held = put(spool, state="hold")
    program = textwrap.dedent(re.search(r"(?:^    .*\n)+", PAGE.partition("from Python 3.8")[2], re.MULTILINE)[0])  # type: ignore[index]
    log, sendmail = tmp_path / "log", tmp_path / "sendmail"
    sendmail.write_text(SENDMAIL.format(python=sys.executable, log=str(log)))
    sendmail.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run([sys.executable, "-c", program, str(spool.path)], check=True, env=environment)

    sent = [json.loads(line) for line in log.read_text().splitlines()]
    assert [[bytes.fromhex(word) for word in argv] for argv, _ in sent] == [
        [b"-i", b"-f", b"", b"--", b"caf\xe9 $(x)@example.org"],
        [b"-i", b"-f", b"sender@example.com", b"--", b"b@example.org", b"-c@example.org"],
    ]
    assert {bytes.fromhex(text) for _, text in sent} == {TEXT}
    assert queued(spool) == {held.id: "hold"}
    assert not Path(spool.places.message(first.id)).exists()
    assert not Path(spool.places.message(second.id)).exists()


def test_the_message_in_a_kept_copy_begins_at_its_third_line(spool: Spool, tmp_path: Path) -> None:
    made = put(spool)
    queue = SpoolQueue(spool)
    found = queue.find(made.id)
    assert found is not None
    list(queue.delete([target_of(found)], tmp_path))
    (copy,) = (path for path in tmp_path.iterdir() if path.is_file())
    done = subprocess.run(["tail", "-n", "+3", str(copy)], capture_output=True, check=True)
    assert done.stdout == TEXT
