"""What an attempt means for the message: done with, to be tried again, or a matter for the operator. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Literal

from mxtui.delivery.session import Said
from mxtui.model.envelope import Envelope, EnvelopeRecipient

Next = Literal["finish", "record", "fail"]
"""`fail` moves it to `failed`, where the operator sees it; nothing is ever dropped or returned from here."""


WHY_LIMIT: Final = 500


@dataclass(frozen=True, slots=True)
class Judged:
    """The message after an attempt."""

    next: Next
    envelope: Envelope


def pause(attempts: int, first: float, longest: float) -> float:
    """Seconds after so many attempts in vain: doubled each time.

    >>> [pause(n, 300, 3600) for n in (1, 2, 4, 5, 4000)]
    [300, 600, 2400, 3600, 3600]
    """
    return min(longest, first * (1 << min(max(attempts - 1, 0), 40)))


def judge(envelope: Envelope, said: Iterable[Said], *, host: str, now: float, next_retry: float | None) -> Judged:
    """Put the results of an attempt at `host` into the envelope. `next_retry` is for those that were put off.

    Whose lifetime is over is refused for good, when an attempt has just shown that it still cannot be delivered.
    """
    said = tuple(said)
    if len(said) == len(envelope.recipients) and all(each.fate == "delivered" for each in said):
        return Judged("finish", envelope)  # nearly all mail: nothing of it is written any more
    results = [_result(each, host, now) for each in said]
    after = envelope.with_results(results)
    if not after.waiting and all(recipient.fate == "delivered" for recipient in after.recipients):
        return Judged("finish", after)
    if after.waiting and now >= envelope.expires:
        after = after.with_results(_expired(recipient, now) for recipient in after.waiting)
    tried = {result.address for result in results}
    # One time for the whole message: where some have not been tried at all yet, none is known.
    whole = all(recipient.address in tried for recipient in after.waiting)
    attempts = envelope.attempts + (1 if any(not each.at_once for each in said) else 0)
    after = replace(after, attempts=attempts, next_retry=next_retry if after.waiting and whole else None)
    if after.waiting:
        return Judged("record", after)
    return Judged("fail", replace(after, why=_why(after)))


def expire(envelope: Envelope, now: float, reason: str) -> Judged | None:
    """A message that was not tried this time, for `reason`: given up if its lifetime is over."""
    if now < envelope.expires or not envelope.waiting:
        return None
    waiting = (each if each.text else replace(each, text=reason, at=now) for each in envelope.waiting)
    after = envelope.with_results(_expired(each, now) for each in waiting)
    return Judged("fail", replace(after, next_retry=None, why=_why(after)))


def _result(said: Said, host: str, now: float) -> EnvelopeRecipient:
    recipient = said.recipient
    return replace(
        recipient,
        fate=said.fate,
        attempts=recipient.attempts + (0 if said.at_once else 1),
        at=now,
        host=host,
        code=said.code,
        dsn=said.dsn,
        text=said.text,
        # Once in doubt, always: that a later attempt succeeded makes a duplicate more likely, not less.
        possible_duplicate=recipient.possible_duplicate or said.possible_duplicate,
    )


def _expired(recipient: EnvelopeRecipient, now: float) -> EnvelopeRecipient:
    text = f"not delivered within its lifetime; last: {recipient.text or 'never tried'}"
    return replace(recipient, fate="refused", dsn="5.4.7", text=text[:WHY_LIMIT], at=recipient.at or now)


def _why(envelope: Envelope) -> str:
    refused = [recipient for recipient in envelope.recipients if recipient.fate == "refused"]
    more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
    return f"{refused[0].address}: {refused[0].text}"[: WHY_LIMIT - len(more)] + more
