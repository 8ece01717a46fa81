"""What a drain did, to keep: the sums, the replies, and every message that was not delivered, with the reason."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple

from mxtui.model.drain.books import Group
from mxtui.model.drain.machine import Drain
from mxtui.model.flushing import FATES, Phase
from mxtui.model.plan import Fate, Target, Verdict
from mxtui.model.words import counted, duration

Clean = Callable[[str], str]
"""Makes one safe line of a text from outside (`message.sanitize.one_line`)."""

Became = Fate | Literal["in hand", "not tried"]
"""`in hand`: no verdict had come when the report was made."""

DIRECTLY: Final = "directly"
"""How the way is named that keeps in hold what is in doubt."""

WORDS: Mapping[Became, str] = {
    "delivered": "delivered",
    "deferred": "deferred again",
    "refused": "refused, kept",
    "bounced": "returned to sender",
    "expired": "expired, returned",
    "vanished": "left without evidence",
    "in hand": "no verdict yet",
    "not tried": "not tried",
}


class NotDelivered(NamedTuple):
    """One message that was not delivered, or not to all."""

    queue_id: str
    became: Became
    sender: str
    """Empty is the null sender; hostile text, as are recipient and reply."""
    recipient: str
    """Who decided it; empty where none did."""
    domains: tuple[str, ...]
    size: int
    dsn: str
    reply: str


@dataclass(frozen=True, slots=True)
class DrainReport:
    """One drain, when it ended or so far. Times are seconds since the epoch."""

    queue: str
    selection: str
    """What the operator asked for: the filter, `3 marked`, `--all`."""
    operator: str
    way: str
    """`through Postfix`, `direct to mx1.example.org:25`."""
    begun: float
    ended: float
    phase: Phase
    why: str
    """Why it stopped; empty where it came to its end."""
    queued: int
    counts: Mapping[Fate, int]
    """Messages, each once."""
    left: int
    held: int
    """Of those left, because the guard stopped it."""
    bytes_delivered: int
    replies: tuple[Group, ...]
    """Most frequent first."""
    not_delivered: tuple[NotDelivered, ...]
    possible_duplicates: tuple[str, ...]
    """Queue IDs. The connection was lost after the whole message was sent: the primary may have it already."""

    @property
    def seconds(self) -> float:
        """From begin to end."""
        return max(0.0, self.ended - self.begun)

    @property
    def per_second(self) -> float:
        """Messages settled, over the whole time."""
        return (self.queued - self.left) / self.seconds if self.seconds else 0.0


def make_report(
    drain: Drain, *, queue: str, selection: str, operator: str, way: str, begun: float, ended: float, now: float,
    held: int = 0,
) -> DrainReport:  # fmt: skip
    """Of a drain as it is; `now` is its own monotonic clock's."""
    with drain.still():
        in_hand, untaken = drain.in_hand, drain.untaken
        counts = dict(drain.books.counts)
        left = len(in_hand) + len(untaken)
        return DrainReport(
            queue=queue,
            selection=selection,
            operator=operator,
            way=way,
            begun=begun,
            ended=ended,
            phase=drain.phase,
            why=drain.why(now),
            queued=sum(counts.values()) + left,
            counts=counts,
            left=left,
            held=held,
            bytes_delivered=drain.books.bytes_delivered,
            replies=drain.books.replies(),
            not_delivered=(
                *(_not_delivered(target, said.fate, said) for target, said in drain.books.undelivered.values()),
                *(_not_delivered(target, "in hand") for target in in_hand),
                *(_not_delivered(target, "not tried") for target in untaken),
            ),
            possible_duplicates=tuple(drain.books.possible_duplicates),
        )


def as_mapping(report: DrainReport) -> dict[str, object]:
    """The same for machines: nothing but what JSON knows. Texts from outside are as they came, escaped by JSON."""
    return {
        "queue": report.queue,
        "selection": report.selection,
        "operator": report.operator,
        "way": report.way,
        "begun": report.begun,
        "ended": report.ended,
        "phase": report.phase,
        "why": report.why,
        "queued": report.queued,
        **{fate: report.counts.get(fate, 0) for fate in FATES},
        "left": report.left,
        "held": report.held,
        "bytes_delivered": report.bytes_delivered,
        "per_second": round(report.per_second, 2),
        "replies": [group._asdict() for group in report.replies],
        "possible_duplicates": list(report.possible_duplicates),
        "not_delivered": [{**each._asdict(), "domains": list(each.domains)} for each in report.not_delivered],
    }


def as_lines(report: DrainReport, clean: Clean) -> Iterator[str]:
    """The same for eyes, line by line: a million messages that were not tried are a million lines."""
    yield f"Drain of {clean(report.queue)}: {_verdict(report)}"
    if report.why:
        yield clean(report.why)
    yield ""
    yield f"Selection  {clean(report.selection)}"
    yield f"Operator   {clean(report.operator)}"
    yield f"Way        {clean(report.way)}"
    yield f"Begun      {_moment(report.begun)}"
    yield f"Ended      {_moment(report.ended)}, after {duration(report.seconds)}, {report.per_second:.1f}/s"
    yield ""
    yield f"{report.queued:>11,}  {'message' if report.queued == 1 else 'messages'}"
    for fate in reversed(FATES):
        if report.counts.get(fate) or fate == "delivered":
            size = f", {report.bytes_delivered:,} bytes" if fate == "delivered" else ""
            yield f"{report.counts.get(fate, 0):>11,}  {WORDS[fate]}{size}"
    if report.left:
        number = "" if report.held == report.left else f"{report.held:,} of them "
        held = f", {number}held: the next flush takes them" if report.held else ""
        yield f"{report.left:>11,}  left{held}"
    if report.replies:
        yield from ("", "Replies")
        for group in report.replies:
            yield f"{group.recipients:>11,}  {group.fate:<9}  {clean(group.reply) or 'no reply'}"
    if report.possible_duplicates:
        yield from ("", "Perhaps delivered all the same, or twice: sent whole once, and the answer was never heard")
        if report.way.startswith(DIRECTLY):
            yield "In hold until you release or delete them:"
        yield from (f"  {clean(queue_id)}" for queue_id in report.possible_duplicates)
    if report.not_delivered:
        yield from ("", f"Not delivered: {counted(len(report.not_delivered), 'message')}")
        yield from (_line(each, clean) for each in report.not_delivered)


def _not_delivered(target: Target, became: Became, said: Verdict | None = None) -> NotDelivered:
    recipient, dsn, reply = (said.recipient, said.dsn, said.reply) if said is not None else ("", "", "")
    return NotDelivered(target.queue_id, became, target.sender, recipient, target.domains, target.size, dsn, reply)


def _verdict(report: DrainReport) -> str:
    if report.phase == "stopped":
        return "stopped"
    if report.phase != "done":
        return "running"
    return "done, everything delivered" if not report.not_delivered else "done"


def _line(each: NotDelivered, clean: Clean) -> str:
    to = clean(each.recipient or ", ".join(each.domains[:3]))
    why = each.reply if each.dsn in each.reply else f"{each.dsn} {each.reply}"
    return (
        f"  {clean(each.queue_id)}  {WORDS[each.became]}  from <{clean(each.sender)}>  to {to}  {clean(why)}".rstrip()
    )


def _moment(epoch: float) -> str:
    """Local time with its offset: a report is read later, and elsewhere."""
    return datetime.fromtimestamp(epoch).astimezone().isoformat(sep=" ", timespec="seconds")
