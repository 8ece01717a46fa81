"""Our own spool behind the one face that the rest of mxtui knows."""

import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Final

import mxtui
from mxtui.errors import MxtuiError, NoQueue, Unreachable
from mxtui.folders import space_of
from mxtui.model.drain.way import Feed, Settled
from mxtui.model.envelope import Client, Envelope
from mxtui.model.message import Changes, Identity, QueuedMessage, State
from mxtui.model.plan import Result, Target
from mxtui.model.redirect import Redirect
from mxtui.model.service import Service
from mxtui.model.source import ALLOWED, Capabilities, Permission, Source, Space, Verb
from mxtui.model.tally import Tallies
from mxtui.queues.cached import Cache, Counted
from mxtui.queues.queue import Contents
from mxtui.queues.spool import kept
from mxtui.queues.spool.actions import LIFETIME, Actions, Notice
from mxtui.queues.spool.cached import SpoolFiles
from mxtui.queues.spool.claim import Claim
from mxtui.queues.spool.control import Control
from mxtui.queues.spool.elsewhere import vet
from mxtui.queues.spool.reader import SpoolReader
from mxtui.queues.spool.store import Spool
from mxtui.queues.spool.together import Job
from mxtui.users import owner_name

Forward = Callable[[Feed, threading.Event], Iterator[Sequence[Settled]]]
"""Delivers what it is fed from this process (see `Way.deliver`); takes the forwarder's lock for itself.

Raises Guarded, Unreachable.
"""

HEARTBEAT: Final = 15.0
"""Seconds; the forwarder goes round every two."""

CLOSED: Final = "only the spool's own user and root may change it"

CONTENT_CLOSED: Final = Permission(False, "messages are for the spool's own user and root", "Run as root.")

_CHANGING: Final = (
    Verb.HOLD, Verb.RELEASE, Verb.DELETE, Verb.RESTORE, Verb.REDIRECT, Verb.RENEW, Verb.QUARANTINE, Verb.UNQUARANTINE,
)  # fmt: skip
"""Verbs that need no more than the right to change files."""

NO_NOTICE: Final = Permission(
    False, "no relay for notices is configured", "Name one (notices in [serve]), or delete instead: nobody is told."
)


class SpoolQueue:
    """One spool (see `queues.queue.Queue`).

    `forward` delivers where no `serve` runs, `notice` tells a sender that its message is given up; without them the
    verbs that need them are not permitted. `lifetime` in seconds is what renewed mail gets. `relayed` are the domains
    that have a primary: mail is redirected to no other, unless a host is named for it.
    """

    def __init__(
        self,
        spool: Spool,
        *,
        forward: Forward | None = None,
        notice: Notice | None = None,
        control: Control | None = None,
        lifetime: float = LIFETIME,
        relayed: Callable[[], Collection[str]] = frozenset,
    ) -> None:
        self.spool = spool
        self.control = control or Control(spool.path)
        self._forward = forward
        self._notice = notice
        self._lifetime = lifetime
        self._relayed = relayed
        self._reader = SpoolReader(spool.places.root)
        self._actions = Actions(spool, notice=notice, lifetime=lifetime, changed=self._tell)

    @property
    def source(self) -> Source:
        """Which spool this is."""
        return Source("spool", self.spool.hostname, str(self.spool.path), mxtui.__version__)

    @property
    def warning(self) -> str:
        """Why changes are seen late, where they are; empty when all is well."""
        return self._reader.warning

    def capabilities(self) -> Capabilities:
        """What this user can do now: two system calls and a question to `serve`, 1 ms."""
        service = self.control.service()
        queue = self.spool.path / "queue" / "deferred"
        may_read = os.access(self.spool.path / "msg", os.R_OK | os.X_OK, effective_ids=True)
        may_write = os.access(queue, os.W_OK | os.X_OK, effective_ids=True)
        owner = "" if may_write else owner_name(self.spool.path)
        changing = ALLOWED if may_write else Permission(False, CLOSED, f"Run as root{owner and f' or as {owner}'}.")
        verbs = dict.fromkeys(_CHANGING, changing)
        verbs[Verb.REJECT] = changing if self._notice is not None else NO_NOTICE
        verbs[Verb.FLUSH] = self._flushing(service, changing)
        content = ALLOWED if may_read else CONTENT_CLOSED
        if service is None:
            return Capabilities(
                "spool", running=False, verbs=MappingProxyType(verbs), content=content, caveat=self.warning
            )
        now = time.time()
        return Capabilities(
            "spool",
            running=True,
            verbs=MappingProxyType(verbs),
            content=content,
            service=service.words(now),
            delivers=abs(now - service.heartbeat) < HEARTBEAT,
            recovering=service.recovering,
            screened=MappingProxyType(dict(service.screened)),
            caveat=self.warning,
        )

    def depth(self) -> Mapping[State, int]:
        """Messages per state."""
        return self._reader.depth()

    def read(self, *, subjects: bool = True) -> Iterator[Changes]:  # noqa: ARG002 (they are in the envelopes)
        """Everything queued, once."""
        return self._reader.read()

    def count(self, now: float) -> Tallies:
        """Everything queued, counted at `now` (see `queues.queue.Countable`)."""
        return self._reader.count(now)

    def count_again(self, now: float, cache: Path) -> Counted:
        """See `queues.queue.Recountable`."""
        return Cache(cache, SpoolFiles(self.spool.places.root)).count(now)

    def watch(self, stop: threading.Event) -> Iterator[Changes]:
        """What changes from the start of `read` on."""
        return self._reader.watch(stop)

    def find(self, queue_id: str) -> QueuedMessage | None:
        """The message under this ID now."""
        return self._reader.find(queue_id)

    def find_all(self, queue_ids: Collection[str]) -> Mapping[str, QueuedMessage]:
        """Some messages as they are now; those missing are gone."""
        return self._reader.find_all(queue_ids)

    def content(self, queue_id: str, limit: int) -> bytes:
        """The message as stored, at most `limit` bytes. Raises NotPermitted, NoQueue."""
        return self.spool.content(queue_id, limit)

    def contents(self) -> Contents:
        """How another process reads messages (see `queues.queue.Legible`)."""
        return Contents("mxtui.queues.spool.contents", (self.spool.places.root,))

    def envelope(self, queue_id: str) -> Envelope:
        """Everything but the message. Raises NotPermitted, NoQueue."""
        found = self.spool.find(queue_id)
        if found is None:
            raise NoQueue(f"{queue_id} is no longer queued")
        return found[1]

    def client(self, queue_id: str) -> Client | None:
        """Who handed a message in; None for mail of this host. Raises as `envelope`."""
        client = self.envelope(queue_id).client
        return client if client.address else None

    def steps(self, verb: Verb, targets: Sequence[Target], *, keep_copy: bool = False) -> tuple[str, ...]:
        """What is done to the files, in order, as one would do it by hand (SPOOL.md)."""
        if not targets:
            return ()
        each = f"(each of {len(targets):,}, while nobody delivers it)"
        queue = self.spool.path / "queue"
        remove = f"unlink queue/STATE/…/ID.json, then msg/…/ID.eml in {self.spool.path}  {each}"
        match verb:
            case Verb.HOLD:
                return (f"rename {queue}/deferred/…/ID.json to {queue}/hold/…  {each}",)
            case Verb.RELEASE:
                write = (
                    "write ID.json anew: next_retry now, refused recipients waiting, a new lifetime where it is over"
                )
                return (f"{write}  {each}", f"rename {queue}/STATE/…/ID.json to {queue}/deferred/…  {each}")
            case Verb.QUARANTINE:
                write = f"write ID.json anew: was, where it is not in deferred  {each}"
                return (write, f"rename {queue}/STATE/…/ID.json to {queue}/quarantine/…  {each}")
            case Verb.UNQUARANTINE:
                return (f"rename {queue}/quarantine/…/ID.json to {queue}/…, where it was  {each}",)
            case Verb.RENEW:
                return (f"write ID.json anew: a new lifetime from now on  {each}",)
            case Verb.REDIRECT:
                write = "write ID.json anew: where it goes in address and via, whom it came for in original, waiting"
                return (f"{write}  {each}", f"rename {queue}/failed/…/ID.json to {queue}/deferred/…  {each} in failed")
            case Verb.REJECT:
                return (f"send a notice to the sender through the configured relay  {each}", remove)
            case Verb.DELETE if keep_copy:
                return (f"copy envelope and message, mode 0600  {each}", remove)
            case Verb.DELETE:
                return (remove,)
            case Verb.RESTORE:
                return (f"write msg/…/ID.eml, then queue/STATE/…/ID.json in {self.spool.path}  {each}",)
            case Verb.FLUSH:
                running = self.control.service() is not None
                who = (
                    f"serve, through {self.spool.path}/control.sock" if running else "this process, with forwarder.lock"
                )
                return (f"delivery now by {who}  (of {len(targets):,})",)

    def act(self, verb: Verb, targets: Sequence[Target]) -> Iterator[Result]:
        """Hold, release, quarantine, renew, reject, or delete without a copy."""
        return self._actions.act(verb, targets)

    def let_go(self, targets: Sequence[Target]) -> Iterator[Result]:
        """Release without a word to `serve` (see `queues.queue.Releasing`): it hears of them by the flush to come."""
        quiet = Actions(self.spool, lifetime=self._lifetime, changed=lambda _: None)
        return quiet.act(Verb.RELEASE, targets)

    def delete(self, targets: Sequence[Target], folder: Path) -> Iterator[Result]:
        """Delete with copies (see `kept`)."""

        def removing(target: Target, claim: Claim) -> tuple[Job, str]:
            return kept.removing(self.spool, target, claim, folder), ""

        return self._actions.carry_out(Verb.DELETE, targets, removing)

    def vet(self, where: Redirect) -> None:
        """See `queues.queue.Redirectable`."""
        vet(where, self._relayed(), self.spool.hostname, self.control.service())

    def redirect(self, targets: Sequence[Target], where: Redirect) -> Iterator[Result]:
        """Send messages to another address or host."""
        return self._actions.redirect(targets, where)

    def deliver(self, feed: Feed, stop: threading.Event) -> Iterator[Sequence[Settled]]:
        """Try now what the feed gives, by the `serve` that runs or else by ourselves (see `Way`).

        Raises Unreachable, Guarded, NotPermitted.
        """
        if self.control.service() is not None:
            return self.control.deliver(feed, stop)
        if self._forward is None:
            raise Unreachable("nobody delivers: no serve runs on this spool", f"mxtui serve {self.spool.path}")
        return self._forward(feed, stop)

    def restore(self, folder: Path, identity: Identity) -> Result:
        """Put a kept copy back, under its own ID."""
        result = kept.restore(self.spool, folder, identity, self._actions.released)
        if result.result == "done":
            self._tell([identity.queue_id])
        return result

    def space(self) -> Space:
        """Room on the spool's file system, as an unprivileged writer sees it."""
        return space_of(self.spool.path)

    def close(self) -> None:
        """Nothing is held open between calls."""

    def _flushing(self, service: Service | None, changing: Permission) -> Permission:
        if service is not None and service.state == "suspended":
            return Permission(False, "deliveries are suspended", "Resume them first.")
        if service is not None:
            return ALLOWED
        if self._forward is None:
            hint = f"Start it: mxtui serve {self.spool.path}"
            return Permission(False, "no serve runs on this spool", hint, unreachable=True)
        return changing

    def _tell(self, queue_ids: Sequence[str]) -> None:
        """The service looks at these again; without one there is nobody to tell."""
        if queue_ids:
            with suppress(MxtuiError):
                self.control.look(queue_ids)
