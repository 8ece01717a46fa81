"""What an agent answers: each question of `queues.remote.calls` with queue, audit and copies of its host."""

import re
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

from msgspec import structs

from mxtui.audit import this_operator
from mxtui.cli.attach import Attached
from mxtui.errors import UsageError
from mxtui.left import LeftByGuards, as_left
from mxtui.message.sanitize import one_line
from mxtui.model.message import Changes, QueuedMessage
from mxtui.model.plan import Result, Target
from mxtui.model.redirect import Redirect
from mxtui.model.source import Space, Verb
from mxtui.queues.queue import Countable, Forewarning, Holding, Redirectable
from mxtui.queues.remote import calls, sums
from mxtui.queues.remote.calls import ACTING, PART, READING, Call
from mxtui.queues.remote.serving import Handler

if TYPE_CHECKING:
    from mxtui.cli.checking import Checks

LOOK: Final = 5.0
"""Seconds between looks at what changes rarely, and between signs that the queue is still watched."""

SHARE: Final = 0.001
"""Of the room on a file system: a change of more is told."""

TOGETHER: Final = 100
"""Messages, and recipients of them, in one answer: 30 kB, behind which nothing else has to wait for long."""

CROWD: Final = 10_000
"""Recipients from which on a message is told without the reason of each: it would fill a frame."""

PIECE: Final = 64 * 1024
"""Bytes of a message in one answer."""

_ACT: Final = re.compile(r"[0-9A-Za-z-]{0,80}")
"""The name of an act, which becomes that of a folder; without one it gets its own."""

Answer = Generator[Any, None, None]


class Answers:
    """To whoever asks, about one queue. Each method answers a question; all of them block."""

    def __init__(self, attached: Attached, queue: str | None, config: str | None) -> None:
        self._attached, self._queue, self._config = attached, queue, config

    def handlers(self) -> Mapping[str, tuple[Call[Any, Any, Any], Handler]]:
        """Questions by name."""
        known = {**READING, **ACTING}
        return {name: (call, getattr(self, name)) for name, call in known.items()}

    @cached_property
    def _checks(self) -> "Checks":
        from mxtui.cli.checking import Checks  # asyncio, 0.1 s, which the first answer does not wait for

        return Checks(self._attached.primaries)

    # -- looking --------------------------------------------------------------------------------------------------

    def depth(self, _asked: object, _parts: object, _stop: object) -> Answer:
        """Messages per state."""
        yield dict(self._attached.queue.depth())

    def facts(self, _asked: object, _parts: object, stop: threading.Event) -> Answer:
        """What may be done, room and holds: at once, and whenever they change."""
        told: calls.Facts | None = None
        while not stop.is_set():
            queue = self._attached.queue
            facts = calls.Facts(queue.capabilities(), queue.space(), dict(self._attached.holds()))
            if told is None or _news(told, facts):
                told = facts
                yield facts
            stop.wait(LOOK)

    def sums(self, theirs: bytes, _parts: object, _stop: object) -> Answer:
        """Which buckets are not as somebody knows them."""
        if len(theirs) != sums.SIZE:
            raise UsageError(f"sums of {len(theirs)} bytes")
        batches = self._attached.queue.read(subjects=True)
        yield sums.different(theirs, (message for batch in batches for message in _bearable(batch.present)))

    def read(self, asked: calls.Reading, _parts: object, stop: threading.Event) -> Answer:
        """Everything queued, once; or what is in some buckets."""
        buckets = None if asked.buckets is None else frozenset(asked.buckets)
        for present, gone in self._attached.queue.read(subjects=asked.subjects):
            wanted = present
            if buckets is not None:
                wanted = [message for message in present if sums.bucket(message.queue_id) in buckets]
            yield from _pieces(Changes(wanted, gone))
            if stop.is_set():
                return

    def watch(self, _asked: object, _parts: object, stop: threading.Event) -> Answer:
        """What changes, and a sign that it is watched every few seconds."""
        told = -LOOK
        for changes in self._attached.queue.watch(stop):
            if changes.present or changes.gone:
                yield from _pieces(changes)
            elif time.monotonic() - told < LOOK:
                continue
            else:
                yield Changes()
            told = time.monotonic()

    def count(self, now: float, _parts: object, _stop: object) -> Answer:
        """Everything queued, counted."""
        from mxtui.model.tally import tally

        queue = self._attached.queue
        told = (message for changes in queue.read(subjects=False) for message in changes.present)
        yield (queue.count(now) if isinstance(queue, Countable) else tally(told, now)).plain()

    def find(self, _asked: object, parts: Sequence[Sequence[str]], stop: threading.Event) -> Answer:
        """Some messages as they are now."""
        for queue_ids in parts:
            found = self._attached.queue.find_all(queue_ids)
            for piece in _pieces(Changes(list(found.values()))):
                yield piece.present
            if stop.is_set():
                return

    def content(self, wanted: calls.Wanted, _parts: object, _stop: object) -> Answer:
        """A message, or its beginning, in pieces."""
        content = self._attached.queue.content(wanted.queue_id, wanted.limit)
        for start in range(0, len(content), PIECE):
            yield content[start : start + PIECE]

    def client(self, queue_id: str, _parts: object, _stop: object) -> Answer:
        """Who handed a message in."""
        yield calls.HandedIn(self._attached.queue.client(queue_id))

    # -- primaries ------------------------------------------------------------------------------------------------

    def probe(self, timeout: float, parts: Sequence[Sequence[str]], _stop: object) -> Answer:
        """One climb for each primary of some domains."""
        known = self._attached.probe_once(chain.from_iterable(parts), min(timeout, 60.0))
        yield calls.Primaries([(primary, health, [domain]) for domain, (primary, health) in known.items()])

    def follow(self, _asked: object, parts: Sequence[Sequence[str]], stop: threading.Event) -> Answer:
        """The primaries of some domains from now on: at once, and what changes."""
        return self._checks.news(frozenset(chain.from_iterable(parts)), stop)

    def probe_now(self, domain: str, _parts: object, _stop: object) -> Answer:
        """Check a primary without waiting for its turn."""
        self._checks.probe_now(domain)
        yield calls.Nothing()

    # -- acting ---------------------------------------------------------------------------------------------------

    def steps(self, asked: calls.Steps, parts: Sequence[Sequence[Target]], _stop: object) -> Answer:
        """The very commands."""
        targets = list(chain.from_iterable(parts))
        yield self._attached.queue.steps(asked.verb, targets, keep_copy=asked.keep_copy)

    def cautions(self, verb: Verb, _parts: object, _stop: object) -> Answer:
        """What an operator is to be told before."""
        queue = self._attached.queue
        yield list(queue.cautions(verb)) if isinstance(queue, Forewarning) else []

    def vet(self, where: Redirect, _parts: object, _stop: object) -> Answer:
        """Whether mail may be sent there."""
        queue = self._attached.queue
        if isinstance(queue, Redirectable):
            queue.vet(where)
        yield calls.Nothing()

    def carry_out(self, done: calls.Done, parts: Sequence[Sequence[Target]], stop: threading.Event) -> Answer:
        """Do what a plan says, and put it on record under the name that it has where it was asked for."""
        if not _ACT.fullmatch(done.act):
            raise UsageError(f"not the name of an act: {done.act[:80]!r}")
        from mxtui.cli.ways import finish_interrupted

        asked = replace(done.plan, targets=tuple(chain.from_iterable(parts)), excluded=())
        plan = finish_interrupted(self._attached, tell=_silently).heeded(asked)
        if plan.excluded:
            yield list(plan.excluded)
        operations = self._attached.operations_of(structs.replace(this_operator(), asked_by=one_line(done.by, 100)))
        results: list[Result] = []
        told = time.monotonic()
        for result in operations.execute(plan, done.reason, stop, undoes=done.undoes, identifier=done.act):
            results.append(result)
            if len(results) >= TOGETHER or time.monotonic() - told >= 0.2:
                yield results
                results, told = [], time.monotonic()
        if results:
            yield results

    def recorded(self, act: str, _parts: object, _stop: object) -> Answer:
        """What the audit has of an act."""
        audit = self._attached.operations.audit
        found = next(audit.records(limit=1, matching=lambda record: record.id == act), None)
        if found is None:
            yield calls.Recorded([], ended=False)
            return
        entries = [entry for entry in audit.entries(act) if entry.result is not None]
        results = [(entry.identity.queue_id, found.begin.verb, entry.result, entry.detail) for entry in entries]
        yield calls.Recorded([Result(*each) for each in results], found.ended_at is not None)  # type: ignore[arg-type]

    def copies(self, asked: calls.Copies, _parts: object, _stop: object) -> Answer:
        """Kept copies of deleted messages."""
        found = self._attached.operations.copies(audit_id=asked.audit_id, queue_id=asked.queue_id)
        together: list[calls.Kept] = []
        for each in found:
            together.append(
                calls.Kept(
                    str(each.path), each.target, each.kept_at, each.audit_id, each.kind, each.queue, each.restored
                )
            )
            if len(together) >= TOGETHER:
                yield together
                together = []
        yield together

    def left(self, _asked: object, _parts: object, _stop: object) -> Answer:
        """What guards of drains have held."""
        queue, known = self._attached.queue, LeftByGuards(self._attached.drains.folder).known()
        if known and isinstance(queue, Holding):
            known = as_left(known, queue.held_since(known))
        entries = iter(known.items())
        while part := dict(islice(entries, PART)):
            yield part

    # -- draining -------------------------------------------------------------------------------------------------

    def drain(self, asked: calls.Drained, parts: Sequence[Sequence[Target]], _stop: object) -> Answer:
        """Have a process of its own drain, which no lost connection ends."""
        from mxtui.cli.draining import detached, naming
        from mxtui.cli.ways import finish_interrupted

        finish_interrupted(self._attached, tell=_silently)  # whoever drains heeds it, once more
        plan = replace(asked.plan, targets=tuple(chain.from_iterable(parts)))
        options = (("--rate", str(asked.rate) if asked.rate else ""), ("--reason", asked.reason))
        words = [word for option, value in options if value for word in (option, value)]
        yield detached([*naming(self._queue, self._config), *words], plan, self._attached.drains)

    def standing(self, seen: calls.Seen, _parts: object, _stop: object) -> Answer:
        """How the drain stands."""
        standing = self._attached.drains.standing()
        as_seen = standing is not None and seen == (standing.at, standing.running)
        yield calls.Stood(None if as_seen else standing, as_seen)

    def wish(self, wish: str, _parts: object, _stop: object) -> Answer:
        """Ask whoever drains."""
        if wish not in ("pause", "resume", "stop"):
            raise UsageError(f"not what a drain can be asked: {wish[:20]!r}")
        self._attached.drains.wish(wish)  # type: ignore[arg-type]
        yield calls.Nothing()

    def report(self, as_json: bool, _parts: object, _stop: object) -> Answer:
        """The report of the last drain."""
        text = self._attached.drains.report(as_json=as_json).encode()
        for start in range(0, len(text), PIECE):
            yield text[start : start + PIECE]


def _silently(_text: str) -> None:
    """Nobody sits here."""


def _news(told: calls.Facts, now: calls.Facts) -> bool:
    """Whether a change is worth telling."""

    def moved(there: Callable[[Space], int], of: Callable[[Space], int]) -> bool:
        return abs(there(told.space) - there(now.space)) > SHARE * of(now.space)

    return (
        told.capabilities != now.capabilities
        or told.holds != now.holds
        or moved(lambda space: space.bytes_free, lambda space: space.bytes_total)
        or moved(lambda space: space.inodes_free, lambda space: space.inodes_total)
    )


def _bearable(messages: Sequence[QueuedMessage]) -> Iterator[QueuedMessage]:
    """The same, none of them larger than a frame."""
    for message in messages:
        if len(message.recipients) > CROWD:
            plain = tuple(each._replace(reason=None) for each in message.recipients)
            yield message._replace(recipients=plain)
        else:
            yield message


def _pieces(changes: Changes) -> Iterator[Changes]:
    """The same in answers that are not too large."""
    together: list[QueuedMessage] = []
    size = 0
    for message in _bearable(changes.present):
        together.append(message)
        size += max(1, len(message.recipients))
        if size >= TOGETHER:
            yield Changes(together)
            together, size = [], 0
    if together:
        yield Changes(together)
    for start in range(0, len(changes.gone), 10 * TOGETHER):
        yield Changes((), changes.gone[start : start + 10 * TOGETHER])
