"""A copy of a queue file before it is deleted, and the way back: through Postfix's own sendmail(1)."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import BinaryIO, Final

from mxtui.errors import CommandFailed, NoQueue, Unreachable
from mxtui.folders import share
from mxtui.model.kept import HEADER_LIMIT, KeptHeader, decode_header, encode_header, kept_name
from mxtui.model.message import Identity
from mxtui.model.plan import Outcome, Result, Target
from mxtui.model.source import Verb
from mxtui.queues.postfix import records
from mxtui.queues.postfix.layout import Layout
from mxtui.queues.postfix.logtail import FileTail
from mxtui.queues.postfix.maillog import PickedUp
from mxtui.queues.postfix.queue_file import Envelope, EnvelopeRecipient, content_records, envelope, open_file
from mxtui.queues.postfix.run import CutShort, run
from mxtui.queues.postfix.whereabouts import locate, standing

KIND: Final = "postfix"

NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

NEW_ID_SECONDS: Final = 2.0
"""How long the log may take to name the new queue ID; pickup is woken at once and takes milliseconds."""

RECIPIENTS_AT_ONCE: Final = 1_000
"""Per submission: an argument list has its limits."""

NOTIFY: Final = ((1, "never"), (2, "success"), (4, "failure"), (8, "delay"))
"""Bits of notify_flags (src/global/dsn_mask.h)."""

RETURN: Final = {"1": "full", "2": "hdrs"}
"""Of ret_flags."""


def save(layout: Layout, target: Target, folder: Path) -> None:
    """Copy a held queue file, fsynced, mode 0600, under its final name only once it is whole.

    Held, because nobody delivers from hold: elsewhere the copy may show recipients to do who have the mail by the time
    it is deleted. The caller fsyncs the folder. Raises OSError (disk full, not readable), NoQueue when the message is
    not held, or is another one by now.
    """
    here = locate(layout, target.queue_id, ("hold",))
    if here is None or standing(target.identity, here) != "same":
        raise NoQueue("no longer held")
    name = kept_name(target.identity)
    unfinished = folder / f".{name}"
    try:
        fd, _ = open_file(os.fspath(here.path))
        with os.fdopen(fd, "rb") as source, os.fdopen(os.open(unfinished, NEW, 0o600), "wb") as copy:
            share(copy.fileno(), folder)
            copy.write(encode_header(KeptHeader(KIND, target, time.time(), str(layout.queue_directory))))
            shutil.copyfileobj(source, copy, 1024 * 1024)
            copy.flush()
            os.fsync(copy.fileno())
        unfinished.rename(folder / name)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def drop(folder: Path, identity: Identity) -> None:
    """Forget a copy of what was not deleted after all. Raises OSError."""
    (folder / kept_name(identity)).unlink(missing_ok=True)


def restore(layout: Layout, folder: Path, identity: Identity, *, running: bool) -> Result:
    """Submit a kept message again to those who did not have it yet. The detail names the new queue ID where known.

    Carried: sender, recipients to do, content byte for byte, 8-bit body, NOTIFY, RET, ENVID, VERP. Not carried: ORCPT,
    and a FILTER of its own. Postfix adds a Received line, and the lifetime starts again.
    """

    def result(outcome: Outcome, detail: str, *, unsure: bool = False) -> Result:
        return Result(identity.queue_id, Verb.RESTORE, outcome, detail, unsure)

    try:
        with _queue_file(folder / kept_name(identity)) as file:
            fd = file.fileno()
            found = envelope(fd, os.fstat(fd))
            message = b"".join(_content(fd))
    except FileNotFoundError:
        return result("gone", "the copy is no longer kept")
    except (OSError, ValueError) as error:
        return result("failed", f"the copy cannot be read: {error}")
    if found.fault is not None or found.sender is None:
        return result("failed", f"the copy is damaged: {found.fault}")
    todo = [recipient for recipient in found.recipients if recipient.state == "todo"]
    if found.redirect:
        todo = [EnvelopeRecipient(found.redirect, "todo", 0)]
    if not todo:
        return result("refused", "nobody is left to deliver it to")
    ids: list[str] = []
    for argv in commands(layout, found, todo):
        try:
            ids.append(_submit(layout, argv, message, found.sender, running=running))
        except CutShort as error:
            part = f"; before it, {_queued(ids)}" if ids else ""
            return result("failed", f"queued, or not: outcome unknown ({error.message}{part})", unsure=True)
        except Unreachable as error:
            if not ids:
                return result("failed", error.message)
            return result("failed", f"in part only: {_queued(ids)}, then {error.message}", unsure=True)
    return result("done", _queued(ids))


def _queued(ids: Sequence[str]) -> str:
    """What became of the parts that were handed in."""
    known = [each for each in ids if each]
    return f"queued as {', '.join(known)}" if known else "queued again"


def commands(layout: Layout, found: Envelope, todo: list[EnvelopeRecipient]) -> Iterator[list[str]]:
    """A sendmail command for each set of recipients that ask for the same notices; usually one.

    -G: relayed mail, nothing is rewritten or added. -i: a line with a single dot ends nothing.
    """
    command = [str(layout.sendmail_path), "-C", str(layout.config_directory), "-G", "-i", "-f", found.sender or ""]
    if found.attributes.get("encoding") == "8bit":
        command += ["-B", "8BITMIME"]
    if envelope_id := found.attributes.get("envelope_id"):
        command += ["-V", envelope_id]
    if wanted := RETURN.get(found.attributes.get("ret_flags", "")):
        command += ["-R", wanted]
    if found.verp:
        command += [f"-XV{found.verp}"]

    def notices(recipient: EnvelopeRecipient) -> str:
        bits = int(recipient.notify) if recipient.notify and recipient.notify.isdecimal() else 0
        return ",".join(name for bit, name in NOTIFY if bits & bit)

    for notify, group in groupby(sorted(todo, key=notices), key=notices):
        addresses = [recipient.address for recipient in group]
        options = ["-N", notify] if notify else []
        for start in range(0, len(addresses), RECIPIENTS_AT_ONCE):
            yield [*command, *options, "--", *addresses[start : start + RECIPIENTS_AT_ONCE]]


def _submit(layout: Layout, argv: list[str], message: bytes, sender: str, *, running: bool) -> str:
    """Hand a message in; its new queue ID, empty where the log does not tell. Raises CommandFailed, CutShort."""
    log = layout.maillog_file
    if not running or log is None or not os.access(log, os.R_OK):
        _sendmail(argv, message)
        return ""
    with FileTail(log) as tail:
        _sendmail(argv, message)
        deadline = time.monotonic() + NEW_ID_SECONDS
        while time.monotonic() < deadline:
            for event in tail.events():
                if isinstance(event, PickedUp) and event.uid == os.getuid() and event.sender == sender:
                    return event.queue_id
            time.sleep(0.01)
    return ""


def _sendmail(argv: list[str], message: bytes) -> None:
    done = run(argv, input=message, timeout=300)
    if done.status < 0:
        raise CutShort(f"sendmail was killed by signal {-done.status}", "See the mail log.")
    if done.status:
        raise CommandFailed(f"sendmail gave {done.status}: {done.complaint}", "See the mail log.")


@contextmanager
def _queue_file(path: Path) -> Iterator[BinaryIO]:
    """The queue file inside a copy, as a file of its own: offsets and pointers in it count from its first byte."""
    fd, _ = open_file(os.fspath(path))
    with os.fdopen(fd, "rb") as kept, tempfile.TemporaryFile(dir=path.parent) as file:
        if decode_header(kept.readline(HEADER_LIMIT)).kind != KIND:
            raise ValueError("kept from another kind of queue")
        shutil.copyfileobj(kept, file, 1024 * 1024)
        file.flush()
        yield file


def _content(fd: int) -> Iterator[bytes]:
    for record in content_records(fd):
        yield record.data
        if record.type != records.CHUNK:
            yield b"\n"
