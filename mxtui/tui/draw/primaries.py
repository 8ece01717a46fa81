"""Primaries as a table, and the ladder of the one under the cursor."""

from dataclasses import replace

from mxtui.model.health import Rung
from mxtui.model.holds import words
from mxtui.model.overview import DomainStatus
from mxtui.model.words import clock, counted
from mxtui.tui import format as fmt
from mxtui.tui.columns import Cell, Column
from mxtui.tui.draw.domain_pane import destination
from mxtui.tui.draw.domains import health_sign, primary_words
from mxtui.tui.draw.ladder import checks, rungs
from mxtui.tui.draw.scene import Scene, ruled
from mxtui.tui.line import Line, Spans, fit, fit_left

_SAID = {"config": "configured", "transport": "mail system", "mx": "MX lookup"}


def _host(row: DomainStatus, cell: Cell) -> Spans:
    if row.primary is None:
        return [(cell.look.glyphs.dash, cell.look.faint)]
    return [(fit_left(f"{row.primary.host}:{row.primary.port}", cell.width, cell.look.glyphs.ellipsis), cell.look.text)]


def _state(row: DomainStatus, cell: Cell) -> Spans:
    first, then, strong, plain = primary_words(replace(row, hold=None), cell.now, cell.look, brief=cell.width < 30)
    if row.health is not None and row.health.state == "up":
        first, then = "up", ""
    if row.hold is not None:
        _, _, plain, _ = primary_words(row, cell.now, cell.look, brief=True)
        then = words(row.hold, cell.now)
        if len(first) + 2 + len(then) > cell.width:
            then = row.hold.badge.lower()
    spans = [(fit(first, cell.width), strong)]
    if then and cell.width - len(first) > 6:
        spans.append(("  " + fit(then, cell.width - len(first) - 2, cell.look.glyphs.ellipsis), plain))
    return spans


def _took(row: DomainStatus, cell: Cell) -> Spans:
    took = row.health.latency_ms if row.health is not None else None
    return (
        [(fmt.milliseconds(took), cell.look.text)] if took is not None else [(cell.look.glyphs.dash, cell.look.faint)]
    )


def _since(row: DomainStatus, cell: Cell) -> Spans:
    since = row.health.since if row.health is not None else None
    return (
        [(clock(since, cell.now), cell.look.label)] if since is not None else [(cell.look.glyphs.dash, cell.look.faint)]
    )


def _queued(row: DomainStatus, cell: Cell) -> Spans:
    waiting = row.totals.messages
    return [(fmt.count(waiting), cell.look.text if waiting else cell.look.faint)]


def _domain(row: DomainStatus, cell: Cell) -> Spans:
    style = cell.look.strong if cell.chosen else cell.look.text
    return [(fit_left(row.domain, cell.width, cell.look.glyphs.ellipsis), style)]


def _source(row: DomainStatus, cell: Cell) -> Spans:
    return [(_SAID[row.primary.source], cell.look.label)] if row.primary is not None else []


COLUMNS: tuple[Column[DomainStatus], ...] = (
    Column("", "", ((0, 1),), lambda row, cell: [health_sign(row.health, cell.look)], gap=1),
    Column("", "domain", ((0, 16), (108, 22), (170, 32)), _domain, name=True),
    Column("", "primary", ((56, 20), (108, 28), (170, 40)), _host),
    Column("", "told by", ((100, 11),), _source),
    Column("", "queued", ((90, 8),), _queued, right=True),
    Column("", "since", ((70, 9),), _since, right=True),
    Column("", "took", ((96, 7),), _took, right=True, gap=3),
    Column("", "state", ((0, 14),), _state, flexible=True, gap=1),
)

_MEANING = {
    "dns": "its name cannot be found: look at DNS, or at the transport map",
    "tcp": "no connection: the machine, its mail server or a firewall",
    "banner": "it takes the connection and then does not greet: too busy, or not a mail server",
    "ehlo": "it greets and then refuses to talk to this host",
    "starttls": "mail can pass, but not encrypted as it was offered",
}


def primary_pane(scene: Scene, row: DomainStatus, height: int) -> list[Line]:
    """Every rung with its timing and what was heard, and what the one that failed means."""
    look, health = scene.look, row.health
    lines = [ruled(scene, row.domain, destination(row.primary, row.health))]
    if health is None:
        return [*lines, Line(("    not checked yet", look.label))][:height]
    lines += [Line()] if height > 8 else []
    lines += rungs(scene, health)
    said = Line(("    ", look.text)).extend(checks(scene, health))
    failed = health.climb.failed if health.climb is not None else None
    meaning = _words(failed)
    lines += [Line()] if height > 9 else []
    if meaning:
        lines.append(Line(("    ", look.text), (scene.fit(meaning, scene.width - 6), look.text)))
    return [*lines, said][:height]


def _words(failed: Rung | None) -> str:
    if failed is None:
        return ""
    if failed.outcome == "busy":
        return "it is up and asks us to come back later: busy, not down"
    return _MEANING.get(failed.name, "")


def summary(scene: Scene, rows: int, up: int) -> Line:
    """How many there are, how many are well."""
    look = scene.look
    return Line((f"  {counted(rows, 'domain')}", look.text), (f", {up:,} with their primary up", look.label))
