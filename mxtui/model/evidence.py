"""What speaks for or against a message being spam: every piece with its source, and a score that can be taken apart.

A judgement is advice to an operator. Nothing is ever deleted because of one, and a message that no scanner has seen is
*unscanned*, never clean.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mxtui.model.envelope import Client

Source = Literal["mxtui", "spf", "dkim", "dmarc", "rspamd", "spamassassin", "header"]
"""Who says so. `mxtui`: a signal of our own; `header`: what somebody wrote into the message before it came to us."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One piece. Texts are sanitised, one line each."""

    name: str
    """Stable, for scripts: `spf_fail`, `program_in_archive`; of a scanner, its own symbol: `GTUBE`."""
    title: str
    """A few words: `SPF fail`."""
    detail: str
    """What was found: `not a server of rechnung.example`."""
    points: float
    """Speaks for spam where positive, against it where negative; 0 is said and not counted."""
    source: Source


@dataclass(frozen=True, slots=True)
class Scan:
    """What one scanner made of a message, or why it made nothing of it."""

    scanner: Literal["rspamd", "spamassassin"]
    at: float
    """Epoch seconds."""
    score: float = 0.0
    """In the scanner's own points."""
    required: float = 0.0
    """From how many of them on it calls mail spam."""
    action: str = ""
    """Its verdict in its own word, sanitised: `no action`, `add header`, `soft reject`; `spam` or `ham`. Advice,
    never an SMTP reply."""
    symbols: tuple[Evidence, ...] = ()
    """What it found, in its own points, gravest first; bounded."""
    fault: str = ""
    """Why it did not scan: down, too slow, too large. Then the message is unscanned."""
    refused: bool = False
    """It is about this message, and not about the scanner: asking again is of no use."""

    @property
    def scanned(self) -> bool:
        """Whether there is a verdict."""
        return not self.fault


@dataclass(frozen=True, slots=True)
class Judgement:
    """All that is known of one message."""

    at: float
    """Epoch seconds."""
    evidence: tuple[Evidence, ...] = ()
    """Each in points of our own score, gravest first; a scanner is one piece here, its symbols are in `scans`.
    Of several scanners one counts."""
    scans: tuple[Scan, ...] = ()
    cleared: str = ""
    """Who said that it is no spam, and why; empty where nobody did. It is not suspect then, whatever its score."""

    @property
    def score(self) -> float:
        """The sum of all points, to a tenth."""
        return round(sum(each.points for each in self.evidence), 1)

    @property
    def unscanned(self) -> bool:
        """Whether a scanner is configured that has not judged it."""
        return any(not scan.scanned for scan in self.scans)


@dataclass(frozen=True, slots=True)
class CampaignFacts:
    """What a message has in common with others, as it is told beside one of them. Texts are sanitised."""

    id: str
    why: str
    """By what they belong together: `same body once links and numbers are taken out`."""
    messages: int
    """Queued now, with this one."""
    senders: int
    octets: int
    """All of them together."""
    first: float
    """When the first came; epoch seconds."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """A message as it is given to whoever judges it: bytes and envelope, all of it hostile."""

    raw: bytes
    """Headers, empty line, body; LF line ends; the beginning only where `truncated`."""
    truncated: bool
    sender: str
    """Envelope sender; empty is the null sender."""
    recipients: Sequence[str]
    client: Client | None
    """Who handed it in; None where that is unknown, or was this host."""
    arrival: float
    """Epoch seconds."""
    queue_id: str = ""
