"""From what a host said to a definite state: journalled, marked, and the message deleted, released or left in hold."""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, NamedTuple

from mxtui.delivery.direct.job import Job
from mxtui.delivery.following import FATES
from mxtui.delivery.session import Outcome, Said
from mxtui.errors import MxtuiError
from mxtui.model.drain.way import Settled
from mxtui.model.plan import Fate, Target, Verdict
from mxtui.queues.postfix.direct.custody import Custodian, End
from mxtui.queues.postfix.direct.journal import Answered, Begun, Entry, Journal, unusable
from mxtui.queues.postfix.direct.marks import mark_done
from mxtui.queues.postfix.direct.together import Together

HANDS: Final = 8
"""Queue files are synced side by side: the file system's journal commits them together."""

GATHER: Final = 0.03
"""Seconds that a message waits for others to leave with: a process of postsuper(1) takes 5 ms."""

UNTRIED: Final = "not tried: no more was sent there when its turn came"


class UnmarkedError(Exception):
    """Somebody was accepted, and cannot be marked as done."""


class _Marks(NamedTuple):
    fd: int
    offsets: Sequence[int]


class _Line(NamedTuple):
    entry: Entry
    marks: _Marks | None = None
    """Made once the entry is on disk, and not synced: for a message that is deleted next, and whose end is not in the
    journal before it could not come back (`Custodian.let_go`). A sync for each was most of what the disk had to do."""


class Endings:
    """The only hands through which a message goes after its transaction. In the event loop, but for its threads."""

    def __init__(self, custodian: Custodian, journal: Journal, clock: Callable[[], float] = time.time) -> None:
        self.failure: MxtuiError | None = None
        """What makes going on impossible."""
        self._custodian = custodian
        self._journal = journal
        self._clock = clock
        self._hands = ThreadPoolExecutor(HANDS, thread_name_prefix="sync")
        self._lines: Together[_Line, None] = Together("journal", self._append)
        self._marks: Together[_Marks, None] = Together("marks", self._mark)
        self._ends: Together[tuple[Job, End], str] = Together("ends", self._end, gather=GATHER)

    def close(self) -> None:
        """End the threads. Blocks."""
        for each in (self._lines, self._marks, self._ends):
            each.close()
        self._hands.shutdown()
        self._custodian.close()

    async def announce(self, job: Job, addresses: Sequence[str], host: str) -> None:
        """Have it known that content is about to be sent to these. Raises OSError: then it must not be."""
        await self._enter(_Line(Begun(job.queue_id, job.offsets(addresses), host, self._clock())))
        job.unanswered = True

    async def answered(self, job: Job, outcome: Outcome) -> None:
        """Put on record what was said in one transaction. Raises nothing: what fails is `failure`."""
        for said in outcome.said:
            job.said[said.recipient.address] = said
        accepted = job.offsets(said.recipient.address for said in outcome.said if said.fate == "delivered")
        marks = _Marks(job.held.fd, accepted) if accepted else None
        job.held.accepted.update(accepted)
        try:
            if job.unanswered and not any(said.possible_duplicate for said in outcome.said):
                last = None if job.held.todo else marks
                if await self._recorded(_Line(Answered(job.queue_id, accepted, refused(outcome.said)), last)):
                    job.unanswered = False
                    marks = None if last is not None else marks
            if marks is not None:  # though the journal may not know: then a crash cannot have it sent again
                await self._marks.do(marks)
        except UnmarkedError as error:
            why = f"{job.queue_id} was accepted and cannot be marked: {error}"
            self.failure = self.failure or MxtuiError(why, "It stays in hold; the next direct run marks it.")
            job.unmarked = True

    async def end(self, job: Job) -> Settled:
        """Bring it to its end."""
        said = list(job.said.values())
        doubtful = any(each.possible_duplicate for each in said)
        verdicts = tuple(self._verdict(job, each) for each in said)
        fate: Fate
        end: End = "keep"
        if doubtful:
            fate = "deferred"
        elif not job.held.todo:
            fate, end = "delivered", "delete"
        elif refused(said):
            fate = "refused"
        else:
            fate, end = "deferred", "keep" if job.held.was_held else "release"
        if doubtful or (job.unmarked and job.held.todo):
            self._custodian.leave(job.held)
        else:
            try:
                if why := await self._ends.do((job, end)):
                    self._stuck(job, end, why)
            except OSError as error:
                self.unwritable(error)
        unreachable = any(each.unreachable for each in said)
        if not said:
            verdicts = (Verdict(job.queue_id, "", fate, "", UNTRIED, self._clock()),)
        return Settled(
            job.queue_id, fate, verdicts, job.seconds, job.busy, doubtful, unreachable=unreachable,
            untried=fate == "deferred" and not said,
        )  # fmt: skip

    def left(self, target: Target, why: str, fate: Fate = "deferred", *, doubtful: bool = False) -> Settled:
        """Of a message that was not tried."""
        verdict = Verdict(target.queue_id, "", fate, "", why, self._clock())
        return Settled(target.queue_id, fate, (verdict,), possible_duplicate=doubtful, untried=not doubtful)

    async def _enter(self, line: _Line) -> None:
        """Raises OSError; UnmarkedError where only the marks are missing."""
        try:
            await self._lines.do(line)
        except OSError as error:
            self.unwritable(error)
            raise

    async def _recorded(self, line: _Line) -> bool:
        """Whether the journal took it. Raises UnmarkedError."""
        try:
            await self._enter(line)
        except OSError:
            return False
        return True

    def unwritable(self, error: OSError) -> None:
        """The journal is: nothing more may be sent."""
        self.failure = self.failure or unusable(self._journal.folder, error)

    def _stuck(self, job: Job, end: End, why: str) -> None:
        what = "delivered, but cannot be deleted" if end == "delete" else "cannot be released"
        hint = "It stays in hold; the next direct run finishes it."
        self.failure = self.failure or MxtuiError(f"{job.queue_id} {what}: {why}", hint)

    def _verdict(self, job: Job, said: Said) -> Verdict:
        # What the host cannot carry, Postfix perhaps can: it is not refused.
        fate: Fate = "deferred" if said.fate == "refused" and said.code is None else FATES[said.fate]
        return Verdict(job.queue_id, said.recipient.address, fate, said.dsn, said.text, self._clock())

    # -- in threads

    def _append(self, lines: Sequence[_Line]) -> Sequence[Exception | None]:
        self._journal.append([line.entry for line in lines])
        return [_marked(line.marks) if line.marks is not None else None for line in lines]

    def _mark(self, marks: Sequence[_Marks]) -> Sequence[Exception | None]:
        return list(self._hands.map(partial(_marked, sync=True), marks))

    def _end(self, ends: Sequence[tuple[Job, End]]) -> Sequence[str]:
        return self._custodian.let_go([(job.held, end) for job, end in ends])


def _marked(marks: _Marks, *, sync: bool = False) -> UnmarkedError | None:
    try:
        mark_done(marks.fd, marks.offsets)
        if sync:
            os.fdatasync(marks.fd)
    except OSError as error:
        return UnmarkedError(error.strerror)
    return None


def refused(said: Sequence[Said]) -> bool:
    """Whether somebody was refused for good, by a reply."""
    return any(each.fate == "refused" and each.code is not None for each in said)
