"""The only road from a plan to a queue, for the console and for the commands alike.

    plan → (the operator confirms) → intent recorded → act in batches, results recorded after each → sums recorded

Generators block and are run in threads. One that is closed early (the terminal went away) leaves a definite state:
every batch that was acted on is in the audit with its results.
"""

import socket
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from mxtui.audit import Act, Audit, AuditRecord, Operator, this_operator
from mxtui.draining import Draining
from mxtui.errors import AuditFailed, NotPermitted, UsageError
from mxtui.left import Left, LeftByGuards, as_left, is_left
from mxtui.model.holds import DomainHold, held_for, in_force, names_a_hold, release_cautions
from mxtui.model.kept import kept_name
from mxtui.model.message import Identity, QueuedMessage
from mxtui.model.plan import Caution, FlushProgress, Plan, Result, Target
from mxtui.model.planning import make_plan, needs_renewal, same_message, target_of
from mxtui.model.redirect import BACK, Redirect
from mxtui.model.source import Permission, Verb
from mxtui.model.words import clock
from mxtui.queues.queue import Forewarning, Holding, Queue, Recording, Redirectable
from mxtui.vault import KeptCopy, Vault

BATCH: Final = 2_000
"""Messages acted on between two looks at `stop`, and per line of progress; 0.1 s of postsuper."""

NO_COPY_HINT: Final = "Delete without a copy (--no-copy), or with the right to read queue files."

STOPPED: Final = "stopped before its turn"

UNDONE: Final = ("refused", "gone", "changed")
"""Results that say for certain that nothing was done: there is nothing to take back."""


TAKEN_BACK_BY: Final[Mapping[Verb, Verb]] = {
    Verb.HOLD: Verb.RELEASE,
    Verb.RELEASE: Verb.HOLD,
    Verb.REDIRECT: Verb.REDIRECT,
    Verb.DELETE: Verb.RESTORE,
    Verb.QUARANTINE: Verb.UNQUARANTINE,
    Verb.UNQUARANTINE: Verb.QUARANTINE,
}
"""What can be undone, and by what."""

IN_HOLD: Final = ("hold", "quarantine")
"""States in which nothing has to be held first, so that it stays where it is while it is copied."""

LET_GO: Final = "each is released when its turn comes, the canary first; what the guard stops short of stays in hold"

LEFT: Final = "left by a drain that its guard stopped"
"""How a guard names what it holds."""

UNDO_HINT: Final = "only hold, release, quarantine, redirect and delete can be taken back"


class Operations:
    """Plans and executes what an operator does to one queue."""

    def __init__(
        self,
        queue: Queue,
        *,
        audit: Audit | None = None,
        vault: Vault | None = None,
        operator: Operator | None = None,
        left: LeftByGuards | None = None,
        holds: Callable[[], Mapping[str, DomainHold]] = dict,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`holds` tells which domains are held, and raises what reading them does."""
        self.audit = audit or Audit()
        self.vault = vault or Vault()
        self._queue = queue
        self._left = left
        self._holds = holds
        self._operator = operator or this_operator()
        self._clock = clock

    @property
    def operator_name(self) -> str:
        """Who is at the keyboard: the login, or whoever called sudo, as the audit has it."""
        return self._operator.sudo_user or self._operator.login

    def note(self, did: str, selection: str, reason: str) -> None:
        """Put on record what is done to no message: an alert acknowledged, a drill. Raises AuditFailed: do it not."""
        source = self._queue.source
        self.audit.note(did, self._operator, host=source.name, queue=source.path, selection=selection, reason=reason)

    def telling(self, did: str, targets: Sequence[Target], selection: str, reason: str) -> Act:
        """Put on record what others are about to be told of these messages, which stay as they are: that they are spam.

        Raises AuditFailed: tell nobody.
        """
        source = self._queue.source
        return self.audit.begin_telling(
            did, targets, self._operator, host=source.name, queue=source.path, selection=selection, reason=reason
        )

    def permission(self, verb: Verb) -> Permission:
        """Whether the verb may be used here and now."""
        return self._queue.capabilities().may(verb)

    def find_all(self, queue_ids: Collection[str]) -> Mapping[str, QueuedMessage]:
        """Some messages as they are now; those missing are gone. Raises what the queue does."""
        return self._queue.find_all(queue_ids)

    def plan(
        self,
        verb: Verb,
        targets: Iterable[Target],
        selection: str,
        *,
        keep_copy: bool = True,
        forced: bool = False,
        steps: tuple[str, ...] | None = None,
        where: Redirect | None = None,
    ) -> Plan:
        """Exactly what would happen to these messages; `selection` is how the operator named them, `where` where to.

        `steps` are those of a flush by our own sender: the queue's engine has no part in it, and need not run.
        Raises as `Permission.require` does; NotPermitted, also where a deletion can keep no copy; UsageError, of `vet`.
        """
        targets = tuple(targets)
        left = self._left_by_guards() if verb in (Verb.FLUSH, Verb.RELEASE) else {}
        if steps is not None:
            plan = make_plan(verb, targets, selection, self._clock(), forced=forced, admitted=self._admitted(left))
            plan = replace(plan, steps=steps, cautions=(*_about_left(plan, left, self._clock()), *plan.cautions))
            return self._about_holds(plan, targets)
        capabilities = self._queue.capabilities()
        capabilities.may(verb).require(verb)
        if where is not None:
            self.vet(where)
        if verb is Verb.DELETE and keep_copy and not capabilities.content.allowed:
            raise NotPermitted(f"no copy can be kept: {capabilities.content.why_not}", NO_COPY_HINT)
        plan = make_plan(
            verb, targets, selection, self._clock(),
            keep_copy=keep_copy, forced=forced, where=where,
            admitted=self._admitted(left if verb is Verb.FLUSH else {}),
        )  # fmt: skip
        warned = self._queue.cautions(verb) if isinstance(self._queue, Forewarning) and plan.targets else ()
        plan = replace(plan, cautions=(*warned, *_about_left(plan, left, self._clock()), *plan.cautions))
        plan = self._about_holds(plan, targets)
        keeping = verb is Verb.DELETE and keep_copy
        hold = capabilities.may(Verb.HOLD)
        if keeping and not hold.allowed and any(target.state not in IN_HOLD for target in plan.targets):
            raise NotPermitted(f"no copy can be kept, for it is made in hold: {hold.why_not}", hold.hint)
        return replace(plan, steps=self._queue.steps(verb, plan.targets, keep_copy=keeping))

    def plan_letting_go(self, release: Plan, *, forced: bool = False) -> Plan:
        """A flush of what a plan would release: each message only when its turn comes, the canary first.

        What the drain does not come to stays in hold. Raises as `Permission.require` does.
        """
        self.permission(Verb.FLUSH).require(Verb.FLUSH)
        now = self._clock()
        plan = make_plan(
            Verb.FLUSH, release.targets, release.selection, now, forced=forced, admitted=lambda _: True
        )  # fmt: skip
        steps = self._queue.steps(Verb.FLUSH, plan.targets)
        commands = {step.partition("  (")[0] for step in steps}
        first = [step for step in release.steps if step.partition("  (")[0] not in commands]
        batches = [Caution("Batch by batch", LET_GO)] if plan.targets else []
        return replace(
            plan,
            cautions=(*batches, *release.cautions, *plan.cautions),
            excluded=release.excluded,
            steps=(*first, *steps),
        )

    def _left_by_guards(self) -> Mapping[str, Left]:
        known = {} if self._left is None else self._left.known()
        return as_left(known, self._queue.held_since(known)) if known and isinstance(self._queue, Holding) else known

    def _about_holds(self, plan: Plan, targets: Sequence[Target]) -> Plan:
        """A release or a flush, with what the holds of domains have to do with it; none of a hold's own acts."""
        concerned = plan.verb in (Verb.FLUSH, Verb.RELEASE) and not names_a_hold(plan.selection)
        if not concerned or not any(target.state == "hold" for target in targets):
            return plan
        now = self._clock()
        holds = in_force(self._holds().values(), now)
        if not holds:
            return plan
        if plan.verb is Verb.FLUSH:
            return replace(plan, excluded=tuple(held_for(plan.excluded, targets, holds)))
        if self._queue.source.kind != "postfix":
            return plan  # whoever delivers leaves the domain alone
        return replace(plan, cautions=(*release_cautions(plan.targets, holds, now), *plan.cautions))

    def _admitted(self, left: Mapping[str, Left]) -> Callable[[Target], bool]:
        """What a guard held may be flushed all the same, but where Postfix would renew it under another ID."""
        renewing = self._queue.source.kind == "postfix"

        def admitted(target: Target) -> bool:
            return is_left(target, left) and not (renewing and needs_renewal(target, self._clock()))

        return admitted

    def vet(self, where: Redirect) -> None:
        """Raise UsageError where redirected mail would go round in circles, or nowhere."""
        if isinstance(self._queue, Redirectable | Recording):
            self._queue.vet(where)

    def copies(self, *, audit_id: str | None = None, queue_id: str | None = None) -> Iterator[KeptCopy]:
        """What was deleted from this queue and can be put back into it, newest deletion first."""
        return self.vault.copies(audit_id=audit_id, queue_id=queue_id, of=self._queue.source)

    def latest_undoable(self) -> AuditRecord | None:
        """The last act on this queue that can be taken back, unless it was."""
        path = self._queue.source.path

        def can(record: AuditRecord) -> bool:
            begin = record.begin
            return begin.verb in TAKEN_BACK_BY and begin.queue == path and not names_a_hold(begin.selection)

        return next(self.audit.records(limit=1, matching=can), None)

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
        """The plan that takes an act back (`TAKEN_BACK_BY`): of the messages it did, as far as they are here.

        Redirected messages go back to where they were going when they came. What was released out of quarantine goes
        there again; released together with what was held, it goes into hold with that.

        Execute it with `undoes=record.id`. Raises UsageError for what cannot be taken back.
        """

        def took_back(other: AuditRecord) -> bool:
            return other.begin.undoes == record.id and other.counts.get("done", 0) > 0

        if names_a_hold(record.begin.selection):
            raise UsageError(f"{record.id} belongs to a hold of a domain", "mxtui migrate end, or resume, ends that.")
        if record.begin.queue != self._queue.source.path:
            raise UsageError(f"that was done to another queue, {record.begin.queue}", "Attach to that one (mxtui -q).")
        if any(self.audit.records(limit=1, matching=took_back)):
            raise UsageError(f"{record.id} was taken back already", "See mxtui audit.")
        entries = self.audit.entries(record.id)
        selection = f"undo {record.begin.verb} {record.id}"
        match record.begin.verb:
            case Verb.DELETE:
                undone = {kept_name(entry.identity) for entry in entries if entry.result in UNDONE}
                copies = self.copies(audit_id=record.id)
                return self.plan_restore((copy for copy in copies if copy.path.name not in undone), selection)
            case Verb.REDIRECT if record.begin.to == str(BACK):
                raise UsageError("what was sent back has lost where it went", "redirect it again")
            case Verb.HOLD | Verb.RELEASE | Verb.REDIRECT | Verb.QUARANTINE | Verb.UNQUARANTINE as verb:
                # Of those without a result (killed, or the disk was full) the state they are in tells the rest.
                perhaps = [entry for entry in entries if entry.result in ("done", None)]
                done = [entry.identity for entry in perhaps]
                back = TAKEN_BACK_BY[verb]
                if verb is Verb.RELEASE and perhaps and all(entry.quarantined for entry in perhaps):
                    back = Verb.QUARANTINE
                queued = self._queue.find_all([identity.queue_id for identity in done])
                here = [target_of(queued[each.queue_id]) for each in done if _is_among(queued, each)]
                plan = self.plan(back, here, selection, where=BACK if back is Verb.REDIRECT else None)
                known = {target.queue_id for target in here}
                gone = [Result(i.queue_id, back, "gone", "no longer queued") for i in done if i.queue_id not in known]
                return replace(plan, excluded=(*plan.excluded, *gone))
            case verb:
                raise UsageError(f"{verb} cannot be undone", UNDO_HINT)

    def execute(
        self,
        plan: Plan,
        reason: str = "",
        stop: threading.Event | None = None,
        *,
        undoes: str = "",
        identifier: str = "",
        batch: int = BATCH,
    ) -> Iterator[Result]:
        """Do what the plan says: a result for each of its targets, in the order they come to be known, so many at once.

        `identifier` is what the act is called where it was asked for.

        Messages not reached when `stop` is set come back as refused. Raises, before anything is done: as
        `Permission.require` does; AuditFailed; Guarded when there is no room for copies. ResultsLost comes after a
        batch, once its results were told: what is on disk lacks them, and nothing more is done.
        """
        self.permission(plan.verb).require(plan.verb)
        act = self._begin(plan, reason, undoes, identifier)
        complete = False
        try:
            if isinstance(self._queue, Recording):
                by = f"{self.operator_name}@{socket.gethostname()}"
                asked = self._queue.carry_out(plan, act.id, by=by, reason=reason, undoes=undoes, stop=stop)
                for results in asked:
                    yield from self._recorded(act, results)
                complete = stop is None or not stop.is_set()
                return
            folder = None
            if plan.verb is Verb.DELETE and plan.reversible and plan.targets:
                folder = self.vault.open(act.id, plan.bytes, self._clock())
            for start in range(0, len(plan.targets), batch):
                if stop is not None and stop.is_set():
                    stopped = [Result(t.queue_id, plan.verb, "refused", STOPPED) for t in plan.targets[start:]]
                    yield from self._recorded(act, stopped)
                    return
                yield from self._batch(act, plan, plan.targets[start : start + batch], folder)
            complete = True
        finally:
            act.end(complete=complete)

    def flush(self, plan: Plan, draining: Draining, *, reason: str = "") -> Iterator[FlushProgress]:
        """Drain, and follow to the verdicts. What the guard leaves untried is held, where that is permitted.

        Raises as `execute` does, and what the way of delivering raises.
        """
        if draining.way is self._queue:
            self.permission(plan.verb).require(plan.verb)
        act = self._begin(plan, reason, "")
        last: FlushProgress | None = None
        gone: set[str] = set()
        put_off: set[str] = set()
        try:
            for last in draining.run():
                if last.closed:
                    gone.update(each.queue_id for each in last.closed if each.fate not in ("deferred", "refused"))
                    put_off.update(each.queue_id for each in last.closed if each.fate == "deferred")
                    act.verdicts(last.closed)
                yield last
        finally:
            if self._left is not None:
                self._left.forget(gone)
                self._left.seen(put_off, self._clock())
            counts = {} if last is None else _flush_counts(last)
            # A drain also ends when nothing was heard for long: of what is left by then nobody knows.
            complete = last is not None and last.phase == "done" and not last.left
            act.end(complete=complete, counts=counts)

    def hold_untried(self, left: Sequence[Target], why: str, batch: int = BATCH) -> Iterator[Result]:
        """Hold what a guard left untried: Postfix, or serve, would try it by itself. Results as of `execute`, as it."""
        if not left or not self.permission(Verb.HOLD).allowed:
            return
        plan = self.plan(Verb.HOLD, left, LEFT)
        if self._left is not None:
            with suppress(OSError):  # they are held all the same, and then for an operator to release
                self._left.add(plan.targets, self._clock())
        yield from self.execute(plan, why, batch=batch)

    def _begin(self, plan: Plan, reason: str, undoes: str, identifier: str = "") -> Act:
        source = self._queue.source
        return self.audit.begin(
            plan, self._operator,
            host=source.name, queue=source.path, reason=reason, undoes=undoes, identifier=identifier,
        )  # fmt: skip

    def _batch(self, act: Act, plan: Plan, batch: Sequence[Target], folder: Path | None) -> Iterator[Result]:
        """Act on one batch; what is known is recorded even if the caller or the queue breaks off half way."""
        results: list[Result] = []
        try:
            match plan.verb:
                case Verb.RESTORE:
                    queued = self._queue.find_all([target.queue_id for target in batch])
                    results.extend(self._restore(target, queued, forced=plan.forced) for target in batch)
                case Verb.DELETE if folder is not None:
                    results.extend(self._queue.delete(batch, folder))
                case Verb.REDIRECT if plan.where is not None and isinstance(self._queue, Redirectable):
                    results.extend(self._queue.redirect(batch, plan.where))
                case verb:
                    results.extend(self._queue.act(verb, batch))
        except BaseException:
            act.results(results)
            raise
        if self._left is not None and plan.selection != LEFT:  # somebody decides about them himself
            self._left.forget({result.queue_id for result in results if result.result == "done"})
        yield from self._recorded(act, results)

    def _recorded(self, act: Act, results: Sequence[Result]) -> Iterator[Result]:
        """On record first, then told; told even where they cannot be recorded, for it has happened."""
        failure: AuditFailed | None = None
        try:
            act.results(results)
        except AuditFailed as error:
            failure = error
        yield from results
        if failure is not None:
            raise failure

    def _restore(self, target: Target, queued: Mapping[str, QueuedMessage], *, forced: bool) -> Result:
        def refused(why: str) -> Result:
            return Result(target.queue_id, Verb.RESTORE, "refused", why)

        copy = self.vault.find(target.identity)
        if copy is None:
            return Result(target.queue_id, Verb.RESTORE, "gone", "the copy is no longer kept")
        if _is_among(queued, target.identity):
            return refused("was not deleted: still queued")  # the outcome of its deletion was unknown
        if copy.restored is not None and not forced:
            return refused(_restored_before(copy))
        # The marker comes first: after a crash in between, a message missing is noticed and a doubled one is not.
        self.vault.mark_restored(copy, "")
        result = self._queue.restore(copy.path.parent, target.identity)
        if result.result == "done" or result.unsure:
            self.vault.mark_restored(copy, result.detail)
        else:
            self.vault.unmark_restored(copy)
        return result


def _about_left(plan: Plan, left: Mapping[str, Left], now: float) -> Iterator[Caution]:
    """How much of a flush, or of a release, is what a guard held."""
    held = [left[each.queue_id] for each in plan.targets if is_left(each, left)] if left else []
    if held:
        at = clock(max(each.at for each in held), now)
        are = "is" if len(held) == 1 else "are"
        how = "released batch by batch" if plan.verb is Verb.FLUSH else "and past the guard: flush tries it in batches"
        yield Caution("Held by a guard", f"{len(held):,} held by the drain of {at} {are} part of it, {how}")


def _restored_before(copy: KeptCopy) -> str:
    return f"was put back already: {copy.restored}" if copy.restored else "was put back already"


def _is_among(queued: Mapping[str, QueuedMessage], identity: Identity) -> bool:
    message = queued.get(identity.queue_id)
    return message is not None and same_message(message.identity, identity)


def _flush_counts(progress: FlushProgress) -> dict[str, int]:
    return {
        "delivered": progress.delivered,
        "deferred": progress.deferred,
        "bounced": progress.bounced,
        "refused": progress.refused,
        "unknown": progress.unknown,
        "left": progress.left,
    }
