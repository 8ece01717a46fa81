"""A queue on another host (see `queues.queue.Queue`), as its agent tells of it and acts on it."""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

from mxtui import __version__
from mxtui.errors import MxtuiError, NoQueue, Unreachable, UsageError
from mxtui.model.drain.way import Feed, Settled
from mxtui.model.envelope import Client
from mxtui.model.message import Changes, Identity, QueuedMessage, State
from mxtui.model.plan import Caution, Plan, Result, Target
from mxtui.model.redirect import Redirect
from mxtui.model.source import Capabilities, Permission, Source, Space, Verb
from mxtui.model.ssh_address import Address
from mxtui.model.tally import Tallies
from mxtui.queues.remote import calls, sums
from mxtui.queues.remote.calls import ACTS, PART, READS, Call, Facts
from mxtui.queues.remote.link import Link
from mxtui.queues.remote.ssh import argv, by_hand, failure

MOST: Final = 5_000_000
"""Messages in one queue; a host that tells of more fills our memory."""

FRESH: Final = 7.0
"""Seconds without a word about the queue after which it counts as unheard; the agent gives one every five."""

PAUSES: Final = (0.0, 2.0, 5.0, 15.0, 30.0, 60.0)
"""Seconds between attempts to connect again; the last one again and again."""

RETURN: Final = 30.0
"""Seconds that a host which went away in the middle of an act is waited for, to tell what it did."""

_UNKNOWN: Final = "the connection was lost before it was told what became of it"

_T = TypeVar("_T")


class RemoteQueue:
    """Over one connection at a time. Only `watch` makes another one: whoever asks meanwhile is told at once."""

    def __init__(
        self,
        address: Address,
        command: Sequence[str] = ("mxtui",),
        *,
        connect: Callable[..., Link] = Link,
        clock: Callable[[], float] = time.time,
        patience: float = RETURN,
    ) -> None:
        """Connect. `command` is how mxtui is called there. Raises Unreachable, and what the agent says."""
        self.address = address
        self._argv, self._connect, self._clock, self._patience = argv(address, command), connect, clock, patience
        self._connecting = threading.Lock()
        self._attempts = 0
        self._next_attempt = 0.0
        self._telling, self._noting = threading.Lock(), threading.Lock()
        self._facts: tuple[Link, Facts] | None = None
        self._known: dict[str, int] = {}
        """A digest of each message that was told of (see `sums`): 150 bytes."""
        self._seen: set[str] | None = None
        """Told of since the read began that goes on."""
        self._read_over: Link | None = None
        """The connection over which the queue was read to its end last."""
        self._link = self._connected()

    # -- what it is -----------------------------------------------------------------------------------------------

    @property
    def source(self) -> Source:
        """The queue as it is called there, with a path that names the host as well."""
        there = self._link.hello.source
        path = str(self.address._replace(source=there.path))
        return Source(there.kind, there.name, path, there.version)

    @property
    def there(self) -> Source:
        """The queue as it is called there."""
        return self._link.hello.source

    @property
    def version(self) -> str:
        """Of the mxtui there."""
        return self._link.hello.version

    @property
    def relayed(self) -> Sequence[str]:
        """Domains shown though nothing is queued for them."""
        return self._link.hello.relayed

    def now(self) -> float:
        """The time there, seconds since the epoch: ages are counted by the clock that wrote the times."""
        return self._clock() + self._link.ahead

    def capabilities(self) -> Capabilities:
        """As last told: some five seconds old at most. Raises Unreachable."""
        return self._latest().capabilities

    def space(self) -> Space:
        """Room there, as last told."""
        return self._latest().space

    def holds(self) -> Mapping[str, Any]:
        """Which domains are held there, as last told."""
        return self._latest().holds

    def depth(self) -> Mapping[State, int]:
        """Messages per state."""
        return self.one(calls.DEPTH, calls.Nothing())

    # -- looking --------------------------------------------------------------------------------------------------

    def read(self, *, subjects: bool = True) -> Iterator[Changes]:
        """Everything queued, once. What an earlier read told that is not there any more is gone."""
        return self._read(self._alive(), calls.Reading(subjects, None))

    def _read(self, link: Link, wanted: calls.Reading) -> Iterator[Changes]:
        with self._noting:
            self._seen = set()
        for changes in link.ask(calls.READ, wanted):
            yield self._noted(changes)
        buckets = None if wanted.buckets is None else frozenset(wanted.buckets)
        with self._noting:
            seen, self._seen, self._read_over = self._seen or set(), None, link
            gone = [
                each for each in self._known if each not in seen and (buckets is None or sums.bucket(each) in buckets)
            ]
            for each in gone:
                del self._known[each]
        if gone:
            yield Changes((), gone)

    def _caught_up(self, link: Link) -> Iterator[Changes]:
        """What is different from what was known when the last connection ended."""
        with self._noting:
            ours = sums.sums(self._known)
        buckets = link.one(calls.SUMS, ours)
        yield from self._read(link, calls.Reading(subjects=True, buckets=buckets))

    def watch(self, stop: threading.Event) -> Iterator[Changes]:
        """What changes from the start of `read` on; over a new connection, what changed meanwhile first."""
        link = self._reconnected(stop)
        if link is None:
            return
        watched = link.ask(calls.WATCH, calls.Nothing(), stop=stop, idle=Changes(), idle_for=FRESH)
        first = next(watched, None)  # it is watched from here on, and nothing that comes is missed
        if first is None:
            return
        yield self._noted(first)
        if self._read_over not in (None, link):
            for changes in self._caught_up(link):
                if stop.is_set():
                    return
                yield changes
        for changes in watched:
            yield self._noted(changes)

    def count(self, now: float) -> Tallies:
        """Everything queued, counted there at `now` (see `queues.queue.Countable`)."""
        whole, domains = self.one(calls.COUNT, now)
        tallies = Tallies(now)
        try:
            tallies.merge(whole, domains)
        except ValueError as error:  # as many ages as there are buckets
            raise Unreachable(f"{self.address.host} counts otherwise: {error}", "Is it another mxtui?") from None
        return tallies

    def find(self, queue_id: str) -> QueuedMessage | None:
        """The message under this ID now."""
        return self.find_all([queue_id]).get(queue_id)

    def find_all(self, queue_ids: Collection[str]) -> Mapping[str, QueuedMessage]:
        """Some messages as they are now; those missing are gone."""
        if not queue_ids:
            return {}
        told = self._alive().ask(calls.FIND, calls.Nothing(), _parts(queue_ids))
        return {message.queue_id: message for batch in told for message in batch}

    def content(self, queue_id: str, limit: int) -> bytes:
        """The message as stored, at most `limit` bytes, in pieces. Raises NotPermitted, NoQueue."""
        content = bytearray()
        for piece in self._alive().ask(calls.CONTENT, calls.Wanted(queue_id, limit)):
            content += piece
            if len(content) > limit:
                raise NoQueue(f"{self.address.host} sends more than it was asked for")
        return bytes(content)

    def client(self, queue_id: str) -> Client | None:
        """Who handed a message in, by the record there. Raises NotPermitted, NoQueue."""
        return self.one(calls.CLIENT, queue_id).client

    # -- acting ---------------------------------------------------------------------------------------------------

    def steps(self, verb: Verb, targets: Sequence[Target], *, keep_copy: bool = False) -> tuple[str, ...]:
        """The very commands, as they are run there."""
        return self.one(calls.STEPS, calls.Steps(verb, keep_copy), _parts(targets))

    def cautions(self, verb: Verb) -> Sequence[Caution]:
        """See `queues.queue.Forewarning`."""
        return self.one(calls.CAUTIONS, verb)

    def vet(self, where: Redirect) -> None:
        """See `queues.queue.Redirectable`."""
        self.one(calls.VET, where)

    def carry_out(
        self, plan: Plan, act: str, *, by: str, reason: str = "", undoes: str = "", stop: threading.Event | None = None
    ) -> Iterator[Sequence[Result]]:
        """See `queues.queue.Recording`. Where the host goes away meanwhile, it is asked when it comes back."""
        left = {target.queue_id for target in plan.targets}
        done = calls.Done(replace(plan, targets=(), excluded=()), act, reason, by, undoes)
        link = self._alive()
        try:
            for results in link.ask(calls.CARRY_OUT, done, _parts(plan.targets), stop=stop):
                named = [each for each in results if each.queue_id in left]
                left.difference_update(each.queue_id for each in named)
                yield named
        except MxtuiError as error:
            if link.alive:
                raise
            told = [each for each in self._recorded(act) if each.queue_id in left]
            left.difference_update(each.queue_id for each in told)
            yield told
            why = f"{_UNKNOWN}: {error.message}"
            yield [Result(each, plan.verb, "failed", why, unsure=True) for each in sorted(left)]

    def act(self, verb: Verb, targets: Sequence[Target]) -> Iterator[Result]:
        """Do it there, and put it on record there."""
        plan = Plan(verb, tuple(targets), self.now(), f"{verb} from elsewhere", reversible=verb is not Verb.DELETE)
        yield from self._acted(plan)

    def delete(self, targets: Sequence[Target], folder: Path) -> Iterator[Result]:  # noqa: ARG002
        """Delete; the copies are kept there, and none in `folder`: mail does not change hosts by being deleted."""
        yield from self._acted(Plan(Verb.DELETE, tuple(targets), self.now(), "delete from elsewhere"))

    def restore(self, folder: Path, identity: Identity) -> Result:  # noqa: ARG002
        """Put back a copy that is kept there."""
        target = Target(identity, "deferred", 0, "", (), 0, None)
        results = self._acted(Plan(Verb.RESTORE, (target,), self.now(), f"restore {identity.queue_id}"))
        return next(iter(results), Result(identity.queue_id, Verb.RESTORE, "failed", _UNKNOWN, unsure=True))

    def deliver(self, feed: Feed, stop: threading.Event) -> Iterator[Sequence[Settled]]:  # noqa: ARG002
        """Nothing is drained over a connection that may be lost: see `calls.DRAIN`. Raises UsageError."""
        raise UsageError(
            "a drain runs on the host of its queue", f"There: {by_hand(self.address, 'mxtui flush', terminal=True)}"
        )

    def close(self) -> None:
        """End the connection, and with it the agent."""
        self._link.close()

    # -- the connection -------------------------------------------------------------------------------------------

    def one(self, call: Call[Any, Any, _T], asked: Any, pieces: Iterable[Any] = ()) -> _T:
        """The only answer to a question. Raises Unreachable, and what the agent says."""
        return self._alive().one(call, asked, pieces)

    def ask(
        self, call: Call[Any, Any, _T], asked: Any, pieces: Iterable[Any] = (), stop: threading.Event | None = None
    ) -> Iterator[_T]:
        """The answers to a question. Raises as `one`."""
        return self._alive().ask(call, asked, pieces, stop=stop)

    def _alive(self) -> Link:
        link = self._link
        link.require()
        return link

    def _connected(self) -> Link:
        host = self.address.host
        link = self._connect(self._argv, host, lambda status, said: failure(self.address, status, said))
        hello = link.hello
        if hello.reads != READS:
            link.close()
            raise Unreachable(
                f"{host} has mxtui {hello.version}, and this is {__version__}: they do not understand each other",
                "Bring both to one version.",
            )
        return link

    def _reconnected(self, stop: threading.Event) -> Link | None:
        """The connection, a new one where it was lost; not more often than is decent. None when stopped."""
        with self._connecting:
            if self._link.alive:
                return self._link
            stop.wait(max(0.0, self._next_attempt - time.monotonic()))
            if stop.is_set():
                return None
            self._attempts += 1
            self._next_attempt = time.monotonic() + PAUSES[min(self._attempts, len(PAUSES) - 1)]
            self._link = self._connected()
            self._attempts = 0
            return self._link

    def _latest(self) -> Facts:
        link = self._alive()
        with self._telling:
            if (known := self._facts) is not None and known[0] is link:
                return known[1]
            stream = link.ask(calls.FACTS, calls.Nothing())
            first = next(stream, None)
            if first is None:
                raise Unreachable(f"{self.address.host} does not tell what may be done there")
            told = self._permitted(first, link)
            self._facts = (link, told)
            threading.Thread(target=self._follow, args=(link, stream), name="mxtui-facts", daemon=True).start()
            return told

    def _follow(self, link: Link, stream: Iterator[Facts]) -> None:
        with suppress(MxtuiError):  # of the connection, which whoever asks next is told
            for facts in stream:
                self._facts = (link, self._permitted(facts, link))
        if self._facts is not None and self._facts[0] is link:
            self._facts = None  # what is no longer told is not taken for true

    def _permitted(self, facts: Facts, link: Link) -> Facts:
        if link.hello.acts == ACTS:
            return facts
        why = f"{self.address.host} has mxtui {link.hello.version}, and this is {__version__}"
        no = Permission(False, why, f"Bring both to one version, or: {by_hand(self.address, 'mxtui', terminal=True)}")
        return facts._replace(capabilities=replace(facts.capabilities, verbs=dict.fromkeys(Verb, no)))

    # -- what is known --------------------------------------------------------------------------------------------

    def _noted(self, changes: Changes) -> Changes:
        told = {message.queue_id: sums.digest(message) for message in changes.present}
        with self._noting:
            self._known.update(told)
            for each in changes.gone:
                self._known.pop(each, None)
            if self._seen is not None:
                self._seen.update(told)
                self._seen.difference_update(changes.gone)
        if len(self._known) > MOST:
            self._link.close()
            raise Unreachable(f"{self.address.host} tells of more than {MOST:,} messages; the connection was closed")
        return changes

    def _recorded(self, act: str) -> Sequence[Result]:
        """What the audit there has of an act that was cut short, once the host is back; nothing where it is not."""
        deadline = time.monotonic() + self._patience
        results: Sequence[Result] = ()
        while act and (left := deadline - time.monotonic()) > 0:
            with suppress(MxtuiError):
                if self._link.alive or self._next_attempt - time.monotonic() < left:
                    self._reconnected(stop=threading.Event())
                recorded = self.one(calls.RECORDED, act)
                results = recorded.results
                if recorded.ended:
                    break
            time.sleep(min(0.2, left))
        return results

    def _acted(self, plan: Plan) -> Iterator[Result]:
        for results in self.carry_out(plan, "", by=""):
            yield from results


def _parts(items: Iterable[_T]) -> Iterator[list[_T]]:
    them = iter(items)
    while part := list(islice(them, PART)):
        yield part
