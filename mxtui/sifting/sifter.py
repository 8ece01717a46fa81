"""Sifting in the background: what is queued and not judged yet is read, grouped, weighed, and told to the index.

Of all who watch a queue one reads; the others go by what it remembers. Cost follows what is new.
"""

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from mxtui.errors import MxtuiError
from mxtui.folders import make_folder
from mxtui.index import Index
from mxtui.model.campaign import SINGLE, Campaign, Judged, Sifted, Suspects, suspected
from mxtui.model.message import Identity
from mxtui.model.words import counted
from mxtui.queues.queue import Contents
from mxtui.sifting import weights
from mxtui.sifting.clearing import Cleared, Clearing
from mxtui.sifting.crew import Worker
from mxtui.sifting.scanning import Scanning
from mxtui.sifting.sketch import EMPTY
from mxtui.sifting.store import Known, Store
from mxtui.sifting.weighing import weigh

BATCH: Final = 50
"""Messages asked for at once: a twentieth of a second."""

WEIGHING: Final = 2.0
"""Seconds between two looks at campaigns that changed."""

COSTLY: Final = 20
"""Looks take one part in so many of the time: those at the largest of a hundred campaigns take a second."""

SPARE: Final = 1.0
"""Seconds of looks that a rest earns at most: where little changes, all of it is seen at once."""

IDLE: Final = 0.5
FOLLOWING: Final = 5.0
"""Seconds between two looks at what another process remembers."""

QUIET: Final = 15.0
"""Seconds without news from another process after which nobody waits for it."""


class Sifter:
    """One process's part in it. `run` belongs in a thread of its own; everything else may be asked from any."""

    def __init__(
        self,
        index: Index,
        contents: Contents | None,
        path: Path | None,
        *,
        why_not: str = "",
        relayed: Collection[str] = (),
        clearing: Clearing | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`contents` is None where messages may not be read; `why_not` says why. `path` is that of the memory.

        `relayed` are the domains that mail is taken for.

        `clearing` knows what operators said is no spam.
        """
        self._index = index
        self._path = path
        self._worker = None if contents is None else Worker(contents, path, relayed)
        self._why_not = why_not
        self._clearing = clearing
        self._clock = clock
        self._lock: int | None = None
        self._campaigns: dict[str, Campaign] = {}
        self._single: Campaign | None = None
        self._single_at = -1
        """The revision of the index that those are of."""
        self._known = Suspects(0.0, (), suspected((), 0), Sifted(0, 0, 0), whole=False)
        """As it was weighed last."""
        self._written: Sequence[Campaign] | None = None
        self._sketches: dict[str, bytes] = {}
        self._by_content: dict[str, Judged] = {}
        """Messages whose content was cleared, by queue ID."""
        self._compared: tuple[frozenset[str], int] = (frozenset(), -1)
        """With what was cleared, and at which revision of the index."""
        self._changed: dict[str, None] = {}
        """Campaigns that are to be looked at, who waits longest first."""
        self._time_left = SPARE
        """Seconds that looks may take."""
        self._weighing = threading.Lock()
        self._gone = 0
        self._busy = 0
        self._weighed_at = -WEIGHING
        self._store: Store | None = None
        self._seen: tuple[int, int] | None = None
        self.scanning: Scanning | None = None
        """Who asks scanners about what was judged."""
        self._more = False
        self._read_all = False
        """Everything that was queued at first has been judged."""
        self._elsewhere = False
        """Another process reads."""

    # -- asking -----------------------------------------------------------------------------------------------------

    def progress(self) -> Sifted:
        """How far it has come."""
        judged, waiting = self._index.judging()
        skipped = self._gone + (self._worker.skipped if self._worker is not None else 0)
        fault = "" if self._worker is not None or judged else self._why_not
        if self._worker is None or self._elsewhere:
            waiting = len(self._index) - judged
        scanning = self.scanning
        return Sifted(
            judged,
            waiting + self._busy,
            skipped,
            scanned=None if scanning is None else self._index.scanned(),
            unscannable=0 if scanning is None else scanning.unscannable,
            scan_faults=() if scanning is None else tuple(scanning.faults.values()),
            fault=fault,
        )

    def campaigns(self) -> list[Campaign]:
        """All that are queued, largest first, bulk mail after the others."""
        found = list(self._campaigns.values())
        return sorted(found, key=lambda each: (each.kind == "bulk", -each.messages, each.name))

    def suspects(self) -> Suspects:
        """All groups as they were weighed last, and how far it has come. From memory, for whoever shows any of it."""
        return replace(self._known, sifted=self.progress())

    def clear(self, campaign: Campaign, by: str, reason: str) -> None:
        """It is no spam, from now on and after a restart. Raises MxtuiError."""
        if self._clearing is not None:
            sketch = self.sketch_of(campaign).hex()
            self._clearing.clear(Cleared(campaign.name, sketch, by, reason, time.time()))
            self._weigh()

    def withdraw(self, campaign: Campaign) -> None:
        """It may be, after all. Raises MxtuiError."""
        if self._clearing is not None:
            self._clearing.withdraw(campaign.name, self.sketch_of(campaign))
            self._weigh()

    def clear_message(self, queue_id: str, by: str, reason: str) -> str:
        """It is no spam: all of its campaign, or else its content. What that is, in words. Raises MxtuiError."""
        campaign = self._index.campaign_of(queue_id)
        if campaign is not None:
            self.clear(campaign, by, reason)
            return _in_words(campaign)
        known = self._remembered(queue_id)
        if self._clearing is not None:
            content = known.sha256.hex()
            self._clearing.clear(Cleared("", known.traits.sketch.hex(), by, reason, time.time(), content))
            self._weigh()
        return "this content"

    def withdraw_message(self, queue_id: str) -> str:
        """It may be, after all, as `clear_message` had it. Raises MxtuiError."""
        campaign = self._index.campaign_of(queue_id)
        if campaign is not None:
            self.withdraw(campaign)
            return _in_words(campaign)
        known = self._remembered(queue_id)
        if self._clearing is not None:
            self._clearing.withdraw_content(known.sha256.hex())
            self._weigh()
        return "this content"

    def is_cleared(self, queue_id: str) -> bool:
        """Whether somebody said that it is no spam."""
        return self._index.is_cleared(queue_id)

    def _remembered(self, queue_id: str) -> Known:
        found = None
        if self._path is not None:
            with suppress(sqlite3.Error, OSError), closing(Store(self._path, writing=False)) as store:
                found = store.find(queue_id)
        if found is None:
            raise MxtuiError(f"{queue_id} was not judged yet, so that nothing of it is remembered", "Try again later.")
        return found[0]

    # -- working ----------------------------------------------------------------------------------------------------

    def run(self, stop: threading.Event) -> None:
        """Until then."""
        try:
            while not stop.is_set():
                if not self.step():
                    stop.wait(IDLE if self._ours() else FOLLOWING)
        finally:
            self.close()

    def finish(self, stop: threading.Event, deadline: float | None = None) -> None:
        """Until everything queued was looked at, or that time has come."""
        news_at, before = self._clock(), -1
        while not stop.is_set() and (deadline is None or self._clock() < deadline):
            if self.step():
                continue
            progress = self.progress()
            if not self._elsewhere or not progress.waiting or self._clock() - news_at > QUIET:
                break
            if progress.judged != before:
                news_at, before = self._clock(), progress.judged
            stop.wait(IDLE)
        self._weigh(all_of_them=True)

    def step(self) -> bool:
        """A batch, and whether there may be more."""
        more = self._read() if self._worker is not None and self._ours() else self._follow()
        self._read_all = self._read_all or not more
        # What the last batch changed is told at once: nothing else may come for hours.
        if self._clock() - self._weighed_at >= WEIGHING or (self._more and not more):
            self._weigh()
        self._more = more
        return more

    def close(self) -> None:
        """Let another one read."""
        if self._worker is not None:
            self._worker.end()
        if self._store is not None:
            self._store.close()
            self._store = None
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)

    def _read(self) -> bool:
        assert self._worker is not None
        batch = self._index.unjudged(BATCH)
        if not batch:
            return False
        self._busy = len(batch)
        try:
            for answer in self._worker.answer(batch):
                self._gone += answer.gone
                self._index.judge(
                    [
                        Judged(
                            Identity(v.queue_id, v.inode, v.arrival), v.points, v.campaign,
                            cleared=v.queue_id in self._by_content, backscatter=v.backscatter,
                        )
                        for v in answer.judged
                    ]
                )  # fmt: skip
        finally:
            self._busy = 0
        return True

    def _follow(self) -> bool:
        """What another process remembers, where it changed; nothing where there is nothing."""
        if self._path is None:
            return False
        with suppress(sqlite3.Error, OSError):
            if self._store is None:
                self._store = Store(self._path, writing=False)
            seen = self._store.revision(), len(self._index)
            if seen != self._seen:
                cleared = self._by_content
                judged = (each._replace(cleared=each.identity.queue_id in cleared) for each in self._store.judged())
                self._index.judge(list(judged))
                self._seen = seen
        return False

    def _weigh(self, *, all_of_them: bool = False) -> None:
        with self._weighing:
            self._weigh_once(all_of_them=all_of_them)

    def _weigh_once(self, *, all_of_them: bool) -> None:
        now = self._clock()
        self._time_left = min(SPARE, self._time_left + (now - self._weighed_at) / COSTLY)
        self._weighed_at = now
        self._compare_contents()
        self._changed |= dict.fromkeys(self._index.changed_campaigns())
        if self._single_at != (revision := self._index.revision):
            self._changed[SINGLE], self._single_at = None, revision
        while self._changed and (all_of_them or self._time_left > 0):
            name = next(iter(self._changed))
            del self._changed[name]
            self._look_at(name)
        for name, campaign in self._campaigns.items():
            self._campaigns[name] = replace(campaign, cleared=self._is_cleared(campaign))
        known = self._campaigns.values()
        self._index.weigh({each.name: each.points for each in known}, {each.name: each.cleared for each in known})
        self._tell(time.time())

    def _look_at(self, name: str) -> None:
        """A campaign as it is queued now, and what it is worth."""
        began = self._clock()
        found = self._index.campaign(name)
        self._time_left -= self._clock() - began
        if name == SINGLE:
            self._single = found
        elif found is None:
            self._campaigns.pop(name, None)
        else:
            self._campaigns[name] = replace(found, points=round(sum(each.points for each in weigh(found)), 1))

    def _tell(self, at: float) -> None:
        """What was found, in one piece: to whoever shows it, and to those who have no index of the queue."""
        groups: Sequence[Campaign] = self.campaigns()
        groups = [*groups, self._single] if self._single is not None else groups
        if groups == self._known.groups:
            groups = self._known.groups
        found = suspected(groups, self._index.suspect)
        self._known = replace(self._known, at=at, groups=groups, found=found, whole=self._looked_at_everything())
        if self._lock is not None and self._path is not None and groups is not self._written:
            self._written = groups
            weights.write(self._path, groups, found, at)

    def _looked_at_everything(self) -> bool:
        if self._known.whole or not self._read_all:
            return self._known.whole
        if self.scanning is None:
            return True
        self.scanning.all_judged = True
        return self.scanning.recalled

    def _compare_contents(self) -> None:
        """Messages whose content was cleared are, and those of which that was taken back are not any more.

        A look-up for each content that was cleared, where anything is new.
        """
        contents = self._clearing.contents() if self._clearing is not None else frozenset[str]()
        compared = contents, self._index.revision
        if self._path is None or compared == self._compared or not (contents or self._by_content):
            return
        try:
            with closing(Store(self._path, writing=False)) as store:
                found = [each for content in contents for each in store.alike(bytes.fromhex(content))]
        except (sqlite3.Error, OSError, ValueError):
            return
        cleared = {each.identity.queue_id: each._replace(cleared=True) for each in found}
        before, self._by_content = self._by_content, cleared
        stale = [each._replace(cleared=False) for name, each in before.items() if name not in cleared]
        fresh = [each for name, each in cleared.items() if name not in before]
        if stale or fresh:
            self._index.judge([*stale, *fresh])
        self._compared = contents, self._index.revision

    def sketch_of(self, campaign: Campaign) -> bytes:
        """What its sample says, as it is remembered."""
        if self._path is None:
            return EMPTY
        try:
            with closing(Store(self._path, writing=False)) as store:
                found = store.find(campaign.sample)
        except (sqlite3.Error, OSError):
            return EMPTY
        return EMPTY if found is None else found[0].traits.sketch

    def _is_cleared(self, campaign: Campaign) -> bool:
        if self._clearing is None or not self._clearing.all():
            return False
        if campaign.name not in self._sketches:
            self._sketches[campaign.name] = self.sketch_of(campaign)
        return self._clearing.find(campaign.name, self._sketches[campaign.name]) is not None

    def _ours(self) -> bool:
        """Whether this process reads."""
        self._elsewhere = False
        if self._lock is not None or self._path is None:
            return True
        try:
            make_folder(self._path.parent)
            lock = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError:  # no right to remember anything: everybody reads for himself
            self._path = None
            return True
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            self._elsewhere = True
            return False
        self._lock = lock
        return True


def _in_words(campaign: Campaign) -> str:
    return f"campaign {campaign.name}, {counted(campaign.messages, 'message')}"
