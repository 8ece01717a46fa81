"""Domains as a table: age stands left of count, the age strips form one map."""

from collections.abc import Callable, Sequence

from rich.style import Style

from mxtui.model.age import BUCKETS
from mxtui.model.health import Health, lasting
from mxtui.model.holds import words
from mxtui.model.overview import DomainStatus
from mxtui.model.reason import short
from mxtui.model.trend import POINTS
from mxtui.model.words import duration, span
from mxtui.tui import format as fmt
from mxtui.tui.columns import Cell, Column
from mxtui.tui.line import Spans, fit, fit_left
from mxtui.tui.look import Look, strength

NORMAL = Style(bold=False)

LAST_HOUR = "last hour"
"""The column that needs signs ASCII has not."""

_AGES = ("5m", "10m", "20m", "40m", "80m", "2h", "5h", "10h", "21h", "old")


def _held(row: DomainStatus) -> bool:
    if row.hold is not None:
        return True
    return bool(row.totals.messages) and row.totals.states.get("hold", 0) == row.totals.messages


def _expires_soon(row: DomainStatus, now: float) -> bool:
    return row.totals.next_expire is not None and row.totals.next_expire - now < 86_400


def _notable(row: DomainStatus, cell: Cell) -> bool:
    """Worth bold: in trouble, or with mail that waits for long."""
    oldest = row.totals.oldest_arrival
    troubled = row.health is not None and row.health.state in ("down", "degraded", "flapping")
    aged = oldest is not None and cell.now - oldest >= 2_400
    return troubled or aged or _held(row) or _expires_soon(row, cell.now)


def _sign(row: DomainStatus, cell: Cell) -> Spans:
    if row.alerts and (row.health is None or row.health.state in ("up", "unknown")):
        look = cell.look
        return [(look.glyphs.warning, look.danger if row.alerts[0].severity == "critical" else look.warning)]
    return [health_sign(row.health, cell.look, held=_held(row))]


def health_sign(health: Health | None, look: Look, *, held: bool = False) -> tuple[str, Style]:
    """The sign of a state of health."""
    glyphs = look.glyphs
    if held and (health is None or health.state == "up"):
        return glyphs.held, look.strong
    match health.state if health else "unknown":
        case "up":
            return glyphs.up, look.ok
        case "down":
            return glyphs.down, look.danger
        case "degraded":
            return glyphs.warning, look.warning
        case "flapping":
            return glyphs.flapping, look.warning
    return glyphs.unknown, look.label


def _domain(row: DomainStatus, cell: Cell) -> Spans:
    style = cell.look.strong if cell.chosen or _notable(row, cell) else cell.look.text
    return [(fit_left(row.domain, cell.width, cell.look.glyphs.ellipsis), style)]


def _oldest(row: DomainStatus, cell: Cell) -> Spans:
    if row.totals.oldest_arrival is None:
        return [(cell.look.glyphs.dash, cell.look.faint)]
    age = cell.now - row.totals.oldest_arrival
    style = cell.look.age(age)
    return [(duration(age), style + Style(bold=True) if _notable(row, cell) else style)]


def _queued(row: DomainStatus, cell: Cell) -> Spans:
    if not row.totals.messages:
        return [("0", cell.look.faint)]
    style = cell.look.strong if _notable(row, cell) else cell.look.text
    return [(fmt.count(row.totals.messages), style)]


def _change(row: DomainStatus, cell: Cell) -> Spans:
    if row.change_per_minute is None:
        return [(cell.look.glyphs.dash, cell.look.faint)]
    change = round(row.change_per_minute)
    return [(fmt.signed(change, cell.look.glyphs.minus), cell.look.text if change else cell.look.faint)]


def _last_hour(row: DomainStatus, cell: Cell) -> Spans:
    bars = cell.look.glyphs.bars
    if not bars:
        return []
    values = row.history[-POINTS:]
    highest = max((value for value in values if value), default=1)
    # What was not watched is left blank: it was not zero.
    spans = [(" " * (1 + POINTS - len(values)), cell.look.text)]
    for position, value in enumerate(values):
        if value is None:
            spans.append((" ", cell.look.text))
            continue
        # From zero, so that a small change of a large queue looks small.
        level = 0 if not value else max(1, round(value / highest * (len(bars) - 1)))
        now = position == len(values) - 1
        style = cell.look.faint if not value else cell.look.text if now else cell.look.past
        spans.append((bars[level], style))
    return spans


def _ages(row: DomainStatus, cell: Cell) -> Spans:
    each = cell.width // BUCKETS
    return [
        age_cell(recipients, position, each, cell.look) for position, recipients in enumerate(row.totals.age_buckets)
    ]


def age_cell(recipients: int, bucket: int, width: int, look: Look) -> tuple[str, Style]:
    """One cell of the age map: colour tells age, strength the number."""
    if not recipients:
        return (f"{look.glyphs.dot} ".rjust(width) if width >= 5 else look.glyphs.dot.ljust(width)), look.faint
    style, level = look.heat[bucket][strength(recipients)], strength(recipients)
    if width >= 5:
        number = _abbreviated(recipients)
        return f"{number} ".rjust(width), style
    return (look.glyphs.shades[level] * width if look.shaded or look.ascii else " " * width), style


def _abbreviated(number: int) -> str:
    return str(number) if number < 1_000 else f"{number / 1_000:.0f}k" if number < 1_000_000 else "1M+"


def ages_title(width: int) -> str:
    """The heading over the age map."""
    if width >= 50:
        return "".join(f"{name} ".rjust(width // BUCKETS) for name in _AGES)
    return "5m  20m 80m 5h  21h+" if width >= 20 else "5m … 21h+"


def _expires(row: DomainStatus, cell: Cell) -> Spans:
    if row.totals.next_expire is None:
        return [(cell.look.glyphs.dash, cell.look.faint)]
    left = row.totals.next_expire - cell.now
    return [(duration(left), cell.look.expiry(left))]


def _primary(row: DomainStatus, cell: Cell) -> Spans:
    first, then, strong, plain = primary_words(row, cell.now, cell.look, brief=cell.width < 30)
    spans = [(fit(first, cell.width, cell.look.glyphs.ellipsis), strong)]
    room = cell.width - len(first) - 2
    # On a narrow screen a word that is cut says nothing.
    if then and room >= (len(then) if cell.width < 30 else 4):
        spans.append(("  " + fit(then, room, cell.look.glyphs.ellipsis), plain))
    return spans


def primary_words(row: DomainStatus, now: float, look: Look, *, brief: bool) -> tuple[str, str, Style, Style]:
    """How a primary is, in words: what, why, and their styles."""
    if row.hold is not None:
        held = row.totals.states.get("hold", 0)
        why = (f"{fmt.count(held)} held: " if held else "") + row.hold.reason
        style = look.warning if row.hold.over(now) or row.hold.ending else look.strong
        return words(row.hold, now), why, style, look.label
    health = row.health
    if health is None or health.unasked:
        return "not checked yet", "", look.label, look.label
    if row.primary is None:
        return "no primary known", "", look.label, look.label
    lasted = _lasted(health, now, brief=brief)
    detail = short(health.detail) if brief else health.detail
    match health.state:
        case "down":
            rung = "" if brief or health.rung in detail else f"{health.rung} "
            return f"down{lasted}", rung + detail, look.danger, look.danger + NORMAL
        case "degraded":
            word = "no TLS" if health.rung == "starttls" else "busy"
            return f"{word}{lasted}", detail, look.warning, look.warning + NORMAL
        case "flapping":
            return f"flapping{lasted}", detail, look.warning, look.warning + NORMAL
        case "up":
            speed = f" {fmt.roughly(health.latency_ms)}" if health.latency_ms is not None else ""
            if row.settled_at is not None and row.totals.messages:
                left = row.settled_at - now
                drained = f"settling {span(left)}" if brief else f"settling, drains in {span(left)}"
                drained = drained if left >= 1 else "drains now"
                return f"up{speed}", drained, look.label, look.accent
            said = next((alert for alert in row.alerts if alert.name != "expiry"), None)
            if said is not None:
                style = look.danger if said.severity == "critical" else look.warning
                return f"up{speed}", (said.badge or "CHECK").lower() if brief else said.text, look.label, style + NORMAL
            if _held(row):
                return "held", f"up{speed}", look.text, look.label
            why = row.totals.top_reason.text if row.totals.top_reason else ""
            why = short(why) if brief else why
            return f"up{speed}", why, look.label, look.faint if why else look.label
    return "not checked yet", "", look.label, look.label


def _lasted(health: Health, now: float, *, brief: bool) -> str:
    if health.since is None:
        return ""
    if health.found_so:  # where room is short, why it is down says more
        return "" if brief else f" {lasting(health, now)}"
    return f" {duration(now - health.since)}"


COLUMNS: tuple[Column[DomainStatus], ...] = (
    Column("", "", ((0, 1),), _sign, gap=1),
    Column("domain", "domain", ((0, 14), (60, 16), (108, 21), (170, 30)), _domain, gap=0, name=True),
    Column("oldest", "oldest", ((0, 8),), _oldest, right=True, gap=0),
    Column("queued", "queued", ((0, 8), (108, 9)), _queued, right=True, gap=0),
    Column("change", "Δ/min", ((72, 7), (108, 8)), _change, right=True),
    Column("", LAST_HOUR, ((100, 13),), _last_hour, gap=3),
    Column("", ages_title, ((46, 10), (108, 20), (170, 60)), _ages),
    Column("expires", "expires", ((120, 8),), _expires, right=True, gap=3),
    Column("", "primary", ((60, 12),), _primary, flexible=True, gap=1),
)

_ORDERS: dict[str, Callable[[DomainStatus], float | str]] = {
    "domain": lambda row: row.domain,
    "oldest": lambda row: -(row.totals.oldest_arrival or float("inf")),
    "queued": lambda row: row.totals.messages,
    "change": lambda row: row.change_per_minute or 0.0,
    "expires": lambda row: row.totals.next_expire or float("inf"),
}


def order(rows: Sequence[DomainStatus], column: str, descending: bool) -> list[DomainStatus]:
    """Sorted by a column; equal ones by name, so that rows stand still."""
    ordered = sorted(rows, key=lambda row: row.domain)
    ordered.sort(key=_ORDERS[column], reverse=descending)
    return ordered
