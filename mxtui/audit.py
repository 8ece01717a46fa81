"""Who did what to which messages, when and why: JSON lines that are only ever appended to.

An act is several lines that share an `id`, so that a plan of 100,000 messages needs no line of megabytes and what was
done before a crash is on disk:

    begin     who, where, verb, reason, selection, how many
    targets   the messages that are about to be acted on, at most 1,000 a line
    results   what became of some of them, a line per batch
    end       the sums; `complete` is false when the act was stopped

`begin` and all `targets` are on disk before anything is done.
"""

import errno
import fcntl
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any, Final

import msgspec

from mxtui.errors import AuditFailed, ResultsLost
from mxtui.folders import make_folder, share, sync_folder, writable_folder
from mxtui.message.escaped import escaped
from mxtui.model.message import Identity
from mxtui.model.plan import Plan, Result, Target, Verdict
from mxtui.model.source import Verb
from mxtui.users import user_name

SYSTEM_FILE: Final = Path("/var/log/mxtui/audit.jsonl")
PER_LINE: Final = 1_000
TEXT_LIMIT: Final = 500
"""Characters of any text from outside."""
LINE_LIMIT: Final = 4 * 1024 * 1024
"""Bytes; ours stay well below, so a longer line was not written by us and is passed over."""
BLOCK: Final = 64 * 1024
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

HEADROOM: Final = 64 * 1024
"""Bytes that must be free beyond what the results are expected to take."""


def default_file() -> Path:
    """`/var/log/mxtui/audit.jsonl` for whoever may write there, else `$XDG_STATE_HOME/mxtui/audit.jsonl`."""
    return writable_folder(SYSTEM_FILE.parent) / SYSTEM_FILE.name


class Operator(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who is at the keyboard."""

    login: str
    """Who logged in, from the kernel's login UID or the terminal; survives sudo and su."""
    user: str
    """Whom the process runs as."""
    uid: int
    sudo_user: str = ""
    """As sudo says; the environment can be forged by root only."""
    tty: str = ""
    asked_by: str = ""
    """Who asked for it from another host, as they say themselves: `alice@console.example.net`."""


def this_operator() -> Operator:
    """The operator of this process."""
    uid = os.getuid()
    user = user_name(uid)
    return Operator(_login(user), user, uid, os.environ.get("SUDO_USER", ""), _tty())


def _login(otherwise: str) -> str:
    try:
        uid = int(Path("/proc/self/loginuid").read_text())
    except (OSError, ValueError):
        uid = NO_LOGIN_UID
    if uid != NO_LOGIN_UID:
        return user_name(uid)
    try:
        return os.getlogin()
    except OSError:  # no terminal: a cron job, a test
        return otherwise


NO_LOGIN_UID: Final = 2**32 - 1
"""(uid_t) -1: set by nobody, as outside of a login session."""


def _tty() -> str:
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        try:
            return os.ttyname(stream.fileno())
        except (OSError, ValueError, AttributeError):
            continue
    return ""


class Begin(msgspec.Struct, frozen=True, tag_field="event", tag="begin", omit_defaults=True):
    """The first line of an act."""

    id: str
    at: float
    verb: Verb
    operator: Operator
    host: str
    queue: str
    messages: int
    bytes: int
    selection: str
    reason: str = ""
    undoes: str = ""
    """The `id` of the act that this one takes back."""
    to: str = ""
    """Where mail was redirected to."""
    did: str = ""
    """What was done, where no message became another by it: `acknowledge`, `drill`, `learn spam`. `verb` is then of no
    meaning."""

    @property
    def what(self) -> str:
        """What was done, in a word."""
        return self.did or self.verb


class Touched(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message about to be acted on."""

    queue_id: str
    inode: int
    arrival: float
    sender: str = ""
    quarantined: bool = False
    """It was in quarantine before."""


class Targets(msgspec.Struct, frozen=True, tag_field="event", tag="targets"):
    """Messages about to be acted on."""

    id: str
    messages: list[Touched]


class Happened(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one message."""

    queue_id: str
    result: str
    detail: str = ""


class Results(msgspec.Struct, frozen=True, tag_field="event", tag="results"):
    """What became of a batch."""

    id: str
    at: float
    messages: list[Happened]


class End(msgspec.Struct, frozen=True, tag_field="event", tag="end"):
    """The last line of an act."""

    id: str
    at: float
    counts: dict[str, int]
    complete: bool


Line = Begin | Targets | Results | End


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """An act, as its lines tell."""

    begin: Begin
    counts: Mapping[str, int]
    """Messages per result, as far as recorded."""
    ended_at: float | None
    """None: it is still going on, or was killed."""
    complete: bool

    @property
    def id(self) -> str:
        """Names the act, and the folder of its kept copies."""
        return self.begin.id


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One message of an act."""

    identity: Identity
    sender: str
    result: str | None
    """None where no result was recorded."""
    detail: str
    quarantined: bool = False
    """It was in quarantine before."""


class Act:
    """An act being recorded."""

    def __init__(self, audit: "Audit", identifier: str, clock: Callable[[], float]) -> None:
        self.id = identifier
        self._audit = audit
        self._clock = clock
        self._counts: Counter[str] = Counter()
        self._acted_on = 0
        self._lost = 0
        """Results that could not be recorded."""

    def results(self, results: Sequence[Result]) -> None:
        """Record what became of a batch. Raises ResultsLost, which says how many messages were acted on by then."""
        now = self._clock()
        self._counts.update(result.result for result in results)
        self._acted_on += sum(result.result == "done" or result.unsure for result in results)
        lost = self._lost
        self._lost += len(results)
        self._append(
            Results(self.id, now, [Happened(r.queue_id, r.result, _text(r.detail)) for r in part])
            for part in _parts(results)
        )
        self._lost = lost

    def told(self, happened: Sequence[Happened]) -> None:
        """Record what was told of messages that stay as they are. Raises ResultsLost as `results` does."""
        now = self._clock()
        self._counts.update(each.result for each in happened)
        self._acted_on += len(happened)
        lines = ([Happened(h.queue_id, h.result, _text(h.detail)) for h in part] for part in _parts(happened))
        self._append(Results(self.id, now, part) for part in lines)

    def verdicts(self, verdicts: Sequence[Verdict]) -> None:
        """Record what became of messages whose delivery was tried. Raises ResultsLost as `results` does."""
        self._acted_on += len(verdicts)
        now = self._clock()
        self._append(
            Results(self.id, now, [Happened(v.queue_id, v.fate, _text(f"{v.dsn} {v.reply}".strip())) for v in part])
            for part in _parts(verdicts)
        )

    def end(self, *, complete: bool, counts: Mapping[str, int] | None = None) -> None:
        """Record the sums; `counts` where they are not those of `results`. Raises ResultsLost as `results` does."""
        if counts is not None:
            self._acted_on = sum(number for what, number in counts.items() if what != "left")
        self._append([End(self.id, self._clock(), dict(self._counts if counts is None else counts), complete)])

    def _append(self, lines: Iterable[Line]) -> None:
        try:
            self._audit.append(lines)
        except AuditFailed as error:
            were = "message WAS" if self._acted_on == 1 else "messages WERE"
            missing = f"the results of {self._lost:,} are" if self._lost else "the end of the act is"
            raise ResultsLost(
                f"{self._acted_on:,} {were} acted on; {missing} not on record: {error.message}",
                f"Nothing more is done. {_remedy(error)}, and see the mail log for what was done.",
            ) from error


def _remedy(error: OSError) -> str:
    """What would let the audit be written."""
    cause = error.__cause__ if isinstance(error, AuditFailed) else error
    no_room = isinstance(cause, OSError) and cause.errno in _NO_ROOM
    return "Free some space there" if no_room else "Make its folder and file ours to write"


class Audit:
    """An audit file. Safe against other writers (flock), rotation, and a line cut short by a crash."""

    def __init__(self, path: Path | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self.path = path or default_file()
        self._clock = clock
        self._numbers = count()

    def begin(
        self,
        plan: Plan,
        operator: Operator,
        *,
        host: str,
        queue: str,
        reason: str = "",
        undoes: str = "",
        identifier: str = "",
    ) -> Act:
        """Record the intent, with every message named. Raises AuditFailed, and then nothing may be done.

        `identifier` is what the act is called where it was asked for.
        """
        now = self._clock()
        identifier = identifier or self._identifier(now)
        begin = Begin(
            identifier,
            now,
            plan.verb,
            operator,
            host,
            queue,
            len(plan.targets),
            plan.bytes,
            _text(plan.selection),
            _text(reason),
            undoes,
            "" if plan.where is None else _text(str(plan.where)),
        )
        targets = (Targets(identifier, [_touched(target) for target in part]) for part in _parts(plan.targets))
        self.append([begin, *targets], reserve=True)
        return Act(self, identifier, self._clock)

    def note(self, did: str, operator: Operator, *, host: str, queue: str, selection: str, reason: str) -> None:
        """Record what was done to no message. Raises AuditFailed, and then it must not be done."""
        now = self._clock()
        identifier = self._identifier(now)
        begin = Begin(
            identifier, now, Verb.FLUSH, operator, host, queue, 0, 0, _text(selection), _text(reason), did=did
        )
        self.append([begin, End(identifier, now, {}, True)])

    def begin_telling(
        self,
        did: str,
        targets: Sequence[Target],
        operator: Operator,
        *,
        host: str,
        queue: str,
        selection: str,
        reason: str,
    ) -> Act:
        """Record what others are about to be told of messages that stay as they are, with every message named.

        Raises AuditFailed, and then nothing may be told.
        """
        now = self._clock()
        identifier = self._identifier(now)
        octets = sum(each.size for each in targets)
        begin = Begin(
            identifier, now, Verb.FLUSH, operator, host, queue, len(targets), octets, _text(selection), _text(reason),
            did=did,
        )  # fmt: skip
        named = (Targets(identifier, [_touched(target) for target in part]) for part in _parts(targets))
        self.append([begin, *named], reserve=True)
        return Act(self, identifier, self._clock)

    def end_broken_off(self, verb: Verb, queue: str, happened: Mapping[str, Happened]) -> None:
        """End the latest act of this kind on that queue, if it has no end: whoever was at it is gone, as the caller
        knows. `happened` is by queue ID what was found out since. Raises AuditFailed, OSError."""

        def such(record: AuditRecord) -> bool:
            return (record.begin.verb, record.begin.queue, record.begin.did) == (verb, queue, "")

        latest = next(self.records(limit=1, matching=such), None)
        if latest is None or latest.ended_at is not None:
            return
        entries = self.entries(latest.id)
        untold = [each.identity.queue_id for each in entries if each.result is None]
        told = [happened[each] for each in untold if each in happened]
        counts = Counter(each.result for each in entries if each.result is not None)
        counts.update(each.result for each in told)
        if len(untold) > len(told):
            counts["left"] += len(untold) - len(told)
        now = self._clock()
        results = (Results(latest.id, now, list(part)) for part in _parts(told))
        self.append([*results, End(latest.id, now, dict(counts), False)])

    def _identifier(self, now: float) -> str:
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now))
        return f"{stamp}-{os.getpid()}-{next(self._numbers)}"

    def append(self, lines: Iterable[Line], *, reserve: bool = False) -> None:
        """Write lines and wait until they are on disk; all or none. Raises AuditFailed.

        With `reserve` there must be room for as much again, for the results to come.
        """
        data = b"".join(escaped(encoder.encode(line)) + b"\n" for line in lines)
        try:
            descriptor = self._open()
            try:
                if reserve:
                    space = os.fstatvfs(descriptor)
                    if space.f_bavail * space.f_frsize < 2 * len(data) + HEADROOM:
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                _append(descriptor, data)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise AuditFailed(
                f"the audit cannot be written to {self.path}: {error.strerror}",
                f"Nothing is done without a record. {_remedy(error)}, or set another file.",
            ) from error

    def _open(self) -> int:
        """The locked file under our name, even if it is being rotated away just now."""
        while True:
            try:
                descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)
            except FileNotFoundError:
                make_folder(self.path.parent, 0o750)
                flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_CREAT
                descriptor = os.open(self.path, flags, 0o600)
                share(descriptor, self.path.parent)
                sync_folder(self.path.parent)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if os.path.samestat(os.fstat(descriptor), self.path.stat()):
                    return descriptor
            except FileNotFoundError:
                pass  # rotated away between open and lock: take the new one
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)

    def records(
        self, *, limit: int | None = None, matching: Callable[[AuditRecord], bool] | None = None
    ) -> Iterator[AuditRecord]:
        """The acts, newest first; read from the end, so the latest are there at once however long the file is."""
        found = self._records()
        return islice(found if matching is None else filter(matching, found), limit)

    def _records(self) -> Iterator[AuditRecord]:
        counts: dict[str, Counter[str]] = {}
        ends: dict[str, End] = {}
        for line in self._lines_backwards():
            match line:
                case End():
                    ends[line.id] = line
                case Results() if line.id not in ends:
                    counts.setdefault(line.id, Counter()).update(message.result for message in line.messages)
                case Begin():
                    end = ends.pop(line.id, None)
                    sums = end.counts if end else counts.pop(line.id, Counter())
                    yield AuditRecord(line, sums, end.at if end else None, end is not None and end.complete)
                case _:
                    continue

    def entries(self, identifier: str) -> Sequence[AuditEntry]:
        """The messages of one act, in the order they were named; empty when there is no such act."""
        results: dict[str, Happened] = {}
        touched: list[list[Touched]] = []
        for line in self._lines_backwards(identifier.encode()):
            if line.id != identifier:
                continue
            match line:
                case Results():
                    results.update((message.queue_id, message) for message in line.messages)
                case Targets():
                    touched.append(line.messages)
                case Begin():
                    break
                case _:
                    continue
        entries = []
        for message in (message for part in reversed(touched) for message in part):
            happened = results.get(message.queue_id)
            identity = Identity(message.queue_id, message.inode, message.arrival)
            entries.append(
                AuditEntry(
                    identity,
                    message.sender,
                    happened.result if happened else None,
                    happened.detail if happened else "",
                    message.quarantined,
                )
            )
        return entries

    def _lines_backwards(self, containing: bytes = b"") -> Iterator[Line]:
        """Every line that can be understood, from the newest on, through the rotated files that are not compressed."""
        files = [self.path]
        for number in count(1):
            rotated = self.path.with_name(f"{self.path.name}.{number}")
            if not rotated.exists():
                break
            files.append(rotated)
        for path in files:
            for raw in backwards(path):
                if containing in raw:
                    try:
                        yield decoder.decode(raw)
                    except msgspec.DecodeError:
                        continue  # cut short by a crash, or not ours


encoder = msgspec.json.Encoder()
decoder: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


def _append(descriptor: int, data: bytes) -> None:
    """Append to a locked file, all or nothing, then fsync."""
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        data = b"\n" + data  # a crash cut the last line short: ours must not become a part of it
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)
        raise


def backwards(path: Path) -> Iterator[bytes]:
    """The lines of a file from the last to the first, without line feeds; those past LINE_LIMIT left out."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        position = file.seek(0, os.SEEK_END)
        pieces: list[bytes] = []
        """Of the line whose beginning was not seen yet, last piece first."""
        held = 0
        while position:
            step = min(BLOCK, position)
            position -= step
            file.seek(position)
            *pieces_of_lines, tail = file.read(step).split(b"\n")
            if held <= LINE_LIMIT:
                pieces.append(tail)
                held += len(tail)
            if not pieces_of_lines:
                continue
            if held <= LINE_LIMIT and held:
                yield b"".join(reversed(pieces))
            first, *whole = pieces_of_lines
            yield from (line for line in reversed(whole) if line)
            pieces, held = [first], len(first)
        if held and held <= LINE_LIMIT:
            yield b"".join(reversed(pieces))


def _parts(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (items[start : start + PER_LINE] for start in range(0, len(items), PER_LINE))


def _touched(target: Target) -> Touched:
    sender = target.sender or ("" if target.null_sender else "unknown")
    identity = target.identity
    return Touched(target.queue_id, identity.inode, identity.arrival, _text(sender), target.state == "quarantine")


def _text(text: str) -> str:
    """Bounded, and sound Unicode: an undecodable byte of an address may be a lone surrogate here."""
    return text[:TEXT_LIMIT].encode("utf-8", "backslashreplace").decode()
