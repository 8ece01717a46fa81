"""What becomes of one recipient: relayed for, let past standby, known to the primary."""

from dataclasses import dataclass, replace

from mxtui.receiver import replies
from mxtui.receiver.paths import Path
from mxtui.receiver.recipients.verdict import GOOD
from mxtui.receiver.shared import Shared


@dataclass(frozen=True, slots=True)
class Decision:
    """The reply, and what it is counted as."""

    reply: str
    outcome: str = ""
    """One of the snapshot's counts; empty where the recipient is taken."""
    why: str = ""
    held: bool = False
    """Taken, and the message is held: the domain is, or nobody could say whether the recipient exists."""

    @property
    def taken(self) -> bool:
        """Whether the recipient becomes one of the message."""
        return not self.outcome


TAKEN = Decision(replies.RECIPIENT_OK)


async def decide(shared: Shared, *, client: str, sender: Path, recipient: Path, now: float) -> Decision:
    """`recipient` has a domain; `now` is a clock that only goes forward.

    Standby comes before the question whether the recipient exists: that may cost a call to the primary, and while it is
    up it answers its own mail. Asked it is all the same, for the next outage, but nobody waits for that.
    """
    if recipient.domain not in shared.settings.domains:
        return Decision(replies.NO_RELAY, "recipients_refused", "not a relayed domain")
    if note := shared.note(recipient.domain):
        # Whether its primary is up says nothing while it moves, and a user table that is half there refuses for good.
        known = GOOD if shared.recipients.asks else await shared.recipients.check(recipient)
        if known.outcome == "bad":
            return Decision(replies.UNKNOWN_RECIPIENT, "recipients_refused", known.why or "no such recipient")
        return replace(TAKEN, held=True, why=note)
    admission = shared.standby.admit(recipient.domain, client, sender.address, recipient.key, now)
    if not admission.admitted:
        shared.recipients.expect(recipient)
        host = f", send to {admission.host}" if admission.host else ""
        return Decision(f"451 4.3.2 primary is up{host}", "standing_by", "standing by")
    verdict = await shared.recipients.check(recipient)
    if verdict.outcome == "good":
        return TAKEN
    if verdict.outcome == "bad":
        return Decision(replies.UNKNOWN_RECIPIENT, "recipients_refused", verdict.why or "no such recipient")
    if shared.settings.undecided == "hold":
        return replace(TAKEN, held=True, why=f"recipients could not be verified: {verdict.why}")
    return Decision(replies.UNDECIDED, "recipients_deferred", verdict.why)
