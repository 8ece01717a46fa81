"""A message whose last result is on record, and what follows from it was not done: somebody was killed in between."""

from dataclasses import replace

from mxtui.model.envelope import Envelope, SpoolState
from mxtui.queues.spool.claim import Claim


def is_unfinished(state: SpoolState, envelope: Envelope) -> bool:
    """Whether it waits for nobody any more, and lies with those that do."""
    return state == "deferred" and not envelope.waiting


def follow_through(claim: Claim) -> bool:
    """Do it: what some refused goes to `failed`, what all have is removed, which is told. Raises OSError."""
    refused = [each for each in claim.envelope.recipients if each.fate == "refused"]
    if refused:
        claim.move("failed", replace(claim.envelope, why=refused[0].text or "refused"))
        return False
    claim.finish()
    return True
