"""A message between its last byte and the answer: scanned, and refused, put off, put in quarantine, tagged or taken.

Whatever a scanner does, its message is neither lost nor refused for it: unscanned it is taken, and scanned before it
goes on.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from mxtui.model.envelope import Envelope, SpoolState
from mxtui.model.evidence import Submitted
from mxtui.model.screening import Action, Verdict
from mxtui.receiver import replies
from mxtui.receiver.content import Content
from mxtui.receiver.memory import Hold
from mxtui.scanning.gate import Gate
from mxtui.scanning.submitting import submitted

TURNED_AWAY: Final[Mapping[Action, tuple[str, str]]] = {
    "reject": (replies.SPAM, "messages_refused"),
    "defer": (replies.SUSPECT, "messages_deferred"),
}
"""The reply, and what it is counted as."""

COPIES: Final = 3
"""Times that a message is in memory while it is scanned: in pieces, as a whole, and in the request."""


async def screen(gate: Gate, envelope: Envelope, content: Content, hold: Hold) -> Verdict:
    """What scanners make of it. The memory for that is part of what messages on their way in may take."""

    async def submit() -> Submitted | str:
        if not hold.cover(COPIES * content.size):
            return "no memory to have it scanned"
        return submitted(envelope, content.whole())

    verdict = await gate.judge(content.size, submit)
    gate.counts[verdict.outcome] += 1
    return verdict


def taken(envelope: Envelope, state: SpoolState, verdict: Verdict, now: float) -> tuple[Envelope, SpoolState]:
    """With the verdict on record, and where it is kept: nothing is released from quarantine by a domain's release."""
    screened = verdict.screened(now)
    envelope = replace(envelope, screened=screened)
    if screened.action != "quarantine":
        return envelope, state
    why = "; ".join(filter(None, (screened.said, envelope.why)))
    return replace(envelope, why=why), "quarantine"
