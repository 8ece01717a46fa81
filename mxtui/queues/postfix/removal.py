"""Deleting with a copy: held first, so that what is copied is what is deleted.

    hold (from deferred and incoming) → copy what stands in hold → delete what was copied, from hold

A message copied where it waits may become active, reach some or all of its recipients, and be deferred again before
it is deleted, or not be deleted at all; its copy, put back, would send that mail twice. From hold nothing is delivered.

After a crash half way messages are left in hold: seen by everybody, and neither lost nor doubled.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from mxtui.errors import MxtuiError
from mxtui.folders import sync_folder
from mxtui.model.plan import Result, Target
from mxtui.model.source import Verb
from mxtui.queues.postfix import kept, queue_id
from mxtui.queues.postfix.actions import Actions
from mxtui.queues.postfix.layout import Layout
from mxtui.queues.postfix.permission import POSTSUPER
from mxtui.queues.postfix.whereabouts import locate

COPIERS: Final = 8
"""Copies are fsynced side by side: the file system's journal commits them together."""


def steps(actions: Actions, targets: Sequence[Target]) -> tuple[str, ...]:
    """The commands, in order, as `delete` runs them."""
    if not targets:
        return ()
    waiting = sum(target.state != "hold" for target in targets)
    holding = (actions.step(POSTSUPER[Verb.HOLD], waiting),) if waiting else ()
    copying = f"copy from hold, mode 0600  (each of {len(targets):,}; what cannot be copied is not deleted)"
    return (*holding, copying, actions.step(POSTSUPER[Verb.DELETE], len(targets)))


def delete(layout: Layout, actions: Actions, targets: Sequence[Target], folder: Path) -> Iterator[Result]:
    """Delete, keeping copies in `folder`. One result per target.

    Only what was deleted, or may have been (`unsure`), has a copy afterwards. What was held for this and could not be
    deleted is released again.
    """
    held = [target for target in targets if _in_hold(layout, target)]
    before = {target.queue_id for target in held}
    waiting = {target.queue_id: target for target in targets if target.queue_id not in before}
    for result in actions.act(Verb.HOLD, list(waiting.values())):
        if result.result == "done":
            held.append(waiting[result.queue_id])
        else:
            yield result._replace(action=Verb.DELETE, unsure=False)  # whatever the hold did, nothing was deleted

    spared = _copy(layout, held, folder)
    # As held: had somebody released it meanwhile, it is refused, for its copy may be out of date.
    copied = [target._replace(state="hold") for target in held if target.queue_id not in spared]
    for result in actions.act(Verb.DELETE, copied):
        if result.result == "done" or result.unsure:
            yield result
        else:
            spared[result.queue_id] = result
    yield from _spare(actions, [target for target in held if target.queue_id in spared], spared, before, folder)


def _in_hold(layout: Layout, target: Target) -> bool:
    """Whether it was held before; who it is, is looked at when it is copied."""
    if not queue_id.valid(target.queue_id):
        return False
    try:
        return locate(layout, target.queue_id, ("hold",)) is not None
    except OSError:  # told by the look before acting, which it does not pass
        return False


def _copy(layout: Layout, targets: Sequence[Target], folder: Path) -> dict[str, Result]:
    """Copy each; the results of those that could not be copied, which must not be deleted."""

    def refused(target: Target, error: OSError | MxtuiError) -> Result:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        return Result(target.queue_id, Verb.DELETE, "refused", f"no copy could be kept: {why}")

    def save(target: Target) -> Result | None:
        try:
            kept.save(layout, target, folder)
        except (OSError, MxtuiError) as error:
            return refused(target, error)
        return None

    with ThreadPoolExecutor(COPIERS, thread_name_prefix="copy") as pool:
        spared = {result.queue_id: result for result in pool.map(save, targets) if result is not None}
    try:
        sync_folder(folder)
    except OSError as error:
        return {target.queue_id: refused(target, error) for target in targets}
    return spared


def _spare(
    actions: Actions, targets: Sequence[Target], results: dict[str, Result], before: set[str], folder: Path
) -> Iterator[Result]:
    """What stays queued keeps no copy, and is put back where it was."""
    released = actions.put_back([target for target in targets if target.queue_id not in before])
    for target in targets:
        result = results[target.queue_id]
        try:
            kept.drop(folder, target.identity)
        except OSError as error:
            result = result._replace(detail=f"{result.detail}; its copy stays: {error.strerror}")
        if target.queue_id not in before | released and result.result in ("refused", "failed"):
            result = result._replace(detail=f"{result.detail}; perhaps left in hold")
        yield result
