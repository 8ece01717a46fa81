"""Having mail tried now by Postfix itself, and following each message to its verdict (see `model.drain.way`).

The mail log is the evidence. Without it, or where a line is missing, the queue files speak: back in deferred with a
later retry time means tried in vain; gone proves nothing and counts as unknown.
"""

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mxtui.errors import CommandFailed, NotPermitted, Unreachable
from mxtui.model.drain.following import Followed
from mxtui.model.drain.way import Feed, Settled
from mxtui.model.message import QueuedMessage
from mxtui.model.plan import Fate, Target, Verdict
from mxtui.queues.postfix.actions import Look
from mxtui.queues.postfix.layout import Layout
from mxtui.queues.postfix.logtail import LogTail, open_tail
from mxtui.queues.postfix.maillog import Attempt, Event, PickedUp, Removed, Returned, Status
from mxtui.queues.postfix.master import master_runs
from mxtui.queues.postfix.permission import STOPPED_HINT
from mxtui.queues.postfix.renewed import new_names, waits_for_pickup
from mxtui.queues.postfix.run import run
from mxtui.queues.postfix.sockets import request_delivery
from mxtui.queues.postfix.whereabouts import locate, standing

QUIET_SECONDS: Final = 660.0
"""Longer than any single SMTP timeout (end of data: 10 min, RFC 5321 4.5.3.2.6)."""

TELL_SECONDS: Final = 0.2
LOOK_SECONDS: Final = 0.05
REQUESTS: Final = 500
"""Between two looks at the log; 0.2 s."""

FILES: Final = 500
"""Queue files looked for each second, for messages of which the log has not spoken."""

LISTING_SECONDS: Final = 2.0
LISTING_SHARE: Final = 20.0
"""A listing may take one twentieth of the time."""

RENEWAL_SECONDS: Final = 120.0
"""How long pickup(8) may take for what was renewed; told of it, a moment, and else it looks every minute."""

OVERLOOKED_SECONDS: Final = 10.0
"""After which what still waits, due and in no one's hands, is asked for again: a release and a flush that reach for a
message at the same moment may each leave it to the other, and qmgr(8) would look at it minutes later."""

GRACE_SECONDS: Final = 3.0
"""How long the log may lag behind the files."""

STOP_SECONDS: Final = 10.0
"""How long what Postfix has in hand is followed after a stop. It is safe in its queue all the same."""

BUSY: Final = re.compile(r"\b421[ -]|too many connections", re.IGNORECASE)
"""A server that has no room now, in Postfix's account of what it said."""

DOUBTFUL: Final = "message may be sent more than once"
"""Postfix's words where the connection was lost behind the end of data (src/smtp/smtp_proto.c)."""

UNREACHABLE: Final = re.compile(
    r"(host \S+ refused to talk to me: |TLS is required, but |Cannot start TLS: |Server certificate )"
)
"""Where no mail could be exchanged at all, whatever the status code (src/smtp/smtp_proto.c, smtp_sess.c)."""

UNTRIED: Final = "delivery temporarily suspended: "
"""Before words that are another message's: its destination is left alone, and this one was not tried (qmgr(8))."""

FATES: Final[dict[Status, Fate]] = {
    "sent": "delivered",
    "deferred": "deferred",
    "bounced": "bounced",
    "expired": "expired",
}


@dataclass(slots=True)
class _Asked:
    """A message whose delivery was asked for."""

    target: Target
    at: float
    renewed: bool = False
    """It was handed in anew; `name` is its ID once pickup(8) has given it one, and empty until then."""
    name: str = ""
    suspended: bool | None = None
    """Of one that was renewed: qmgr(8) left it alone as its destination was dead before; False: it was asked again."""
    silent_since: float | None = None
    """When its file first said something that the log had not."""


class Flush:
    """Postfix's own engine as a way of delivering.

    `find` tells a message's reasons, where the log cannot. `look`, for users who may not look at queue files, tells of
    many messages at once at the cost of a listing of the whole queue.
    """

    def __init__(
        self,
        layout: Layout,
        *,
        find: Callable[[str], QueuedMessage | None],
        look: Look | None = None,
        quiet: float = QUIET_SECONDS,
        clock: Callable[[], float] = time.time,
        tail: Callable[[Path | None], LogTail | None] = open_tail,
    ) -> None:
        self._layout = layout
        self._find = find
        self._listing = look
        self._look_every = 1.0
        self._quiet = quiet
        self._clock = clock
        self._tail = tail
        self._books = Followed(clock())
        self._asked: dict[str, _Asked] = {}
        self._renamed: dict[str, str] = {}
        """What mail that was renewed was called before."""
        self._rounds: deque[str] = deque()
        self._looked_at = clock()
        self._named_at = clock()

    def deliver(self, feed: Feed, stop: threading.Event) -> Iterator[Sequence[Settled]]:
        """See `Way`. Over, too, when nothing was heard for longer than any delivery takes.

        Raises Unreachable when Postfix is down.
        """
        told = stopped = 0.0
        with self._tail(self._layout.maillog_file) or nullcontext() as log:
            while True:
                took = not stop.is_set() and self._take(feed)
                moved = self._read(log)
                now = self._clock()
                self._look(now, patient=log is not None)
                if stop.is_set():
                    stopped = stopped or now
                over = not self._books and bool(feed.over or stopped)
                if over or moved or now - told >= TELL_SECONDS or now < told:
                    told = now
                    settled = self._books.settled()
                    for each in settled:
                        gone = self._asked.pop(each.queue_id, None)
                        if gone is not None and gone.name:
                            self._renamed.pop(gone.name, None)
                    yield settled
                if over or self._given_up(now, stopped):
                    return
                if not moved and not took:
                    time.sleep(LOOK_SECONDS)

    def _given_up(self, now: float, stopped: float) -> bool:
        """Whether to wait no longer for what is in hand."""
        if stopped:
            return now - stopped > STOP_SECONDS
        return bool(self._books) and now - self._books.moved_at > self._quiet

    def _take(self, feed: Feed) -> bool:
        """The next few: told to qmgr where they are still what was meant. Whether there were any."""
        ids = []
        targets = feed.take(REQUESTS)
        for target in targets:
            now = self._clock()
            self._books.take(target, now)
            renewed = target.state == "maildrop"
            if self._listing is None and not renewed and not self._still_waits(target, now):
                continue
            self._asked[target.queue_id] = _Asked(target, now, renewed)
            self._rounds.append(target.queue_id)
            if target.state != "active" and not renewed:  # what is in delivery, or on its way into it, is only followed
                ids.append(target.queue_id)
        if ids:
            self._try_now(ids)
        return bool(targets)

    def _try_now(self, ids: Sequence[str]) -> None:
        try:
            for _ in request_delivery(self._layout.queue_directory, ids):
                pass
        except NotPermitted:
            self._ask_by_postqueue(ids)

    def _still_waits(self, target: Target, now: float) -> bool:
        here = locate(self._layout, target.queue_id)
        if standing(target.identity, here) != "same" or here is None:
            self._books.gone_before(target.queue_id, now)
            return False
        if here.state == "hold":
            self._books.verdict(Verdict(target.queue_id, "", "deferred", reply="held meanwhile", at=now))
            self._books.back_in_queue(target.queue_id, now)
            return False
        return True

    def _ask_by_postqueue(self, ids: Sequence[str]) -> None:
        command = [str(self._layout.command_directory / "postqueue"), "-c", str(self._layout.config_directory), "-i"]
        for each in ids:
            done = run([*command, each])
            if done.status:
                raise CommandFailed(f"postqueue -i: {done.complaint}", "See the mail log.")

    def _read(self, log: LogTail | None) -> bool:
        """What the log says since the last look; whether it said anything of ours."""
        before = self._books.moved_at
        for event in () if log is None else log.events():
            self._heard(event)
        return self._books.moved_at != before

    def _heard(self, event: Event) -> None:
        if isinstance(event, PickedUp):
            self._picked_up(event)
            return
        queue_id = self._renamed.get(event.queue_id, event.queue_id)
        if queue_id not in self._asked:
            return  # somebody else's, or of before we asked
        now = self._clock()
        match event:
            case Attempt():
                fate = FATES[event.status]
                verdict = Verdict(queue_id, event.recipient, fate, event.dsn, event.text, now)
                busy = fate == "deferred" and BUSY.search(event.text) is not None
                tried = not event.text.startswith(UNTRIED)
                asked = self._asked[queue_id]
                if asked.renewed and not tried and asked.suspended is None:
                    asked.suspended = True  # it came by itself, not by a flush, which lifts that
                    return
                doubtful = fate == "deferred" and tried and event.text.endswith(DOUBTFUL)
                unreachable = fate == "deferred" and UNREACHABLE.match(event.text) is not None
                self._books.verdict(verdict, event.original, busy=busy, doubtful=doubtful, unreachable=unreachable)
            case Returned():
                self._books.returned(queue_id, now)
            case Removed():
                self._books.left(queue_id, now)

    def _picked_up(self, event: PickedUp) -> None:
        asked = self._asked.get(event.original_id)
        if asked is not None and asked.renewed:
            asked.name = event.queue_id
            self._renamed[event.queue_id] = event.original_id

    def _look(self, now: float, *, patient: bool) -> None:
        """Where some of those without a verdict are, once a second, or so seldom that it costs next to nothing."""
        if now - self._looked_at < self._look_every:
            return
        self._looked_at = now
        if self._books and not master_runs(self._layout.queue_directory):
            raise Unreachable(
                "Postfix is stopped: what it had in hand waits in its queue",
                STOPPED_HINT.format(directory=self._layout.config_directory),
            )
        if self._listing is not None:
            self._look_at_listing(self._listing, now)
            self._look_every = max(LISTING_SECONDS, LISTING_SHARE * (self._clock() - now))
            return
        self._name(now, patient=patient)
        overlooked: list[str] = []
        for _ in range(min(FILES, len(self._rounds))):
            each = self._rounds.popleft()
            asked = self._asked.get(each)
            if asked is not None and each in self._books:
                self._rounds.append(each)
                if asked.suspended:
                    self._ask_again(asked, now)
                    continue
                if self._settled(asked):
                    if self._waited(asked, now, GRACE_SECONDS if patient else 0.0):
                        self._conclude(asked, now)
                elif now - asked.at >= OVERLOOKED_SECONDS and not asked.renewed:
                    overlooked += self._overlooked(asked, now)

        if overlooked:
            self._try_now(overlooked)

    def _overlooked(self, asked: _Asked, now: float) -> Sequence[str]:
        """Its ID, if it is to be asked for again: nobody has it in hand, so that this can send nothing twice."""
        here = locate(self._layout, asked.target.queue_id)
        if here is None or here.state not in ("deferred", "incoming"):
            return ()
        asked.at = now
        return (asked.target.queue_id,)

    def _name(self, now: float, *, patient: bool) -> None:
        """Find out by the queue what is called anew, where the log says nothing of it."""
        nameless = [each for each in self._asked.values() if each.renewed and not each.name]
        nameless = [each for each in nameless if now - each.at > (GRACE_SECONDS if patient else 0.0)]
        if not nameless or now < self._named_at:
            return
        handed_in = [each for each in nameless if not waits_for_pickup(self._layout, each.target.identity)]
        if handed_in:  # looked for after that: what is in neither place is gone
            began = self._clock()
            oldest = min(each.at for each in handed_in)
            names = new_names(self._layout, [each.target.identity for each in handed_in], oldest)
            self._named_at = now + LISTING_SHARE * (self._clock() - began)
            for each in handed_in:
                old = each.target.queue_id
                each.name = names.get(old, "")
                if each.name:
                    self._renamed[each.name] = old
                else:
                    self._books.left(old, now)

    def _ask_again(self, asked: _Asked, now: float) -> None:
        """As soon as it is in deferred: until then nobody would hear it."""
        here = locate(self._layout, asked.name)
        if here is None or here.state != "active":
            asked.suspended, asked.at = False, now
            self._try_now([asked.name])

    def _waited(self, asked: _Asked, now: float, grace: float) -> bool:
        asked.silent_since = now if asked.silent_since is None else asked.silent_since
        return now - asked.silent_since >= grace

    def _settled(self, asked: _Asked) -> bool:
        """The queue has done with it: gone, or waiting for a time that lies after our asking."""
        if asked.renewed:
            here = locate(self._layout, asked.name) if asked.name else None
            if here is None:
                return bool(asked.name) or self._clock() - asked.at > RENEWAL_SECONDS
        else:
            here = locate(self._layout, asked.target.queue_id)
            if here is None or here.inode != asked.target.identity.inode:
                return True
        return here.state == "hold" or (here.state == "deferred" and here.modified > asked.at)

    def _conclude(self, asked: _Asked, now: float) -> None:
        each = asked.target.queue_id
        message = self._find(asked.name or each)
        if message is None or not (asked.name or message.inode == asked.target.identity.inode):
            self._books.left(each, now)
        elif asked.renewed and asked.suspended is None and _untried(message):
            asked.suspended = True
        else:
            self._deferred(each, message, now)

    def _deferred(self, each: str, message: QueuedMessage, now: float) -> None:
        for recipient in message.recipients[:3]:
            reply = recipient.reason or ""
            self._books.verdict(Verdict(each, recipient.address, "deferred", recipient.dsn or "", reply, now))
        self._books.back_in_queue(each, now)

    def _look_at_listing(self, look: Look, now: float) -> None:
        """Without the right to see files: who is listed as deferred well after the asking was tried in vain."""
        asked = {each: self._asked[each] for each in self._books if each in self._asked}
        listed = look({request.name or each for each, request in asked.items()})
        for each, request in asked.items():
            if request.renewed and not request.name and now - request.at <= RENEWAL_SECONDS:
                continue
            message = listed.get(request.name or each)
            if request.suspended and message is not None and message.state == "deferred":
                request.suspended = False
                self._try_now([request.name])
                continue
            if message is None or message.state in ("deferred", "hold"):
                if not self._waited(request, now, GRACE_SECONDS):
                    continue
                if message is None:
                    self._books.left(each, now)
                else:
                    self._deferred(each, message, now)
            else:
                request.silent_since = None


def _untried(message: QueuedMessage) -> bool:
    """Put off for what another met, all of it."""
    return all((each.reason or "").startswith(UNTRIED) for each in message.recipients)
