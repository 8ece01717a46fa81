"""Hold, release, quarantine, redirect, reject, delete: each on a claimed message, so that nobody delivers it meanwhile.

Many go through each step together, and share their fsyncs. Nothing is taken out of a delivery: a message that somebody
has in hand is refused, if it still is after a moment.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Final

from mxtui.errors import InDelivery, MxtuiError, Unreachable, UsageError
from mxtui.model.envelope import Envelope, EnvelopeRecipient
from mxtui.model.plan import Outcome, Result, Target
from mxtui.model.planning import IN_DELIVERY, RENEW_WITHIN, refusal, same_arrival
from mxtui.model.redirect import Redirect, redirected
from mxtui.model.source import Verb
from mxtui.model.words import duration, some
from mxtui.queues.spool.claim import Claim
from mxtui.queues.spool.rows import visible
from mxtui.queues.spool.store import Spool
from mxtui.queues.spool.together import Job
from mxtui.queues.spool.writer import AT_ONCE

LIFETIME: Final = 5 * 86400.0
"""Seconds that renewed mail gets where no other lifetime is configured (RFC 5321 4.5.4.1: 4 to 5 days at least)."""

Notice = Callable[[Claim], bool]
"""Tells the sender that a message is given up; whether it wanted to know. Raises MxtuiError, OSError: not told."""

TURNS: Final = 4
"""Times that a message in delivery is asked for."""

PAUSE: Final = 0.25
"""Seconds between two of them."""

KEPT_STATES: Final = ("hold", "quarantine", "failed")
"""States that mail leaves because somebody wants it delivered."""


class Actions:
    """Acts on one spool. `changed` is told of the IDs that were acted on, after each batch."""

    def __init__(
        self,
        spool: Spool,
        *,
        notice: Notice | None = None,
        lifetime: float = LIFETIME,
        changed: Callable[[Sequence[str]], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._spool = spool
        self._notice = notice
        self._lifetime = lifetime
        self._changed = changed
        self._clock = clock

    def act(self, verb: Verb, targets: Sequence[Target]) -> Iterator[Result]:
        """Do `verb` to each, after a last look at it. One result per target."""
        return self.carry_out(verb, targets, self._job(verb))

    def redirect(self, targets: Sequence[Target], where: Redirect) -> Iterator[Result]:
        """Send each elsewhere. What is held stays held; the rest is tried at once."""
        writer = self._spool.writer

        def job(_: Target, claim: Claim) -> tuple[Job, str]:
            before = claim.envelope
            after = redirected(before.recipients, where)
            if after == before.recipients:
                raise UsageError("none of its recipients would go elsewhere")
            again = replace(before, recipients=after)
            said = _came_as(before.recipients, after)
            if claim.state == "hold":
                return writer.recording(claim, again), said
            again, told = self._renewed(replace(again, next_retry=None, why="", returning=False))
            said = "; ".join(filter(None, (said, told)))
            if claim.state == "deferred":
                return writer.recording(claim, again), said
            return writer.moving(claim, "deferred", again), said

        return self.carry_out(Verb.REDIRECT, targets, job)

    def carry_out(
        self, verb: Verb, targets: Sequence[Target], job: Callable[[Target, Claim], tuple[Job, str]]
    ) -> Iterator[Result]:
        """Claim each, drive what `job` makes of it (and the detail of its success), tell the result."""
        for start in range(0, len(targets), AT_ONCE):
            with ExitStack() as held:
                results: list[Result] = []
                jobs: list[tuple[Target, Claim, Envelope, Job, str]] = []
                some = targets[start : start + AT_ONCE]
                for target, claimed in zip(some, self._all_claimed(verb, some, held), strict=True):
                    if isinstance(claimed, Result):
                        results.append(claimed)
                        continue
                    try:
                        jobs.append((target, claimed, claimed.envelope, *job(target, claimed)))
                    except (Unreachable, OSError) as error:
                        results.append(Result(target.queue_id, verb, "failed", _words(error)))
                    except MxtuiError as error:
                        results.append(Result(target.queue_id, verb, "refused", _words(error)))
                outcomes = self._spool.writer.run(each for _, _, _, each, _ in jobs)
                for (target, claim, before, _, detail), outcome in zip(jobs, outcomes, strict=True):
                    results.append(_result(verb, target, claim, before, detail, outcome))
            self._changed([result.queue_id for result in results if result.result == "done" or result.unsure])
            yield from results

    def released(self, envelope: Envelope) -> tuple[Envelope, str]:
        """The envelope as it is tried again: at once, all who do not have it, and with time left. And what to tell."""
        recipients = tuple(
            replace(each, fate="waiting") if each.fate == "refused" else each for each in envelope.recipients
        )
        return self._renewed(replace(envelope, recipients=recipients, next_retry=None, why="", returning=False, was=""))

    def _renewed(self, envelope: Envelope) -> tuple[Envelope, str]:
        now = self._clock()
        if envelope.expires > now + RENEW_WITHIN:
            return envelope, ""
        return self._with_lifetime(envelope)

    def _with_lifetime(self, envelope: Envelope) -> tuple[Envelope, str]:
        again = replace(envelope, expires=self._clock() + self._lifetime)
        return again, f"renewed: {duration(self._lifetime)} more to live"

    def _job(self, verb: Verb) -> Callable[[Target, Claim], tuple[Job, str]]:
        writer = self._spool.writer

        def hold(_: Target, claim: Claim) -> tuple[Job, str]:
            return writer.moving(claim, "hold", None), ""

        def release(_: Target, claim: Claim) -> tuple[Job, str]:
            again, told = self.released(claim.envelope)
            return writer.moving(claim, "deferred", again if again != claim.envelope else None), told

        def renew(_: Target, claim: Claim) -> tuple[Job, str]:
            again, told = self._with_lifetime(claim.envelope)
            return writer.recording(claim, again), told

        def reject(_: Target, claim: Claim) -> tuple[Job, str]:
            assert self._notice is not None
            told = "" if self._notice(claim) else "no notice: the sender asked for none"
            return writer.finishing(claim), told

        def delete(_: Target, claim: Claim) -> tuple[Job, str]:
            return writer.finishing(claim), ""

        def quarantine(_: Target, claim: Claim) -> tuple[Job, str]:
            was = claim.state if claim.state in ("hold", "failed") else ""
            again = replace(claim.envelope, was=was)
            return writer.moving(claim, "quarantine", again if was else None), ""

        def unquarantine(_: Target, claim: Claim) -> tuple[Job, str]:
            state = claim.envelope.was or "deferred"
            again, told = replace(claim.envelope, was=""), ""
            if state == "deferred":
                again, told = self._renewed(again)
            where = "" if state == "deferred" else f"in {state} again"
            return writer.moving(claim, state, again if again != claim.envelope else None), told or where

        jobs = {
            Verb.HOLD: hold, Verb.RELEASE: release, Verb.RENEW: renew, Verb.REJECT: reject, Verb.DELETE: delete,
            Verb.QUARANTINE: quarantine, Verb.UNQUARANTINE: unquarantine,
        }  # fmt: skip
        return jobs[verb]

    def _all_claimed(self, verb: Verb, targets: Sequence[Target], held: ExitStack) -> list[Claim | Result]:
        """Each, until `held` ends. What is in delivery gets some time: a primary that is down is tried now and then."""

        def claim(target: Target) -> Claim | Result:
            claimed = self._claimed(verb, target)
            return claimed if isinstance(claimed, Result) else held.enter_context(claimed)

        claimed = [claim(target) for target in targets]
        for _ in range(TURNS - 1):
            busy = [n for n, each in enumerate(claimed) if isinstance(each, Result) and each.detail == IN_DELIVERY]
            if not busy:
                break
            time.sleep(PAUSE)
            for number in busy:
                claimed[number] = claim(targets[number])
        return claimed

    def _claimed(self, verb: Verb, target: Target) -> Claim | Result:
        def result(outcome: Outcome, detail: str) -> Result:
            return Result(target.queue_id, verb, outcome, detail)

        try:
            claim = self._spool.claim(target.queue_id)
        except InDelivery:
            return result("refused", IN_DELIVERY)
        except (MxtuiError, OSError) as error:
            return result("failed", f"its envelope cannot be taken in hand: {_words(error)}")
        if claim is None:
            return result("gone", "no longer queued, or set aside as corrupt")
        if not same_arrival(claim.envelope.arrival, target.identity.arrival):
            claim.release()
            return result("changed", "this ID now names another message")
        if why := _moved(verb, target, claim):
            claim.release()
            return result("refused", why)
        return claim


def _moved(verb: Verb, target: Target, claim: Claim) -> str:
    """Why a message is left alone in the state that it is in by now; empty when it is not."""
    if verb in (Verb.DELETE, Verb.REJECT) and target.state in KEPT_STATES and claim.state != target.state:
        return f"no longer in {target.state}: in {claim.state}"
    return refusal(verb, claim.state)


def _came_as(before: Sequence[EnvelopeRecipient], after: Sequence[EnvelopeRecipient]) -> str:
    """Who a message was for; empty where the addresses stay."""
    old = [was.address for was, now in zip(before, after, strict=True) if was.address != now.address]
    return f"was for {some([visible(each) for each in old])}" if old else ""


def _result(verb: Verb, target: Target, claim: Claim, before: Envelope, detail: str, outcome: OSError | None) -> Result:
    if outcome is None:
        return Result(target.queue_id, verb, "done", detail)
    # The name has changed, and only a power cut now could bring the old one back.
    gone = verb in (Verb.DELETE, Verb.REJECT) and not claim.held
    moved = claim.state != target.state
    elsewhere = verb is Verb.REDIRECT and claim.envelope is not before
    unsure = gone or moved or elsewhere
    words = _words(outcome)
    if elsewhere and claim.state == "failed":
        words = f"in part only, for it is in failed still: {words}"
    elif unsure:
        words = f"done, and perhaps not for good: {words}"
    return Result(target.queue_id, verb, "failed", words, unsure)


def _words(error: Exception) -> str:
    if isinstance(error, MxtuiError):
        return f"{error.message}: {error.hint}" if error.hint else error.message
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
