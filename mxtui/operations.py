"""The only road from a plan to a queue, for the console and for the commands alike.

    plan → (the operator confirms) → intent recorded → act in batches, results recorded after each → sums recorded

Generators block and are run in threads. One that is closed early (the terminal went away) leaves a definite state:
every batch that was acted on is in the audit with its results.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final

from mxtui.audit import Act, Audit, AuditRecord, Operator, this_operator
from mxtui.errors import MxtuiError, NotPermitted, UsageError
from mxtui.folders import sync_folder
from mxtui.model.plan import FlushProgress, Plan, Result, Target
from mxtui.model.planning import make_plan, target_of
from mxtui.model.source import Permission, Verb
from mxtui.queues.queue import Queue
from mxtui.vault import KeptCopy, Vault

BATCH: Final = 2_000
"""Messages acted on between two looks at `stop`, and per line of progress; 0.1 s of postsuper."""

COPIERS: Final = 8
"""Copies are fsynced side by side: the file system's journal commits them together."""

NO_COPY_HINT: Final = "delete without a copy (--no-copy), or with the right to read queue files"

STOPPED: Final = "stopped before its turn"


class Operations:
    """Plans and executes what an operator does to one queue."""

    def __init__(
        self,
        queue: Queue,
        *,
        audit: Audit | None = None,
        vault: Vault | None = None,
        operator: Operator | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.audit = audit or Audit()
        self.vault = vault or Vault()
        self._queue = queue
        self._operator = operator or this_operator()
        self._clock = clock

    def permission(self, verb: Verb) -> Permission:
        """Whether the verb may be used here and now."""
        return self._queue.capabilities().may(verb)

    def plan(
        self,
        verb: Verb,
        targets: Iterable[Target],
        selection: str,
        *,
        keep_copy: bool = True,
        forced: bool = False,
    ) -> Plan:
        """Exactly what would happen to these messages; `selection` is how the operator named them.

        Raises NotPermitted, also where a deletion can keep no copy.
        """
        capabilities = self._queue.capabilities()
        _require(capabilities.may(verb), verb)
        if verb is Verb.DELETE and keep_copy and not capabilities.content.allowed:
            raise NotPermitted(f"no copy can be kept: {capabilities.content.why_not}", NO_COPY_HINT)
        plan = make_plan(verb, targets, selection, self._clock(), keep_copy=keep_copy, forced=forced)
        return replace(plan, steps=self._queue.steps(verb, plan.targets))

    def plan_restore(self, copies: Iterable[KeptCopy], selection: str, *, forced: bool = False) -> Plan:
        """Put kept copies back; those put back before are excluded unless `forced`."""
        targets: list[Target] = []
        excluded: list[Result] = []
        for copy in copies:
            if copy.restored is not None and not forced:
                excluded.append(Result(copy.target.queue_id, Verb.RESTORE, "refused", _restored_before(copy)))
            else:
                targets.append(copy.target)
        plan = self.plan(Verb.RESTORE, targets, selection, forced=forced)
        return replace(plan, excluded=(*plan.excluded, *excluded))

    def undo(self, record: AuditRecord) -> Plan:
        """The plan that takes back a hold, a release or a deletion: of the messages it did, as far as they are here.

        Execute it with `undoes=record.id`. Raises UsageError for what cannot be taken back.
        """
        if any(self.audit.records(limit=1, matching=lambda other: other.begin.undoes == record.id)):
            raise UsageError(f"{record.id} was taken back already", "see mxtui audit")
        done = [entry.identity for entry in self.audit.entries(record.id) if entry.result == "done"]
        selection = f"undo {record.begin.verb} {record.id}"
        match record.begin.verb:
            case Verb.DELETE:
                return self.plan_restore(self.vault.copies(audit_id=record.id), selection)
            case Verb.HOLD | Verb.RELEASE as verb:
                back = Verb.RELEASE if verb is Verb.HOLD else Verb.HOLD
                found = [(identity, self._queue.find(identity.queue_id)) for identity in done]
                here = [target_of(message) for identity, message in found if message and message.identity == identity]
                plan = self.plan(back, here, selection)
                known = {target.queue_id for target in here}
                gone = [Result(i.queue_id, back, "gone", "no longer queued") for i in done if i.queue_id not in known]
                return replace(plan, excluded=(*plan.excluded, *gone))
            case verb:
                raise UsageError(f"{verb} cannot be undone", "only hold, release and delete can be taken back")

    def execute(
        self, plan: Plan, reason: str = "", stop: threading.Event | None = None, *, undoes: str = ""
    ) -> Iterator[Result]:
        """Do what the plan says: a result for each of its targets, in the order they come to be known.

        Messages not reached when `stop` is set come back as refused. Raises, before anything is done: NotPermitted;
        AuditFailed; MxtuiError when there is no room for copies. AuditFailed may also come between batches: what is
        on disk then lacks the results of the last one, and nothing more is done.
        """
        _require(self.permission(plan.verb), plan.verb)
        act = self._begin(plan, reason, undoes)
        complete = False
        try:
            folder = None
            if plan.verb is Verb.DELETE and plan.reversible and plan.targets:
                folder = self.vault.open(act.id, plan.bytes, self._clock())
            for start in range(0, len(plan.targets), BATCH):
                batch = plan.targets[start : start + BATCH]
                if stop is not None and stop.is_set():
                    yield from self._stopped(plan, plan.targets[start:])
                    return
                yield from self._batch(act, plan, batch, folder)
            complete = True
        finally:
            act.end(complete=complete)

    def flush(self, plan: Plan, stop: threading.Event | None = None, *, reason: str = "") -> Iterator[FlushProgress]:
        """Try delivery now and follow to the verdicts. Raises as `execute` does."""
        _require(self.permission(plan.verb), plan.verb)
        act = self._begin(plan, reason, "")
        last: FlushProgress | None = None
        try:
            for last in self._queue.flush(plan.targets, stop or threading.Event()):
                yield last
        finally:
            counts = {} if last is None else _flush_counts(last)
            act.end(complete=last is not None and last.phase == "done", counts=counts)

    def _begin(self, plan: Plan, reason: str, undoes: str) -> Act:
        source = self._queue.source
        return self.audit.begin(plan, self._operator, host=source.name, queue=source.path, reason=reason, undoes=undoes)

    def _batch(self, act: Act, plan: Plan, batch: Sequence[Target], folder: Path | None) -> Iterator[Result]:
        """Act on one batch; what is known is recorded even if the caller or the queue breaks off half way."""
        results: list[Result] = []
        try:
            if plan.verb is Verb.RESTORE:
                results.extend(self._restore(target, forced=plan.forced) for target in batch)
            else:
                acted_on: Sequence[Target] = batch
                if folder is not None:
                    refused = self._keep(batch, folder)
                    results.extend(refused)
                    without = {result.queue_id for result in refused}
                    acted_on = [target for target in batch if target.queue_id not in without]
                results.extend(self._queue.act(plan.verb, acted_on))
        finally:
            act.results(results)
        yield from results

    def _keep(self, batch: Sequence[Target], folder: Path) -> list[Result]:
        """Copy a batch; the results of those that could not be copied, which must not be deleted."""

        def save(target: Target) -> Result | None:
            try:
                self._queue.save(target, folder)
            except (OSError, MxtuiError) as error:
                why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
                return Result(target.queue_id, Verb.DELETE, "refused", f"no copy could be kept: {why}")
            return None

        with ThreadPoolExecutor(COPIERS, thread_name_prefix="copy") as pool:
            refused = [result for result in pool.map(save, batch) if result is not None]
        sync_folder(folder)
        return refused

    def _restore(self, target: Target, *, forced: bool) -> Result:
        copy = self.vault.find(target.identity)
        if copy is None:
            return Result(target.queue_id, Verb.RESTORE, "gone", "the copy is no longer kept")
        if copy.restored is not None and not forced:
            return Result(target.queue_id, Verb.RESTORE, "refused", _restored_before(copy))
        # The marker comes first: after a crash in between, a message missing is noticed and a doubled one is not.
        self.vault.mark_restored(copy, "")
        result = self._queue.restore(copy.path.parent, target.identity)
        if result.result == "done":
            self.vault.mark_restored(copy, result.detail)
        else:
            self.vault.unmark_restored(copy)
        return result

    def _stopped(self, plan: Plan, targets: Sequence[Target]) -> Iterator[Result]:
        for target in targets:
            yield Result(target.queue_id, plan.verb, "refused", STOPPED)


def _require(permission: Permission, verb: Verb) -> None:
    if not permission.allowed:
        raise NotPermitted(f"{verb} is not permitted: {permission.why_not}", permission.hint)


def _restored_before(copy: KeptCopy) -> str:
    return f"was put back already: {copy.restored}" if copy.restored else "was put back already"


def _flush_counts(progress: FlushProgress) -> dict[str, int]:
    return {
        "delivered": progress.delivered,
        "deferred": progress.deferred,
        "bounced": progress.bounced,
        "unknown": progress.unknown,
        "left": progress.left,
    }
