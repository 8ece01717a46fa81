"""A Postfix queue: its reader, its permissions and its actions, behind the one face that the rest of mxtui knows.

What acts is imported when something is to be done: 35 ms that a look need not pay.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mxtui.folders import space_of
from mxtui.message.sanitize import one_line
from mxtui.model.envelope import Client
from mxtui.model.message import Changes, Identity, QueuedMessage, State
from mxtui.model.source import ALLOWED, Capabilities, Permission, Source, Space, Verb
from mxtui.model.tally import Tallies
from mxtui.queues.postfix import instances
from mxtui.queues.postfix.files import FileReader
from mxtui.queues.postfix.layout import Layout
from mxtui.queues.postfix.master import master_runs, queue_manager_runs
from mxtui.queues.postfix.permission import Privileges, permissions
from mxtui.queues.postfix.queue_file import Envelope
from mxtui.queues.postfix.reader import Reader, open_reader
from mxtui.queues.queue import Contents

if TYPE_CHECKING:
    from mxtui.model.drain.way import Feed, Settled
    from mxtui.model.plan import Caution, Result, Target
    from mxtui.queues.cached import Counted
    from mxtui.queues.postfix.actions import Actions
    from mxtui.queues.queue import Outcome

CONTENT_CLOSED = Permission(False, "messages themselves are for root and the postfix user", "Run as root.")


NO_LOG: Final = (
    "it cannot be read here, and nothing else says what Postfix delivered: a canary leaves the queue without evidence, "
    "which stops the drain. Mend that (mxtui doctor), or deliver by our own sender (mxtui flush --direct)"
)


class PostfixQueue:
    """One Postfix instance's queue (see `queues.queue.Queue`)."""

    def __init__(
        self,
        layout: Layout,
        *,
        road: Callable[[Layout], Reader] = open_reader,
        privileges: Privileges | None = None,
        quiet: float | None = None,
    ) -> None:
        self.layout = layout
        self._open = road
        self._reader = road(layout)
        self._privileges = privileges or Privileges()
        self._quiet = quiet
        self._look = None if self._reader.road == "files" else self._listed

    @classmethod
    def attach(cls, source: str | None = None) -> PostfixQueue:
        """The queue that `source` names (see `instances.attach`). Raises NoQueue, NotPermitted, CommandFailed."""
        return cls(instances.attach(source))

    @property
    def source(self) -> Source:
        """Which instance this is."""
        layout = self.layout
        return Source(
            "postfix", layout.hostname, str(layout.queue_directory), layout.version, str(layout.config_directory)
        )

    @property
    def warning(self) -> str:
        """What cannot be shown at present, or only late; empty when all is well."""
        return self._reader.warning

    def capabilities(self) -> Capabilities:
        """What this user can do now: a stat and /proc/locks; sudo is asked once a minute at most."""
        running = master_runs(self.layout.queue_directory)
        return Capabilities(
            self._reader.road,
            running,
            permissions(self.layout, self._privileges, running=running),
            ALLOWED if self._reader.road == "files" else CONTENT_CLOSED,
            delivers=queue_manager_runs(self.layout.queue_directory) if running else None,
        )

    def depth(self) -> Mapping[State, int]:
        """Messages per state."""
        return self._reader.depth()

    def read(self, *, subjects: bool = True) -> Iterator[Changes]:
        """Everything queued, once."""
        return self._reader.read(subjects=subjects)

    def count(self, now: float) -> Tallies:
        """Everything queued, counted at `now` (see `queues.queue.Countable`)."""
        return self._reader.count(now)

    def count_again(self, now: float, cache: Path) -> Counted:
        """See `queues.queue.Recountable`; a listing is read whole each time."""
        if isinstance(self._reader, FileReader):
            return self._reader.count_again(now, cache)
        from mxtui.queues.cached import Counted, Moved

        return Counted(self._reader.count(now), Moved({}, {}), 0)

    def watch(self, stop: threading.Event) -> Iterator[Changes]:
        """What changes from the start of `read` on."""
        return self._reader.watch(stop)

    def outcomes(self, stop: threading.Event) -> Iterator[Mapping[str, Outcome]]:
        """How deliveries end from now on (see `queues.queue.Logged`)."""
        from mxtui.queues.postfix.outcomes import follow

        return follow(self.layout.maillog_file, stop)

    def find(self, queue_id: str) -> QueuedMessage | None:
        """The message under this ID now."""
        return self._reader.find(queue_id)

    def find_all(self, queue_ids: Collection[str]) -> Mapping[str, QueuedMessage]:
        """Some messages as they are now; those missing are gone."""
        if self._look is not None:
            return self._look(queue_ids) if queue_ids else {}
        found = ((each, self._reader.find(each)) for each in queue_ids)
        return {each: message for each, message in found if message is not None}

    def content(self, queue_id: str, limit: int) -> bytes:
        """The message as stored, at most `limit` bytes. Raises NotPermitted, NoQueue."""
        return self._reader.content(queue_id, limit)

    def contents(self) -> Contents:
        """How another process reads messages (see `queues.queue.Legible`)."""
        hashing = self.layout.hashing
        arguments = (str(self.layout.queue_directory), sorted(hashing.names), hashing.depth)
        return Contents("mxtui.queues.postfix.contents", arguments)

    def envelope(self, queue_id: str) -> Envelope:
        """Everything but the message. Raises NotPermitted, NoQueue."""
        return self._reader.envelope(queue_id)

    def client(self, queue_id: str) -> Client | None:
        """Who handed a message in, as smtpd(8) wrote it down; None for mail of this host. Raises as `envelope`."""
        known = self.envelope(queue_id).attributes
        address = known.get("client_address", "unknown")
        if address == "unknown":
            return None
        name = known.get("client_name", "unknown")
        return Client(
            address,
            "" if name == "unknown" else one_line(name, 255),
            one_line(known.get("helo_name", ""), 255),
            one_line(known.get("protocol_name", ""), 20),
            None,  # of that it keeps no record
        )

    @cached_property
    def _actions(self) -> Actions:
        from mxtui.queues.postfix.actions import Actions

        return Actions(self.layout, self._privileges, look=self._look)

    def steps(self, verb: Verb, targets: Sequence[Target], *, keep_copy: bool = False) -> tuple[str, ...]:
        """The very commands, in order."""
        match verb:
            case Verb.FLUSH:
                each = f"{self.layout.command_directory / 'postqueue'} -c {self.layout.config_directory} -i ID"
                return (f"{each}  (each of {len(targets):,}, through its socket)",) if targets else ()
            case Verb.RESTORE:
                command = f"{self.layout.sendmail_path} -C {self.layout.config_directory} -G -i -f SENDER -- RECIPIENT…"
                return (f"{command}  (each of {len(targets):,})",) if targets else ()
            case Verb.DELETE if keep_copy:
                from mxtui.queues.postfix import removal

                return removal.steps(self._actions, targets)
            case _:
                return self._actions.steps(verb, targets)

    def act(self, verb: Verb, targets: Sequence[Target]) -> Iterator[Result]:
        """Hold, release, renew, reject, or delete without a copy."""
        return self._actions.act(verb, targets)

    def let_go(self, targets: Sequence[Target]) -> Iterator[Result]:
        """Release to their next retry time (see `queues.queue.Releasing`); what is renewed is tried all the same."""
        return self._actions.act(Verb.RELEASE, targets, try_now=False)

    def cautions(self, verb: Verb) -> Sequence[Caution]:
        """See `queues.queue.Forewarning`."""
        if verb is not Verb.FLUSH:
            return ()
        from mxtui.model.plan import Caution
        from mxtui.queues.postfix.logtail import readable_log

        if readable_log(self.layout.maillog_file) is not None:
            return ()
        return (Caution("No mail log", NO_LOG),)

    def held_since(self, queue_ids: Collection[str]) -> Mapping[str, float]:
        """See `queues.queue.Holding`."""
        from mxtui.queues.postfix.whereabouts import held_since

        return held_since(self.layout, queue_ids)

    def delete(self, targets: Sequence[Target], folder: Path) -> Iterator[Result]:
        """Delete with copies (see `removal`)."""
        from mxtui.queues.postfix import removal

        return removal.delete(self.layout, self._actions, targets, folder)

    def deliver(self, feed: Feed, stop: threading.Event) -> Iterator[Sequence[Settled]]:
        """Try now what the feed gives, by qmgr, and follow it to the verdicts (see `Way`). Raises Unreachable."""
        from mxtui.queues.postfix.flush import QUIET_SECONDS, Flush

        quiet = QUIET_SECONDS if self._quiet is None else self._quiet
        return Flush(self.layout, find=self.find, look=self._look, quiet=quiet).deliver(feed, stop)

    def restore(self, folder: Path, identity: Identity) -> Result:
        """Put a kept copy back through sendmail(1)."""
        from mxtui.queues.postfix import kept

        return kept.restore(self.layout, folder, identity, running=master_runs(self.layout.queue_directory))

    def space(self) -> Space:
        """Room on the queue's file system, as an unprivileged writer sees it."""
        return space_of(self.layout.queue_directory)

    def close(self) -> None:
        """Nothing is held open between calls."""

    def _listed(self, queue_ids: Collection[str]) -> Mapping[str, QueuedMessage]:
        wanted = set(queue_ids)
        # A reader of its own: the one that is watched would take what is read here for told.
        batches = self._open(self.layout).read(subjects=False)
        return {
            message.queue_id: message for batch in batches for message in batch.present if message.queue_id in wanted
        }
