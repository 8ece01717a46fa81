"""A Postfix queue: its reader, its permissions and its actions, behind the one face that the rest of mxtui knows.

What acts is imported when something is to be done: 35 ms that a look need not pay.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from mxtui.errors import MxtuiError, NotPermitted
from mxtui.folders import is_there, space_of
from mxtui.message.sanitize import one_line
from mxtui.model.envelope import Client
from mxtui.model.message import Changes, Identity, QueuedMessage, State
from mxtui.model.source import ALLOWED, Capabilities, Permission, Source, Space, Verb
from mxtui.model.tally import Tallies, tally
from mxtui.queues.postfix import instances
from mxtui.queues.postfix.files import FileReader
from mxtui.queues.postfix.layout import Layout, configured_at, read_layout
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
    from mxtui.queues.postfix.quarantine import Quarantine
    from mxtui.queues.postfix.quarantining import Quarantining
    from mxtui.queues.queue import Outcome

CONTENT_CLOSED = Permission(False, "messages themselves are for root and the postfix user", "Run as root.")


RECORD: Final = "quarantine"
"""The file in a folder of marks; see `quarantine`, which is imported once there is one."""

UNMARKABLE: Final = "Run as root, or share that folder with a group (README, `holds`)."

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
        marks: Path | None = None,
    ) -> None:
        """`marks`: the folder with the record of what is in quarantine; without one nothing is, nor gets there."""
        self.layout = layout
        self._open = road
        self._reader = road(layout)
        self._privileges = privileges or Privileges()
        self._quiet = quiet
        self._marks = marks
        self._looked: Quarantine | None = None
        self._told: Quarantine | None = None
        """As far as it was told: by a read, and by who watches from then on."""
        self._configured = configured_at(layout.config_directory)
        self._lifetimes = layout.lifetimes
        """As main.cf has them since then."""
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
        verbs = dict(permissions(self.layout, self._privileges, running=running))
        if why := self._unmarkable():
            for verb in (Verb.QUARANTINE, Verb.UNQUARANTINE):
                verbs[verb] = Permission(False, why, UNMARKABLE) if verbs[verb].allowed else verbs[verb]
        return Capabilities(
            self._reader.road,
            running,
            MappingProxyType(verbs),
            ALLOWED if self._reader.road == "files" else CONTENT_CLOSED,
            delivers=queue_manager_runs(self.layout.queue_directory) if running else None,
            caveat=self._outdated() or self.warning,
        )

    def _outdated(self) -> str:
        """What of main.cf is other than what messages were read by: a stat, and postconf(1) once after each change."""
        configured = configured_at(self.layout.config_directory)
        if configured != self._configured:
            with suppress(MxtuiError):  # it is being written: asked again the next time
                self._lifetimes = read_layout(self.layout.config_directory).lifetimes
                self._configured = configured
        if self._lifetimes == self.layout.lifetimes:
            return ""
        return (
            "Postfix's queue lifetimes were changed: what expires, and when, is told by the old ones; start mxtui again"
        )

    def depth(self) -> Mapping[State, int]:
        """Messages per state."""
        depth, quarantine = self._reader.depth(), self._quarantine
        return depth if quarantine is None else quarantine.depth(depth)

    def read(self, *, subjects: bool = True) -> Iterator[Changes]:
        """Everything queued, once."""
        self._told = self._record()
        if self._told is not None:
            self._told.refresh()
        for changes in self._reader.read(subjects=subjects):
            yield changes if self._told is None else self._told.shown(changes)

    def count(self, now: float) -> Tallies:
        """Everything queued, counted at `now` (see `queues.queue.Countable`)."""
        if self._look is not None and self._quarantine is not None:  # what is in hold, a listing alone can tell
            return tally((message for changes in self.read() for message in changes.present), now)
        return self._counted(self._reader.count(now))

    def count_again(self, now: float, cache: Path) -> Counted:
        """See `queues.queue.Recountable`; a listing is read whole each time."""
        from mxtui.queues.cached import Counted, Moved

        if isinstance(self._reader, FileReader):
            counted = self._reader.count_again(now, cache)
            return counted._replace(tallies=self._counted(counted.tallies))
        return Counted(self.count(now), Moved({}, {}), 0)

    def watch(self, stop: threading.Event) -> Iterator[Changes]:
        """What changes from the start of `read` on, and what is put into quarantine by whoever it is."""
        for changes in self._reader.watch(stop):
            told = self._told = self._told or self._record()
            if told is None:
                yield changes
                continue
            again = told.refresh()
            yield told.shown(changes)
            if found := self._seen(again, told):
                yield Changes(list(found.values()))

    def outcomes(self, stop: threading.Event) -> Iterator[Mapping[str, Outcome]]:
        """How deliveries end from now on (see `queues.queue.Logged`)."""
        from mxtui.queues.postfix.outcomes import follow

        return follow(self.layout.maillog_file, stop)

    def find(self, queue_id: str) -> QueuedMessage | None:
        """The message under this ID now."""
        found, quarantine = self._reader.find(queue_id), self._quarantine
        if found is None or quarantine is None:
            return found
        quarantine.refresh()
        return quarantine.seen(found)

    def find_all(self, queue_ids: Collection[str]) -> Mapping[str, QueuedMessage]:
        """Some messages as they are now; those missing are gone."""
        quarantine = self._quarantine
        if quarantine is not None:
            quarantine.refresh()
        return self._seen(queue_ids, quarantine)

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

    @cached_property
    def _quarantining(self) -> Quarantining:
        from mxtui.queues.postfix.quarantine import Quarantine
        from mxtui.queues.postfix.quarantining import Quarantining

        if self._marks is None:
            raise NotPermitted(self._unmarkable(), UNMARKABLE)
        return Quarantining(self.layout, self._actions, Quarantine(self.layout, self._marks))

    def _concerns_quarantine(self, verb: Verb, targets: Sequence[Target]) -> bool:
        """Whether it needs the record: as long as there is none nothing does but what begins one."""
        if verb in (Verb.QUARANTINE, Verb.UNQUARANTINE):
            return True
        return self._quarantine is not None or any(target.state == "quarantine" for target in targets)

    def steps(self, verb: Verb, targets: Sequence[Target], *, keep_copy: bool = False) -> tuple[str, ...]:
        """The very commands, in order."""
        match verb:
            case Verb.FLUSH:
                each = f"{self.layout.command_directory / 'postqueue'} -c {self.layout.config_directory} -i ID"
                return (f"{each}  (each of {len(targets):,}, through its socket)",) if targets else ()
            case Verb.RESTORE:
                command = f"{self.layout.sendmail_path} -C {self.layout.config_directory} -G -i -f SENDER -- RECIPIENT…"
                return (f"{command}  (each of {len(targets):,})",) if targets else ()
            case verb if self._concerns_quarantine(verb, targets):
                return self._quarantining.steps(verb, targets, keep_copy=keep_copy)
            case Verb.DELETE if keep_copy:
                from mxtui.queues.postfix import removal

                return removal.steps(self._actions, targets)
            case _:
                return self._actions.steps(verb, targets)

    def act(self, verb: Verb, targets: Sequence[Target]) -> Iterator[Result]:
        """Hold, release, quarantine, renew, reject, or delete without a copy."""
        if self._concerns_quarantine(verb, targets):
            return self._quarantining.act(verb, targets)
        return self._actions.act(verb, targets)

    def let_go(self, targets: Sequence[Target]) -> Iterator[Result]:
        """Release to their next retry time (see `queues.queue.Releasing`); what is renewed is tried all the same."""
        if self._concerns_quarantine(Verb.RELEASE, targets):
            return self._quarantining.act(Verb.RELEASE, targets, try_now=False)
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
        if self._concerns_quarantine(Verb.DELETE, targets):
            return self._quarantining.delete(targets, folder)
        from mxtui.queues.postfix import removal

        return removal.delete(self.layout, self._actions, targets, folder)

    def deliver(self, feed: Feed, stop: threading.Event) -> Iterator[Sequence[Settled]]:
        """Try now what the feed gives, by qmgr, and follow it to the verdicts (see `Way`). Raises Unreachable."""
        from mxtui.queues.postfix.flush import QUIET_SECONDS, Flush

        quiet = QUIET_SECONDS if self._quiet is None else self._quiet
        return Flush(self.layout, find=self._reader.find, look=self._look, quiet=quiet).deliver(feed, stop)

    def restore(self, folder: Path, identity: Identity) -> Result:
        """Put a kept copy back through sendmail(1)."""
        from mxtui.queues.postfix import kept

        return kept.restore(self.layout, folder, identity, running=master_runs(self.layout.queue_directory))

    def space(self) -> Space:
        """Room on the queue's file system, as an unprivileged writer sees it."""
        return space_of(self.layout.queue_directory)

    def close(self) -> None:
        """Nothing is held open between calls."""

    def _record(self) -> Quarantine | None:
        """What is on record, once more from the beginning; None where nothing ever was in quarantine."""
        if self._marks is None or not is_there(self._marks / RECORD):
            return None
        from mxtui.queues.postfix.quarantine import Quarantine

        return Quarantine(self.layout, self._marks)

    @property
    def _quarantine(self) -> Quarantine | None:
        """The record for looks of one moment; None where nothing ever was in quarantine."""
        if self._looked is None:
            self._looked = self._record()
        return self._looked

    def _seen(self, queue_ids: Collection[str], quarantine: Quarantine | None) -> Mapping[str, QueuedMessage]:
        """Some messages as they are now, by what is on record."""
        found: Mapping[str, QueuedMessage] = {}
        if queue_ids and self._look is not None:
            found = self._look(queue_ids)
        elif queue_ids:
            each_one = ((each, self._reader.find(each)) for each in queue_ids)
            found = {each: message for each, message in each_one if message is not None}
        if quarantine is None:
            return found
        return {each: quarantine.seen(message) for each, message in found.items()}

    def _counted(self, tallies: Tallies) -> Tallies:
        quarantine = self._quarantine
        return tallies if quarantine is None else quarantine.set_apart(tallies)

    def _unmarkable(self) -> str:
        """What stands in the way of the record; empty where nothing does."""
        if self._marks is None:
            return "nothing keeps a record of it here"
        place = next(each for each in (self._marks / RECORD, self._marks, *self._marks.parents) if is_there(each))
        if os.access(place, os.W_OK if place.is_file() else os.W_OK | os.X_OK, effective_ids=True):
            return ""
        return f"its record in {self._marks} may not be written"

    def _listed(self, queue_ids: Collection[str]) -> Mapping[str, QueuedMessage]:
        wanted = set(queue_ids)
        # A reader of its own: the one that is watched would take what is read here for told.
        batches = self._open(self.layout).read(subjects=False)
        return {
            message.queue_id: message for batch in batches for message in batch.present if message.queue_id in wanted
        }
