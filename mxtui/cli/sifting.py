"""From a queue to who sifts it, for the console and for commands."""

import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mxtui.cli.attach import Attached
from mxtui.cli.judging import Judging
from mxtui.errors import UsageError
from mxtui.model.filter import Filter, asks_for_recipients

if TYPE_CHECKING:
    from mxtui.index import Index
    from mxtui.model.evidence import Evidence, Scan
    from mxtui.sifting.scanning import Scanning
    from mxtui.sifting.sifter import Sifter


def sifter(attached: Attached, index: "Index", *, reading: bool = True) -> "Sifter":
    """Who sifts what an index holds. Unless `reading`, by what is remembered alone."""
    from mxtui.queues.queue import Legible
    from mxtui.sifting.clearing import Clearing, file_beside
    from mxtui.sifting.sifter import Sifter

    queue, content = attached.queue, attached.queue.capabilities().content
    may = reading and content.allowed and isinstance(queue, Legible)
    return Sifter(
        index,
        queue.contents() if may and isinstance(queue, Legible) else None,
        attached.sifted,
        why_not="" if may else content.why_not,
        relayed=[domain.lower() for domain in attached.relayed],
        clearing=Clearing(file_beside(attached.sifted)),
    )


def recall(attached: Attached, index: "Index") -> None:
    """What was judged before, for a filter that asks for it. No message is read.

    Raises:
        UsageError: nobody has judged anything.
    """
    remembered, judging = sifter(attached, index, reading=False), Judging(attached)
    try:
        remembered.finish(threading.Event())
        if (scans := scanning(attached, index, judging, remembered)) is not None:
            scans.recall()
            remembered.finish(threading.Event())
    finally:
        remembered.close()
        judging.close()
    judged, _ = index.judging()
    if not judged and len(index):
        raise UsageError("no message was judged yet", "mxtui suspects --wait does that; so does an open console.")


def scanning(attached: Attached, index: "Index", judging: "Judging", sifter: "Sifter") -> "Scanning | None":
    """Who asks scanners about what is queued; None where none is configured, or no message may be read."""
    from mxtui.scanning.judging import judgement
    from mxtui.sifting.scanning import Scanning

    spam = attached.settings.spam
    if not (spam.rspamd or spam.spamassassin) or not attached.queue.capabilities().content.allowed:
        return None

    def points(scans: "Sequence[Scan]") -> "Sequence[Evidence]":
        return judgement(0.0, (), scans, suspect=spam.suspect, weights=spam.weights).evidence

    return Scanning(
        index,
        judging.made(),
        judging.submitted,
        points,
        remembered=judging.remembered,
        sifted=attached.sifted,
        campaigns=sifter.campaigns,
        connections=spam.connections,
        rate=spam.rate,
    )


def know_recipients(attached: Attached, index: "Index", wanted: Filter | None = None) -> None:
    """Tell an index which of its recipients do not exist: as far as it matters for this filter, or all."""
    queued = index.recipients_since if wanted is None or asks_for_recipients(wanted) else None
    index.know_nonexistent(attached.site.nonexistent(attached.now(), queued))


def background(attached: Attached, index: "Index", judging: "Judging") -> "tuple[Sifter, threading.Event]":
    """Who sifts what an index holds for as long as the event is not set, from the end of the first read on."""
    found, stop = sifter(attached, index), threading.Event()
    found.scanning = scanning(attached, index, judging, found)
    if (scans := found.scanning) is not None:
        threading.Thread(target=lambda: scans.run(stop), name="scanning", daemon=True).start()

    def wait() -> None:
        while not index.is_complete and not stop.wait(WAITING):
            pass

    def work() -> None:
        wait()
        found.run(stop)

    def ask_for_recipients() -> None:
        before: frozenset[str] = frozenset()
        wait()
        while not stop.is_set():
            known = frozenset(attached.site.nonexistent(attached.now(), index.recipients_since))
            if known != before:  # the index is held up for news alone
                index.know_nonexistent(known)
            before = known
            stop.wait(RECIPIENTS)

    threading.Thread(target=work, name="sifting", daemon=True).start()
    threading.Thread(target=ask_for_recipients, name="recipients", daemon=True).start()
    return found, stop


WAITING = 0.25
"""Seconds between two looks whether the first read is done: until then sifting would only slow it down."""

RECIPIENTS = 30.0
"""Seconds between two looks at which recipients do not exist."""

LOOK = 5.0
"""Seconds that a command reads what is new, unless it is to wait."""


def sift(attached: Attached, index: "Index", *, wait: bool, stop: threading.Event) -> "Sifter":
    """Judge what is queued: all of it, or what can be read within seconds; whoever calls closes what comes back."""
    found = sifter(attached, index)
    found.finish(stop, None if wait else time.monotonic() + LOOK)
    judging = Judging(attached)
    found.scanning = scanning(attached, index, judging, found)
    if found.scanning is not None:
        if wait:
            found.scanning.finish(stop)
        else:
            found.scanning.recall()
        found.finish(stop)
    judging.close()
    return found
