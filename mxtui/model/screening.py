"""What scanners' verdicts mean for a message on its way in, and for one that goes on. Pure.

A verdict is advice, in the scanner's own word; what is done for it, an operator says (`Rules`). None of it loses mail:
refused is refused while its sender still holds it, and whatever was taken is kept in quarantine at worst.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, get_args

from mxtui.model.envelope import Screened
from mxtui.model.evidence import Scan

Action = Literal["accept", "tag", "quarantine", "defer", "reject"]
"""What is done, the mildest first. `defer` and `reject` are replies: only for who hands a message in."""

ACTIONS: Final[tuple[Action, ...]] = get_args(Action)

Outcome = Literal["clean", "unscanned", "tagged", "quarantined", "deferred", "rejected"]

OUTCOMES: Final[Mapping[Action, Outcome]] = {
    "tag": "tagged", "quarantine": "quarantined", "defer": "deferred", "reject": "rejected",
}  # fmt: skip

USUAL: Final[Mapping[str, Action]] = {
    "reject": "reject",
    "discard": "quarantine",
    "quarantine": "quarantine",
    "soft reject": "defer",
    "add header": "tag",
    "rewrite subject": "tag",
    "spam": "tag",
}
"""By the scanner's word: rspamd's actions, and SpamAssassin's `spam`. Every other one is `accept`, `greylist` too:
rspamd says `soft reject` where it is to be done."""

SYMBOLS: Final = 10
"""Of each scanner, the gravest; the rest is in its own log."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What is done for which verdict."""

    actions: Mapping[str, Action] = field(default_factory=dict)
    """By the scanner's own word, in lower case; of others as usual."""
    spam_rejected: float | None = None
    """SpamAssassin's points from which mail is refused, as its milter does; None: never."""

    def action(self, scan: Scan) -> Action:
        """For one verdict."""
        word = scan.action.lower()
        if scan.scanner == "spamassassin" and self.spam_rejected is not None and scan.score >= self.spam_rejected:
            return "reject"
        return self.actions.get(word, USUAL.get(word, "accept"))


class Verdict(NamedTuple):
    """Of all scanners together."""

    action: Action
    """The gravest that any of them asks for; `accept` where none has seen it."""
    said: str = ""
    """What each made of it, in one line of clean text."""
    unscanned: str = ""
    """Why one of them has not seen it; empty where all have."""
    passing: bool = False
    """It is worth trying again."""

    @property
    def outcome(self) -> Outcome:
        """What it is counted as."""
        return OUTCOMES[self.action] if self.action != "accept" else "unscanned" if self.unscanned else "clean"

    def screened(self, now: float) -> Screened:
        """For its envelope, once it is taken: nobody can be told `defer` or `reject` any more."""
        pending = bool(self.unscanned) and self.passing and self.action in ("accept", "tag")
        match self.action:
            case "accept" | "defer":
                return Screened("accept", now, self.said, self.unscanned, pending)
            case "tag":
                return Screened("tag", now, self.said, self.unscanned, pending)
            case "quarantine" | "reject":
                return Screened("quarantine", now, self.said, self.unscanned)


def judged(scans: Sequence[Scan], rules: Rules) -> Verdict:
    """What scanners say, put together."""
    seen = [scan for scan in scans if scan.scanned]
    asked = [rules.action(scan) for scan in seen]
    action = max(asked, key=ACTIONS.index) if asked else "accept"
    faults = "; ".join(
        scan.fault if scan.fault.startswith(scan.scanner) else f"{scan.scanner}: {scan.fault}"
        for scan in scans
        if scan.fault
    )
    return Verdict(action, "; ".join(map(words, seen)), faults, passing=bool(faults))


def words(scan: Scan) -> str:
    """One verdict.

    >>> words(Scan("rspamd", 0.0, 8.24, 6.0, "add header"))
    'rspamd: add header, 8.2 of 6'
    """
    found = ", ".join(f"{each.name} {each.points:.1f}" if each.points else each.name for each in scan.symbols[:SYMBOLS])
    return f"{scan.scanner}: {scan.action}, {scan.score:.1f} of {scan.required:g}" + (f" ({found})" if found else "")
