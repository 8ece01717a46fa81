"""`mxtui flush` on another host: the drain runs there, in a process of its own, and is followed from here.

A connection that is lost ends nothing: the drain is on the register there, for whoever asks next.
"""

import threading
import time
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Final

from mxtui.cli.acting import confirmed, select, stopping
from mxtui.cli.attach import Attached
from mxtui.cli.elsewhere import AttachedElsewhere, start_drain
from mxtui.cli.flush import follow, show_drain, sum_up, troubles, who_goes
from mxtui.cli.output import narrate
from mxtui.drains import Drains
from mxtui.errors import Unreachable, UsageError
from mxtui.message.sanitize import one_line
from mxtui.model.drain.rate import Rate
from mxtui.model.drain.standing import Standing
from mxtui.model.plan import FlushProgress, Verdict
from mxtui.model.source import Verb
from mxtui.model.words import counted
from mxtui.queues.remote.ssh import by_hand

LOOK: Final = 0.5
"""Seconds between two looks at it."""


def flush(
    attached: Attached,
    words: Sequence[str],
    *,
    everything: bool,
    dry_run: bool,
    yes: bool,
    reason: str,
    as_json: bool,
    force: bool,
    limit: int | None,
    rate: Rate | None,
    direct: bool,
    detach: bool,
) -> None:
    """Plan, check the primaries as they are seen from there, ask, have it drained."""
    assert isinstance(attached, AttachedElsewhere)
    if direct:
        raise UsageError(
            "our own sender works on the host of the queue",
            f"There: {by_hand(attached.there.address, 'mxtui flush', terminal=True)} with the same options.",
        )
    attached.require(Verb.FLUSH)
    drains = attached.drains
    if not dry_run:
        drains.require_free()
    targets, selection = select(attached, words, everything=everything, verb=Verb.FLUSH)
    going, left_out, refusal = who_goes(targets, {} if force else troubles(attached, targets))
    if refusal is not None and not dry_run:
        raise refusal
    operations = attached.operations
    plan = operations.plan(Verb.FLUSH, going, selection, forced=force)
    if limit:
        left_out = [*plan.excluded, *left_out]
        plan = operations.plan(Verb.FLUSH, plan.targets[:limit], selection, forced=force)
    plan = replace(plan, excluded=(*plan.excluded, *left_out))
    show_drain(plan, rate, as_json=as_json)
    if refusal is not None:
        raise refusal
    if dry_run or not plan.targets or not confirmed(plan, yes=yes):
        return
    operations.note("flush", f"{selection}: {counted(len(plan.targets), 'message')}, drained there", reason)
    begun = start_drain(attached.there, plan, reason, rate)
    if detach:
        narrate("It is running there: mxtui drain status follows it, mxtui drain stop stops it.")
        return
    with stopping() as stop, closing(_progress(drains, begun, stop)) as stream:
        last = follow(stream, stop, as_json=as_json)
    sum_up(plan, last, drains, begun.process)


def _progress(drains: Drains, begun: Standing, stop: threading.Event) -> Generator[FlushProgress, None, None]:
    """Until it ends; it is asked to where `stop` is set. Raises Unreachable: it goes on all the same."""
    told: set[Verdict] = set()
    asked = False
    standing: Standing | None = begun
    try:
        while standing is not None:
            if standing.progress is not None:
                fresh = tuple(each for each in reversed(standing.replies) if each not in told)
                told.update(fresh)
                yield replace(standing.progress, recent=fresh)
            if not standing.running:
                if standing.fault:
                    narrate(one_line(standing.fault, 600))
                return
            if stop.is_set() and not asked:
                asked = True
                drains.wish("stop")
            time.sleep(LOOK)
            standing = drains.standing()
    except Unreachable as error:
        raise Unreachable(
            f"{error.message}; the drain goes on there all the same", "mxtui drain status --follow finds it again."
        ) from None
