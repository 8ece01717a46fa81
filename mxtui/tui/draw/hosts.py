"""Several queues as a table of hosts, and their domains across hosts; what all of them together say."""

from collections.abc import Sequence

from rich.style import Style

from mxtui.model.fleet import DomainAcross, HostStatus
from mxtui.model.words import counted, duration
from mxtui.tui import format as fmt
from mxtui.tui.columns import Cell, Column
from mxtui.tui.draw.domain_pane import destination
from mxtui.tui.draw.domains import health_sign, primary_words
from mxtui.tui.draw.scene import Scene, ruled
from mxtui.tui.line import Line, Spans, fit, fit_left, wrap

_WORDS = {"connecting": "connecting", "away": "away", "stale": "stale", "reading": "reading", "live": "live"}


# -- hosts ------------------------------------------------------------------------------------------------------


def _sign(host: HostStatus, cell: Cell) -> Spans:
    look, glyphs = cell.look, cell.look.glyphs
    match host.reach:
        case "away":
            return [(glyphs.down, look.danger)]
        case "stale":
            return [(glyphs.stale, look.warning)]
        case "live":
            return [(glyphs.up, look.ok)]
    return [(glyphs.unknown, look.label)]


def _name(host: HostStatus, cell: Cell) -> Spans:
    style = cell.look.strong if cell.chosen or host.reach == "away" else cell.look.text
    return [(fit_left(host.name, cell.width, cell.look.glyphs.ellipsis), style)]


def state_words(host: HostStatus, now: float) -> str:
    """How fresh its figures are."""
    overview = host.overview
    match host.reach:
        case "away" if overview is not None:
            return f"away {duration(max(0.0, now - overview.heard_at))}"
        case "stale" if overview is not None:
            return f"stale {duration(max(0.0, now - overview.heard_at))}"
        case "reading" if overview is not None and overview.reading is not None and overview.reading.expected:
            return f"reading {fmt.percent(overview.reading.read / overview.reading.expected)}"
    return _WORDS[host.reach]


def _state(host: HostStatus, cell: Cell) -> Spans:
    styles = {"away": cell.look.danger, "stale": cell.look.warning, "live": cell.look.text}
    words = state_words(host, cell.now)
    return [(fit(words, cell.width, cell.look.glyphs.ellipsis), styles.get(host.reach, cell.look.label))]


def _figure(text: str, cell: Cell, *, old: bool, style: Style | None = None) -> Spans:
    look = cell.look
    return [(text, look.faint if old or text in ("0", look.glyphs.dash) else style or look.text)]


def _old(host: HostStatus) -> bool:
    return host.reach in ("away", "stale")


def _queued(host: HostStatus, cell: Cell) -> Spans:
    text = fmt.count(host.messages) if host.overview is not None else cell.look.glyphs.dash
    return _figure(text, cell, old=_old(host))


def _oldest(host: HostStatus, cell: Cell) -> Spans:
    oldest = host.overview.queue.oldest_arrival if host.overview is not None else None
    if oldest is None:
        return _figure(cell.look.glyphs.dash, cell, old=True)
    return _figure(duration(cell.now - oldest), cell, old=_old(host), style=cell.look.age(cell.now - oldest))


def _held(host: HostStatus, cell: Cell) -> Spans:
    if host.overview is None:
        return _figure(cell.look.glyphs.dash, cell, old=True)
    return _figure(fmt.count(host.overview.depth.get("hold", 0)), cell, old=_old(host))


def _out(host: HostStatus, cell: Cell) -> Spans:
    rate = host.overview.out_per_minute if host.overview is not None else None
    return _figure(f"{rate:,.0f}" if rate is not None else cell.look.glyphs.dash, cell, old=_old(host))


def _disk(host: HostStatus, cell: Cell) -> Spans:
    space = host.overview.space if host.overview is not None else None
    if space is None:
        return _figure(cell.look.glyphs.dash, cell, old=True)
    share = space.used_share
    return _figure(fmt.percent(share), cell, old=_old(host), style=cell.look.warning if share > 0.8 else None)


def _lag(host: HostStatus, cell: Cell) -> Spans:
    text = fmt.roughly(host.lag * 1000) if host.lag is not None else cell.look.glyphs.dash
    return _figure(text, cell, old=_old(host))


def _version(host: HostStatus, cell: Cell) -> Spans:
    source = host.overview.source if host.overview is not None else None
    words = f"{source.kind} {source.version}".rstrip() if source is not None else ""
    return [(fit(words, cell.width, cell.look.glyphs.ellipsis), cell.look.label)]


def _trouble(host: HostStatus, cell: Cell) -> Spans:
    look, alert = cell.look, host.alert
    if host.reach == "away":
        return [(fit(host.why[0], cell.width, look.glyphs.ellipsis), look.danger)]
    if alert is None:
        return []
    words = f"{alert.domain}  {alert.text}" if alert.domain else alert.text
    style = look.danger if alert.severity == "critical" else look.warning
    badge = (alert.badge or "CHECK") + " "
    return [(badge, style), (fit(words, max(0, cell.width - len(badge)), look.glyphs.ellipsis), look.label)]


HOSTS: tuple[Column[HostStatus], ...] = (
    Column("", "", ((0, 1),), _sign, gap=1),
    Column("", "host", ((0, 12), (100, 20), (170, 30)), _name, name=True),
    Column("", "state", ((0, 12),), _state),
    Column("", "queue", ((150, 16),), _version),
    Column("", "lag", ((108, 6),), _lag, right=True),
    Column("", "queued", ((0, 8),), _queued, right=True),
    Column("", "oldest", ((0, 7),), _oldest, right=True),
    Column("", "held", ((120, 7),), _held, right=True),
    Column("", "out/min", ((120, 7),), _out, right=True),
    Column("", "disk", ((70, 5),), _disk, right=True, gap=3),
    Column("", "gravest", ((60, 10),), _trouble, flexible=True, gap=1),
)


def host_pane(scene: Scene, host: HostStatus, height: int) -> list[Line]:
    """What is wrong with one, in full, or what it is."""
    look, (why, hint) = scene.look, host.why
    there = f", mxtui {host.version}" if host.version else ""
    where = host.overview.source.path + there if host.overview is not None else ""
    lines = [ruled(scene, host.name, where)]
    for words, style in ((why, look.danger), (hint, look.label)):
        lines += [Line(("    ", look.text), (part, style)) for part in wrap(words, scene.width - 6) if part]
    if why and host.overview is not None:
        lines.append(
            Line(("    ", look.text), ("Its figures are the last known. It is tried again by itself.", look.label))
        )
    for alert in host.overview.alerts if host.overview is not None and not why else ():
        if alert.acknowledged is None:
            sign = (scene.glyphs.warning, look.danger if alert.severity == "critical" else look.warning)
            text = f"  {alert.domain}  {alert.text}" if alert.domain else f"  {alert.text}"
            lines.append(Line(("    ", look.text), sign, (scene.fit(text, scene.width - 8), look.text)))
    if len(lines) == 1:
        calm = "connecting" + scene.glyphs.ellipsis if host.reach == "connecting" else "nothing needs an operator there"
        lines.append(Line(("    ", look.text), (calm, look.label)))
    return lines[:height]


# -- domains across hosts ---------------------------------------------------------------------------------------


def _across_sign(row: DomainAcross, cell: Cell) -> Spans:
    if row.finding:
        return [(cell.look.glyphs.warning, cell.look.warning)]
    return [health_sign(row.worst.health, cell.look)]


def _domain(row: DomainAcross, cell: Cell) -> Spans:
    style = cell.look.strong if cell.chosen or row.finding else cell.look.text
    return [(fit_left(row.domain, cell.width, cell.look.glyphs.ellipsis), style)]


def _all(row: DomainAcross, cell: Cell) -> Spans:
    return _figure(fmt.count(row.messages), cell, old=False)


def _eldest(row: DomainAcross, cell: Cell) -> Spans:
    if row.oldest_arrival is None:
        return _figure(cell.look.glyphs.dash, cell, old=True)
    age = cell.now - row.oldest_arrival
    return _figure(duration(age), cell, old=False, style=cell.look.age(age))


def _all_held(row: DomainAcross, cell: Cell) -> Spans:
    return _figure(fmt.count(row.held), cell, old=False)


def _seen(row: DomainAcross, cell: Cell) -> Spans:
    """From each host: how its primary fares there, and how much waits there."""
    spans, used = [], 0
    for host, status in row.seen:
        sign, style = health_sign(status.health, cell.look)
        words = f" {host} "
        number = fmt.count(status.totals.messages)
        needed = len(sign) + len(words) + len(number) + 2
        if used + needed > cell.width + 2:
            spans.append((cell.look.glyphs.ellipsis, cell.look.label))
            break
        faint = cell.look.faint if not status.totals.messages else cell.look.text
        spans += [(sign, style), (words, cell.look.label), (number, faint), ("  ", cell.look.text)]
        used += needed
    return spans


ACROSS: tuple[Column[DomainAcross], ...] = (
    Column("", "", ((0, 1),), _across_sign, gap=1),
    Column("", "domain", ((0, 18), (108, 26), (170, 36)), _domain, name=True),
    Column("", "oldest", ((0, 7),), _eldest, right=True),
    Column("", "queued", ((0, 8),), _all, right=True),
    Column("", "held", ((90, 7),), _all_held, right=True, gap=3),
    Column("", "primary and queue, as seen from each host", ((0, 20),), _seen, flexible=True, gap=1),
)


def across_pane(scene: Scene, row: DomainAcross, height: int) -> list[Line]:
    """What only all hosts together tell, and how each one sees the primary."""
    look = scene.look
    on = counted(sum(bool(status.totals.messages) for _, status in row.seen), "host")
    lines = [ruled(scene, row.domain, f"{counted(row.messages, 'message')} on {on}")]
    lines += [Line(("    ", look.text), (part, look.warning)) for part in wrap(row.finding, scene.width - 6) if part]
    name = max(len(host) for host, _ in row.seen)
    for host, status in row.seen:
        sign, style = health_sign(status.health, look)
        first, then, strong, plain = primary_words(status, scene.now, look, brief=not scene.wide)
        line = Line(("    ", look.text), (sign, style), (f" {host.ljust(name)}  ", look.text), (first, strong))
        line.add(f"  {then}" if then else "", plain).add("  ", look.text)
        lines.append(
            line.add(scene.fit(destination(status.primary, status.health), scene.width - line.width), look.label)
        )
    return lines[:height]


# -- the top ----------------------------------------------------------------------------------------------------


def header(scene: Scene, hosts: Sequence[HostStatus], *, edge: int, paused: bool) -> Line:
    """How many there are, and how many are as fresh as they look."""
    look = scene.look
    line = Line((" ", look.text), ("mxtui", look.key), ("  ", look.text), (counted(len(hosts), "host"), look.strong))
    fresh = sum(host.reach == "live" for host in hosts)
    if paused:
        return line.right([(scene.glyphs.held, look.warning), (" paused", look.text)], edge)
    if fresh == len(hosts):
        return line.right([(scene.glyphs.up, look.ok), (" all live", look.text)], edge)
    return line.right([(scene.glyphs.stale, look.warning), (f" {fresh} of {len(hosts)} live", look.text)], edge)


def verdict(scene: Scene, hosts: Sequence[HostStatus], rows: Sequence[DomainAcross]) -> tuple[Line, bool]:
    """One sentence on all of them, and whether it is grave: who is away first, then what only all together tell."""
    look = scene.look
    away = [host for host in hosts if host.reach == "away"]
    found = [row for row in rows if row.finding]
    alerts = [(host, alert) for host in hosts if host.reach != "away" and (alert := host.alert) is not None]
    alerts.sort(key=lambda each: each[1].severity != "critical")
    line, grave = Line(), True
    if away:
        line.add(" AWAY ", look.badge_danger)
        subject, text = ", ".join(host.name for host in away), away[0].why[0]
    elif found:
        line.add(" SPLIT ", look.badge_warning)
        subject, text, grave = found[0].domain, found[0].finding, False
    elif alerts:
        host, alert = alerts[0]
        grave = alert.severity == "critical"
        line.add(f" {alert.badge or 'CHECK'} ", look.badge_danger if grave else look.badge_warning)
        subject, text = f"{host.name}  {alert.domain or ''}".rstrip(), alert.text
    else:
        messages = sum(host.messages for host in hosts)
        line.add("   ", look.text).add(scene.glyphs.passed, look.ok).add("  ", look.text)
        subject, text, grave = "", f"{counted(messages, 'message')} on {counted(len(hosts), 'host')}.", False
    line.add(" ", look.text)
    if subject:
        line.add(scene.fit(subject, max(0, scene.width - line.width - 2)), look.strong).add("  ", look.text)
    return line.add(scene.fit(text, max(0, scene.width - line.width - 1)), look.text), grave
