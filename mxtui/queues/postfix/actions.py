"""Hold, release, reject, delete: through postsuper(1), one process for thousands, judged by what is so afterwards.

Never from active: a message that is taken away from qmgr while it is being delivered is lost, or sent twice. postsuper
is told the queues to look in, so one that became active meanwhile is simply not found, and refused here.

Exit codes say nothing; postsuper prints a line per message it acted on. What it did not name is looked for.
"""

import os
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from mxtui.errors import CommandFailed, NotPermitted, Unreachable
from mxtui.model.message import QueuedMessage, State
from mxtui.model.plan import Outcome, Result, Target
from mxtui.model.planning import IN_DELIVERY, needs_renewal, same_arrival
from mxtui.model.source import Verb
from mxtui.queues.postfix import queue_id
from mxtui.queues.postfix.layout import Layout
from mxtui.queues.postfix.permission import POSTSUPER, Privileges, postsuper
from mxtui.queues.postfix.queue_file import read_envelope
from mxtui.queues.postfix.run import CutShort, run
from mxtui.queues.postfix.sockets import request_delivery, wake_pickup
from mxtui.queues.postfix.whereabouts import Standing, Whereabouts, locate, standing

NAMED: Final = re.compile(
    rb"^postsuper: ([0-9A-Za-z]{6,100}): (?:placed on hold|released from hold|expired|removed|requeued)$", re.MULTILINE
)

SECONDS_EACH: Final = 0.02
"""Allowed for one message on a slow disk; 0.00003 on a good one."""

SETTLE: Final[Mapping[Verb, str]] = {Verb.RELEASE: "released", Verb.REJECT: "expired"}

TRIED_LATER: Final = "will be tried at its next retry time"

RENEWABLE: Final[tuple[State, ...]] = ("hold", "deferred", "incoming")

NOT_HELD: Final = "not held"

HELD_BY_OTHERS: Final = "held by somebody else"

UNKNOWN: Final[Mapping[Verb, str]] = {
    Verb.HOLD: "held, or left",
    Verb.RELEASE: "released, or left",
    Verb.REJECT: "returned, or left",
    Verb.DELETE: "deleted, or left",
    Verb.RENEW: "renewed, or left",
}

STANDINGS: Final[Mapping[Standing, tuple[Outcome, str]]] = {
    "same": ("done", ""),
    "gone": ("gone", "no longer queued"),
    "changed": ("changed", "this ID now names another message"),
}

Look = Callable[[Collection[str]], Mapping[str, QueuedMessage]]
"""Some messages as they are now; those missing are gone."""


@dataclass(frozen=True, slots=True)
class Sorted:
    """Targets after the last look at them."""

    going: list[Target]
    results: list[Result]
    """Of those that are not acted on."""


@dataclass(frozen=True, slots=True)
class Said:
    """What postsuper(1) said of itself."""

    named: set[str]
    """The IDs it says it acted on."""
    complaint: str = ""
    cut_short: bool = False
    """Ended by us: what it did, and did not come to say, is not known."""


class Actions:
    """Acts on one Postfix queue.

    `look` tells of some messages as they are now, for users who may not look at queue files; their word is then all
    there is.
    """

    def __init__(
        self,
        layout: Layout,
        privileges: Privileges,
        *,
        look: Look | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._layout = layout
        self._privileges = privileges
        self._look = look
        self._clock = clock

    def steps(self, verb: Verb, targets: Sequence[Target]) -> tuple[str, ...]:
        """The commands, in order, as `act` runs them."""
        if not targets:
            return ()
        if verb is Verb.RENEW:
            free = sum(target.state != "hold" for target in targets)
            hold = [self.step(POSTSUPER[Verb.HOLD], free)] if free else []
            return (*hold, self.step(POSTSUPER[verb], len(targets)))
        renewed = sum(needs_renewal(target, self._clock()) for target in targets) if verb is Verb.RELEASE else 0
        steps = []
        if renewed < len(targets):
            steps.append(self.step(POSTSUPER[verb], len(targets) - renewed))
        if renewed:
            steps.append(self.step(POSTSUPER[Verb.RENEW], renewed))
        if verb in SETTLE and renewed < len(targets):
            command = self._layout.command_directory / "postqueue"
            steps.append(f"{command} -c {self._layout.config_directory} -i ID  (each, through its socket)")
        return tuple(steps)

    def step(self, arguments: Sequence[str], count: int) -> str:
        """One run of postsuper, as an operator would type it."""
        argv = self._privileges.argv(postsuper(self._layout, arguments))
        return f"{' '.join(argv)}  < {count:,} queue ID{'' if count == 1 else 's'}"

    def act(self, verb: Verb, targets: Sequence[Target], *, try_now: bool = True) -> Iterator[Result]:
        """Do `verb` to each, after a last look at its identity. One result per target.

        Without `try_now` what is released waits for its next retry time.
        """
        checked = self.checked(verb, targets)
        yield from checked.results
        going, renewing = checked.going, []
        if verb is Verb.RENEW:
            yield from self._renew_all(going)
            return
        if verb is Verb.RELEASE:
            now = self._clock()
            renewing = [target for target in going if needs_renewal(target, now)]
            going = [target for target in going if not needs_renewal(target, now)]
        yield from self._run(verb, going, try_now=try_now)
        yield from self._renew(verb, renewing)

    def put_back(self, targets: Sequence[Target]) -> set[str]:
        """Release what was held only for a moment, as it was: neither tried now nor renewed. The IDs released."""
        return self._postsuper(POSTSUPER[Verb.RELEASE], targets).named if targets else set()

    def checked(self, verb: Verb, targets: Sequence[Target]) -> Sorted:
        """A last look at the identity of each, and where it is."""
        checked = Sorted([], [])
        judge: Callable[[Verb, Target], tuple[Outcome, str]] = self._by_file
        if self._look is not None:
            judge = partial(_by_listing, self._look({target.queue_id for target in targets}))
        for target in targets:
            outcome, detail = judge(verb, target) if queue_id.valid(target.queue_id) else ("refused", "not a queue ID")
            if outcome == "done":
                checked.going.append(target)
            else:
                checked.results.append(Result(target.queue_id, verb, outcome, detail))
        return checked

    def _by_file(self, verb: Verb, target: Target) -> tuple[Outcome, str]:
        """`done` for a target that may be acted on."""
        try:
            here = locate(self._layout, target.queue_id)
            outcome, detail = STANDINGS[standing(target.identity, here)]
        except OSError as error:
            return "failed", f"its queue file cannot be read: {error.strerror}"
        if outcome == "done" and here is not None and (why := _moved(verb, target, here.state)):
            return "refused", why
        return outcome, detail

    def _run(self, verb: Verb, targets: Sequence[Target], *, try_now: bool) -> Iterator[Result]:
        if not targets:
            return
        said = self._postsuper(POSTSUPER[verb], targets)
        named = [target.queue_id for target in targets if target.queue_id in said.named]
        after = self._after_retry(verb, named) if try_now else ""
        for target in targets:
            if target.queue_id in said.named:
                outcome, detail = self._evidence(verb, target)
                yield Result(target.queue_id, verb, outcome, detail or after)
            else:
                yield self._unnamed(verb, target, said)

    def _postsuper(self, arguments: Sequence[str], targets: Sequence[Target]) -> Said:
        ids = b"".join(target.queue_id.encode() + b"\n" for target in targets)
        argv = self._privileges.argv(postsuper(self._layout, arguments))
        try:
            done = run(argv, input=ids, timeout=30 + SECONDS_EACH * len(targets))
        except CommandFailed as error:
            return Said(set(), error.message, isinstance(error, CutShort))
        named = {match.decode() for match in NAMED.findall(done.stderr)}
        complaints = [line for line in done.complaint.splitlines() if "fatal" in line or "sudo" in line]
        if done.status < 0:
            complaints.append(f"postsuper was killed by signal {-done.status}")
        return Said(named, complaints[-1] if complaints else "", done.status < 0)

    def _after_retry(self, verb: Verb, ids: Sequence[str]) -> str:
        """A released message keeps its retry time, and a rejected one waits for it too: have them tried now."""
        if verb not in SETTLE:
            return ""
        try:
            for _ in request_delivery(self._layout.queue_directory, ids):
                pass
        except NotPermitted:
            return self._postqueue(ids)
        except Unreachable:
            return f"{SETTLE[verb]}; {TRIED_LATER}"
        return ""

    def _postqueue(self, ids: Sequence[str]) -> str:
        """The road for those outside of the group postdrop: a process each."""
        command = [str(self._layout.command_directory / "postqueue"), "-c", str(self._layout.config_directory), "-i"]
        for each in ids:
            try:
                done = run([*command, each])
            except CommandFailed:
                return TRIED_LATER
            if done.status:
                return TRIED_LATER
        return ""

    def _evidence(self, verb: Verb, target: Target) -> tuple[Outcome, str]:
        """Whether what postsuper says it did is so; hold and delete leave a state that can be looked at."""
        if self._look is not None or verb not in (Verb.HOLD, Verb.DELETE):
            return "done", ""
        here = locate(self._layout, target.queue_id)
        same = _same_file(target, here)
        if verb is Verb.DELETE:
            return ("failed", "still queued afterwards") if same else ("done", "")
        if not same or here is None:
            return "failed", "not in hold afterwards: no longer queued"
        return ("done", "") if here.state == "hold" else ("failed", f"not in hold afterwards: {here.state}")

    def _unnamed(self, verb: Verb, target: Target, said: Said) -> Result:
        """postsuper passed it over: because it moved, is gone, or could not be acted on."""
        here = None if self._look is not None else locate(self._layout, target.queue_id)
        same = _same_file(target, here)
        if said.complaint:
            if said.cut_short and not _untouched(verb, target, here):
                what = f"{UNKNOWN[verb]}: outcome unknown"
                return Result(target.queue_id, verb, "failed", f"{what} ({said.complaint})", unsure=True)
            return Result(target.queue_id, verb, "failed", said.complaint)
        if self._look is not None:
            return Result(target.queue_id, verb, "refused", "gone, or in delivery now")
        if here is None or not same:
            return Result(target.queue_id, verb, "gone", "no longer queued")
        if verb is Verb.HOLD and here.state == "hold":
            return Result(target.queue_id, verb, "refused", HELD_BY_OTHERS)
        return Result(target.queue_id, verb, "refused", IN_DELIVERY if here.state == "active" else f"in {here.state}")

    def _renew_all(self, targets: Sequence[Target]) -> Iterator[Result]:
        """Renew what is in hold, and what gets there first; whatever then is not renewed is let go as it was."""
        fit: dict[str, Target] = {}
        for target in targets:
            if why := self._not_renewable(target):
                yield Result(target.queue_id, Verb.RENEW, "refused", why)
            else:
                fit[target.queue_id] = target
        free = [target for target in fit.values() if target.state != "hold"]
        for result in self._run(Verb.HOLD, free, try_now=False):
            if result.result != "done":
                del fit[result.queue_id]
                yield result._replace(action=Verb.RENEW)
        left: list[Target] = []
        for result in self._renew(Verb.RENEW, list(fit.values())):
            target = fit[result.queue_id]
            if result.result not in ("done", "gone") and target.state != "hold":
                left.append(target)
            yield result
        self.put_back(left)

    def _renew(self, verb: Verb, targets: Sequence[Target]) -> Iterator[Result]:
        """Release mail past its lifetime under a new ID and with a new lifetime. Never in delivery: from hold only."""
        going = []
        for target in targets:
            if why := self._not_renewable(target, RENEWABLE[:1]):
                lead = "expires at once, and " if verb is Verb.RELEASE else ""
                yield Result(target.queue_id, verb, "refused", why if why == NOT_HELD else lead + why)
            else:
                going.append(target)
        if not going:
            return
        said = self._postsuper(POSTSUPER[Verb.RENEW], going)
        with suppress(NotPermitted, Unreachable):  # pickup looks by itself within the minute
            wake_pickup(self._layout.queue_directory)
        for target in going:
            if target.queue_id in said.named:
                yield Result(target.queue_id, verb, "done", "renewed: queued again under a new ID", renewed=True)
            else:
                yield self._unnamed(verb, target, said)

    def _not_renewable(self, target: Target, states: Sequence[State] = RENEWABLE) -> str:
        try:
            here = locate(self._layout, target.queue_id, states)
            if here is None:
                return NOT_HELD
            envelope = read_envelope(os.fspath(here.path))
        except OSError as error:
            return f"its file cannot be read to renew it safely: {error.strerror}"
        dropped = [name for name, value in (("FILTER", envelope.filter), ("REDIRECT", envelope.redirect)) if value]
        if dropped:
            return f"renewing would drop its {' and '.join(dropped)}"
        return ""


def _same_file(target: Target, here: Whereabouts | None) -> bool:
    """Whether the file met under an ID is the one that was meant; 0 where the plan came from a listing."""
    return here is not None and target.identity.inode in (0, here.inode)


def _untouched(verb: Verb, target: Target, here: Whereabouts | None) -> bool:
    """Whether where a message is proves that nothing was done to it."""
    match verb:
        case Verb.DELETE:
            return _same_file(target, here)
        case Verb.REJECT:
            return False  # what is marked to be returned stays where it is until it is tried
        case _:
            held = here is not None and here.state == "hold"
            return _same_file(target, here) and held == (target.state == "hold")


def _moved(verb: Verb, target: Target, state: State) -> str:
    """Why a message that moved since it was planned for is left alone; empty when it is not."""
    if state == "active":
        return IN_DELIVERY
    if verb in (Verb.DELETE, Verb.QUARANTINE) and target.state == "hold" and state != "hold":
        return f"no longer held: in {state}"  # somebody wanted it delivered; and a copy of it may be out of date
    return ""


def _by_listing(listed: Mapping[str, QueuedMessage], verb: Verb, target: Target) -> tuple[Outcome, str]:
    """As `_by_file`, from Postfix's own listing, which tells arrival in whole seconds."""
    message = listed.get(target.queue_id)
    if message is None:
        return STANDINGS["gone"]
    if not same_arrival(message.arrival, target.identity.arrival):
        return STANDINGS["changed"]
    why = _moved(verb, target, message.state)
    return ("refused", why) if why else STANDINGS["same"]
