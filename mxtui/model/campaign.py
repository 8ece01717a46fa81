"""Messages that belong together, and what the queue tells of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from mxtui.model.message import Identity

Kind = Literal["campaign", "bulk", "bounces", "single"]
"""`bulk` is from one sender's domain: a newsletter, a list, invoices, or spam that does not hide; `bounces` come from
the null sender. `single` are suspects that belong to no campaign, each by itself."""

SINGLE: Final = ""
"""In place of a campaign's name: all suspects that belong to none."""

BULK_SENDERS: Final = 3
"""A house that writes to many may do so under several names."""


class Judged(NamedTuple):
    """What became of judging one message."""

    identity: Identity
    points: float
    """Its own; its campaign's come on top."""
    campaign: str = ""
    """Empty where it belongs to none."""
    cleared: bool = False
    """An operator said that it is no spam."""
    backscatter: bool = False
    partly: bool = False
    """Of scanners' verdicts: one that is configured is still to see it."""


@dataclass(frozen=True, slots=True)
class Sifted:
    """How far judging what is queued has come."""

    judged: int
    """Messages that are queued and were judged."""
    waiting: int
    skipped: int
    """Over which the reader died, or that could not be read."""
    scanned: int | None = None
    """Messages that every configured scanner has seen; None where none is configured."""
    unscannable: int = 0
    """Messages that no scanner takes: too large, or not to be read."""
    scan_faults: tuple[str, ...] = ()
    """Which scanners do not answer, and why: a sentence each without its full stop. What is unscanned is not clean."""
    fault: str = ""
    """Why nothing is judged; a sentence without its full stop."""

    @property
    def unscanned(self) -> int:
        """Messages that were judged, and that a configured scanner has not seen."""
        return 0 if self.scanned is None else max(0, self.judged - self.scanned)

    @property
    def unseen(self) -> int:
        """Of those, messages that wait for a scanner."""
        return max(0, self.unscanned - self.unscannable)

    @property
    def done(self) -> bool:
        """Everything queued has been looked at."""
        return not self.waiting and not self.fault


@dataclass(frozen=True, slots=True)
class Campaign:
    """One of them, as it is queued now. Facts of the queue alone; see `sifting.weighing` for what they mean."""

    name: str
    """Four hexadecimal digits or more, the same after every restart; `SINGLE` where it is no campaign."""
    messages: int
    bytes: int
    recipients: int
    unknown_recipients: int
    """That their primary did not know."""
    senders: int
    """Different ones; the null sender is one."""
    sender_shapes: int
    """The same without what tells subscribers apart (`model.origin.sender_shape`)."""
    sender_domains: int
    null_senders: int
    """Messages from the null sender."""
    clients: int
    """Different addresses that handed it in."""
    networks: int
    """Different networks (`model.origin.network`)."""
    oldest: float
    """Arrivals, epoch seconds."""
    newest: float
    kept: int
    """Messages that are held or in quarantine."""
    own_points: float
    """Of a message for itself, on average."""
    sample: str
    """Queue ID of its oldest message."""
    subject: str
    """Of that one, decoded and sanitised; empty where it is not known."""
    sender: str
    """Of that one."""
    points: float = 0.0
    """For what its messages are together."""
    cleared: bool = False
    """An operator said that it is no spam."""
    unknown_untried: int = 0
    """Of the unknown recipients, those that nobody tried to deliver to: by call-outs, or by a list of recipients."""

    @property
    def score(self) -> float:
        """Of its messages, on average."""
        return round(self.own_points + self.points, 1)

    @property
    def kind(self) -> Kind:
        """What it is like, whoever is behind it."""
        if self.name == SINGLE:
            return "single"
        if self.null_senders * 2 > self.messages:
            return "bounces"
        return "bulk" if max(self.sender_shapes, self.sender_domains) <= BULK_SENDERS else "campaign"

    @property
    def title(self) -> str:
        """How an operator knows it."""
        return self.name or "single messages"

    @property
    def selection(self) -> str:
        """The filter for its messages."""
        return f"campaign:{self.name}" if self.name else "is:suspect -campaign:*"

    def is_suspect(self, threshold: float) -> bool:
        """Whether its score reaches that many points, and nobody cleared it."""
        return self.score >= threshold and not self.cleared


class Suspected(NamedTuple):
    """How much of what is queued is suspect."""

    messages: int
    campaigns: int
    """That they are of."""
    single: int
    """Messages among them that are of no campaign."""


def suspected(groups: Iterable[Campaign], threshold: float) -> Suspected:
    """The sum of campaigns and single messages, from a score of so many points on."""
    suspects = [each for each in groups if each.is_suspect(threshold)]
    single = sum(each.messages for each in suspects if each.kind == "single")
    campaigns = sum(each.kind != "single" for each in suspects)
    return Suspected(sum(each.messages for each in suspects), campaigns, single)


@dataclass(frozen=True, slots=True)
class Suspects:
    """All that is known of them at one moment. The list, the header and alerts go by the same one, or they disagree."""

    at: float
    """When the groups were weighed; epoch seconds."""
    groups: Sequence[Campaign]
    """Largest first, bulk mail after the others; last suspects that are of none. One object while nothing changes."""
    found: Suspected
    """Their sum."""
    sifted: Sifted
    """How far judging has come."""
    whole: bool = True
    """Everything that was queued at first has been looked at: until then the figures grow."""
