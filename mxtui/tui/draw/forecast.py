"""What is to come: what expires of each domain, how long a drain takes, when the disk is full."""

from dataclasses import dataclass

from mxtui.model.forecast import Deadlines, Forecast
from mxtui.model.overview import DomainStatus, Overview
from mxtui.model.words import clock, counted, duration
from mxtui.tui import format as fmt
from mxtui.tui.columns import Cell, Column
from mxtui.tui.draw.domains import health_sign, primary_words
from mxtui.tui.draw.scene import Scene
from mxtui.tui.line import Line, Spans, fit, fit_left


@dataclass(frozen=True, slots=True)
class Ahead:
    """One domain's."""

    status: DomainStatus
    deadlines: Deadlines
    returns: float | None
    """When its primary is to be back, as far as that was announced."""
    drain: float | None
    """Seconds that its mail takes at the last known rate."""

    @property
    def domain(self) -> str:
        """Its name."""
        return self.status.domain


def ahead(overview: Overview, forecast: Forecast) -> list[Ahead]:
    """Domains with mail or an announced return, the next expiry first."""
    rows = [
        Ahead(
            row, forecast.of(row.domain), forecast.returns.get(row.domain), forecast.drain_seconds(row.totals.messages)
        )
        for row in overview.domains
        if row.totals.messages or row.domain in forecast.returns
    ]
    return sorted(rows, key=lambda row: (row.status.totals.next_expire or float("inf"), row.domain))


def headline(scene: Scene, overview: Overview, forecast: Forecast) -> list[Line]:
    """The whole queue in three sentences."""
    look = scene.look
    indent = ("   " if scene.wide else " ", look.text)
    if overview.fault:  # what was read before is no forecast of what is there
        words = " What expires is not known: the queue cannot be read"
        return [
            Line(indent, (scene.glyphs.unknown, look.warning), (words, look.strong)),
            _room(scene, forecast, indent),
        ]
    half, day = forecast.within_12h, forecast.within_24h
    if day:
        verb = "expires" if day == 1 else "expire"
        words = f" {counted(day, 'message')} {verb} within 24 h, {f'{half:,}' if half else 'none'} within 12 h"
        first = Line(indent, (scene.glyphs.warning, look.warning), (words, look.strong))
    else:
        first = Line(indent, (scene.glyphs.passed, look.ok), (" Nothing expires within 24 h", look.strong))
    return [first, _room(scene, forecast, indent), _drain(scene, overview, forecast, indent)]


def announcement(scene: Scene, forecast: Forecast, domain: str) -> list[Line]:
    """Why the primary of a domain is to be back, and who said so; nothing where nobody did."""
    known, look = forecast.announced.get(domain), scene.look
    if known is None:
        return []
    line = Line(("   " if scene.wide else " ", look.text), (scene.glyphs.passed, look.label))
    said = f" {domain} is to be back at {clock(known.back, scene.now)}: {known.reason} ({known.owner})"
    return [line.add(scene.fit(said, scene.width - line.width - 1), look.text)]


def _room(scene: Scene, forecast: Forecast, indent: tuple[str, object]) -> Line:
    look, full = scene.look, forecast.full
    line = Line((str(indent[0]), look.text))
    if full is not None:
        what = "The disk is full" if full.what == "disk" else "The disk has no inodes left"
        words = f" {what} in {duration(full.at - scene.now)}, {clock(full.at, scene.now)}, at the present rate"
        soon = full.at - scene.now < 86_400
        return line.add(scene.glyphs.warning, look.warning if soon else look.label).add(words, look.text)
    if len(forecast.outlook.rooms) < 4:
        return line.add(scene.glyphs.unknown, look.label).add(" When the disk is full is not known yet", look.label)
    return line.add(scene.glyphs.passed, look.ok).add(" The disk does not fill up", look.text)


def _drain(scene: Scene, overview: Overview, forecast: Forecast, indent: tuple[str, object]) -> Line:
    look = scene.look
    line = Line((str(indent[0]), look.text))
    seconds = forecast.drain_seconds(overview.queue.messages)
    if seconds is None:
        words = " How long a drain takes is not known: none was watched yet"
        return line.add(scene.glyphs.unknown, look.label).add(words, look.label)
    rate = f"{forecast.outlook.per_second:,.1f}/s, as {forecast.outlook.rate_of}"
    if not overview.queue.messages:
        return line.add(scene.glyphs.passed, look.ok).add(f" Nothing to drain; it would go at {rate}", look.text)
    line.add(scene.glyphs.running, look.label).add(f" A drain of everything takes {about(seconds)}", look.text)
    return line.add(f" at {rate}", look.label)


def about(seconds: float) -> str:
    """A time that nobody can promise.

    >>> about(20), about(100), about(1_500), about(9_000)
    ('under a minute', 'about 2 min', 'about 25 min', 'about 2h 30m')
    """
    if seconds < 55:
        return "under a minute"
    return f"about {max(1, round(seconds / 60))} min" if seconds < 5_400 else f"about {duration(seconds)}"


def _number(many: int | None, cell: Cell, *, urgent: bool = False) -> Spans:
    look = cell.look
    if many is None:
        return [(look.glyphs.dash, look.faint)]
    return [(fmt.count(many), (look.warning if urgent else look.text) if many else look.faint)]


def _first(row: Ahead, cell: Cell) -> Spans:
    expires = row.status.totals.next_expire
    if expires is None:
        return [(cell.look.glyphs.dash, cell.look.faint)]
    return [(duration(expires - cell.now), cell.look.expiry(expires - cell.now))]


def _back(row: Ahead, cell: Cell) -> Spans:
    if row.returns is None:
        return [(cell.look.glyphs.dash, cell.look.faint)]
    return [(clock(row.returns, cell.now), cell.look.text)]


def _held(row: Ahead, cell: Cell) -> Spans:
    return _number(row.status.totals.states.get("hold", 0), cell)


def _takes(row: Ahead, cell: Cell) -> Spans:
    if row.drain is None or not row.status.totals.messages:
        return [(cell.look.glyphs.dash, cell.look.faint)]
    words = about(row.drain).removeprefix("about ").replace("under a minute", "<1 min")
    return [(words, cell.look.text)]


def _name(row: Ahead, cell: Cell) -> Spans:
    style = cell.look.strong if cell.chosen or row.deadlines.within_24h else cell.look.text
    return [(fit_left(row.domain, cell.width, cell.look.glyphs.ellipsis), style)]


def _primary(row: Ahead, cell: Cell) -> Spans:
    first, _, strong, _ = primary_words(row.status, cell.now, cell.look, brief=True)
    return [(fit(first, cell.width, cell.look.glyphs.ellipsis), strong)]


COLUMNS: tuple[Column[Ahead], ...] = (
    Column("", "", ((0, 1),), lambda row, cell: [health_sign(row.status.health, cell.look)], gap=1),
    Column("", "domain", ((0, 16), (108, 26)), _name, name=True),
    Column("", "first", ((0, 8),), _first, right=True),
    Column("", "<12 h", ((0, 7),), lambda row, cell: _number(row.deadlines.within_12h, cell, urgent=True), right=True),
    Column("", "<24 h", ((40, 7),), lambda row, cell: _number(row.deadlines.within_24h, cell, urgent=True), right=True),
    Column("", "back at", ((72, 9),), _back, right=True),
    Column("", "before", ((72, 7),), lambda row, cell: _number(row.deadlines.before_return, cell, urgent=True),
           right=True),
    Column("", "held", ((90, 7),), _held, right=True),
    Column("", "waiting", ((60, 8),), lambda row, cell: _number(row.status.totals.messages, cell), right=True),
    Column("", "drains in", ((100, 10),), _takes, right=True, gap=3),
    Column("", "primary", ((108, 14),), _primary, flexible=True, gap=1),
)  # fmt: skip
