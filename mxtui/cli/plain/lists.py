"""Lists whose rows have numbers, each row a sentence that says what its number means."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mxtui.cli.plain.pages import PAGE
from mxtui.cli.plain.sentences import Depth, alert_sentence, domain_sentence, message_sentence, primary_words
from mxtui.index import Group, View, filter_of
from mxtui.message.sanitize import one_line
from mxtui.model.campaign import Campaign
from mxtui.model.filter import quote
from mxtui.model.overview import DomainStatus, Overview
from mxtui.model.words import clock, counted, duration
from mxtui.sifting.weighing import weigh

Meaning = Literal["filter", "id", "domain", "alert"]


@dataclass(frozen=True, slots=True)
class Row:
    """One of a list."""

    text: str
    opens: tuple[str, ...] = ()
    """The words that its number alone stands for; hostile."""
    means: Mapping[Meaning, tuple[str, ...]] | None = None
    """What its number stands for in the words of a command; hostile."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows, made as they are said."""

    title: str
    rows: Iterator[Row]
    left: Callable[[], int]
    """How many have not been taken yet."""


def _listing(title: str, rows: Iterable[Row]) -> Listing:
    waiting = deque(rows)
    return Listing(title, (waiting.popleft() for _ in range(len(waiting))), lambda: len(waiting))


def domains(overview: Overview, said: Mapping[str, Depth]) -> Listing:
    """Deepest first."""
    now = overview.taken_at
    rows = [
        Row(domain_sentence(row, now, said.get(row.domain)), ("domain", row.domain), _of_domain(row.domain))
        for row in overview.domains
    ]
    if not rows:
        return _listing("No domains: nothing is queued.", rows)
    return _listing(f"{counted(len(rows), 'domain')}, deepest first:", rows)


def _of_domain(domain: str) -> Mapping[Meaning, tuple[str, ...]]:
    return {"domain": (domain,), "filter": (f"domain:{quote(domain)}",)}


def messages(view: View, text: str, now: float) -> Listing:
    """Oldest first, fetched as they are said."""
    said = _Messages(view, now)
    which = f" for {one_line(text, 200)}" if text else ""
    total = f", {view.bytes:,} bytes, oldest first:" if view.count else "."
    return Listing(f"{counted(view.count, 'message')}{which}{total}", said.rows(), said.left)


class _Messages:
    """Goes on behind the last that was said and is still there, however many left or came meanwhile."""

    def __init__(self, view: View, now: float) -> None:
        self._view, self._now = view, now
        self._said: list[str] = []

    def rows(self) -> Iterator[Row]:
        while found := self._view.rows(at := self._next(), at + PAGE):
            for row in found:
                self._said.append(row.queue_id)
                yield Row(message_sentence(row, self._now), ("show", row.queue_id), _of_message(row.queue_id))

    def left(self) -> int:
        return max(0, self._view.count - self._next())

    def _next(self) -> int:
        self._view.refresh()
        places = (self._view.position(queue_id) for queue_id in reversed(self._said))
        return next((place + 1 for place in places if place is not None), 0)


def _of_message(queue_id: str) -> Mapping[Meaning, tuple[str, ...]]:
    return {"id": (queue_id,), "filter": (f"id:{quote(queue_id)}",)}


def reasons(groups: Sequence[Group], now: float) -> Listing:
    """Most frequent first."""
    rows = []
    for group in groups:
        text = (
            f"{counted(group.messages, 'message')}: {one_line(group.key, 200) or 'not tried yet'}; "
            f"{counted(group.domains, 'domain')}, the oldest for {duration(now - group.oldest)}"
        )
        found = filter_of("reason", group.key)
        rows.append(Row(text, ("messages", found), {"filter": (found,)}) if found else Row(text))
    return _listing(f"{counted(len(rows), 'reason')} why mail waits:" if rows else "No mail waits.", rows)


def suspects(campaigns: Sequence[Campaign], now: float) -> Listing:
    """Campaigns first, then bulk mail, then single messages."""
    rows = []
    for each in campaigns:
        score = "cleared: no spam" if each.cleared else f"score {each.score:.1f}"
        why = ", ".join(evidence.title for evidence in weigh(each))
        parts = [
            f"{each.title}, {each.kind}: {counted(each.messages, 'message')}, {score}",
            f"{counted(each.senders, 'sender')}, {counted(each.recipients, 'recipient')}",
            *([f"subject {one_line(each.subject, 80)}"] if each.subject else []),
            *([one_line(why, 200)] if why else []),
            f"the oldest for {duration(now - each.oldest)}",
        ]
        rows.append(Row("; ".join(parts), ("messages", each.selection), {"filter": (each.selection,)}))
    together = f"{counted(len(rows), 'group')} of mail that belongs together:"
    return _listing(together if rows else "No suspects among what was judged.", rows)


def primaries(overview: Overview) -> Listing:
    """Those that are not well first."""
    now = overview.taken_at
    ordered = sorted(overview.domains, key=lambda row: row.health is not None and row.health.state == "up")
    rows = [
        Row(f"{one_line(row.domain, 255)}: {primary_words(row, now)}", ("primary", row.domain), _of_domain(row.domain))
        for row in ordered
    ]
    up = sum(row.health is not None and row.health.state == "up" for row in ordered)
    return _listing(f"{counted(len(rows), 'domain')}, {up:,} with the primary up:" if rows else "No primaries.", rows)


def alerts(overview: Overview) -> Listing:
    """Gravest first, then what is over. A number stands for the alert in `ack`."""
    now = overview.taken_at
    rows = [
        Row(
            f"{alert_sentence(each, now)} (since {clock(each.since, now)}; {each.name})",
            _domain_of(each.domain),
            {"alert": (each.name, *([each.domain] if each.domain else []))},
        )
        for each in overview.alerts
    ]
    over = [
        Row(f"Over since {clock(each.at, now)}: {alert_sentence(each.alert, now)}", _domain_of(each.alert.domain))
        for each in overview.resolved
    ]
    before = f"; {counted(len(over), 'more is', 'more are')} over" if over else ""
    return _listing(f"{counted(len(rows), 'alert') if rows else 'No alerts'}{before}.", [*rows, *over])


def _domain_of(domain: str | None) -> tuple[str, ...]:
    return ("domain", domain) if domain else ()


def row_of(rows: Sequence[DomainStatus], domain: str) -> DomainStatus | None:
    """The row of a domain, however it is written."""
    return next((row for row in rows if row.domain.lower() == domain.lower()), None)
