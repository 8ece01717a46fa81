"""The top of every screen: header, verdict, alerts, totals, tabs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.style import Style

from mxtui.model.holds import words
from mxtui.model.overview import STALE_AFTER, Overview
from mxtui.model.words import duration, span
from mxtui.tui import format as fmt
from mxtui.tui.draw.scene import Scene
from mxtui.tui.line import Line, Spans
from mxtui.tui.verdict import Verdict

TABS: tuple[tuple[str, str, str], ...] = (
    ("domains", "1", "Domains"),
    ("messages", "2", "Messages"),
    ("reasons", "3", "Reasons"),
    ("drain", "4", "Drain"),
    ("primaries", "5", "Primaries"),
    ("audit", "6", "Audit"),
    ("suspects", "7", "Suspects"),
    ("hosts", "8", "Hosts"),
)
"""(name, key, title); the last one only where there are several queues."""

ALERT_LINES = 3

CLOCK = 12
"""Cells of the clock and the space before it."""


@dataclass(frozen=True, slots=True)
class Top:
    """Lines, and those that have a ground of their own."""

    lines: Sequence[Line]
    grounds: Mapping[int, Style]


def header(scene: Scene, overview: Overview | None, *, paused: bool = False) -> Line:
    """Which console, which queue, how fresh; room for the clock at the right."""
    look = scene.look
    line = Line((" ", look.text), ("mxtui", look.key))
    edge = scene.width - CLOCK
    if overview is None:
        return line.right([("starting", look.label)], edge)
    service, held = overview.capabilities.service, _held(scene, overview)
    lost = _no_history(scene, overview)
    room = scene.width - 42 - sum(len(words) + 2 for words in (service, held, lost) if words)
    line.add("  ", look.text).add(scene.fit(overview.source.name, max(10, room)), look.strong)
    if scene.width >= 72:
        words = f"{overview.source.kind} {overview.source.version}".rstrip()
        line.add("  " + words, look.label)
    if service:
        line.add("  " + service, look.warning if service in ("suspended", "drain stopped") else look.accent)
    if held:
        line.add("  " + held, look.warning)
    if lost:
        line.add("  " + lost, look.warning)
    return line.right(_freshness(scene, overview, paused), edge)


def _no_history(scene: Scene, overview: Overview) -> str:
    """Where nothing is kept: why, as there is room. The whole sentence is on the screen of the history."""
    if not overview.history_fault:
        return ""
    words = f"no history: {overview.history_fault}"
    return words if len(words) <= scene.width - 80 else "no history"


def _held(scene: Scene, overview: Overview) -> str:
    """Domains that are held: which and how much, where it is one and there is room."""
    rows = [(row.hold, row.totals) for row in overview.domains if row.hold is not None]
    if not rows:
        return ""
    if len(rows) > 1:
        return f"{len(rows)} domains held" if scene.wide else f"{len(rows)} held"
    hold, totals = rows[0]
    if not scene.wide:
        return words(hold, scene.now).partition(",")[0]
    return f"{hold.domain} {words(hold, scene.now)}, {fmt.count(totals.states.get('hold', 0))} held"


def _freshness(scene: Scene, overview: Overview, paused: bool) -> Spans:
    look, silent = scene.look, scene.now - overview.heard_at
    if paused:
        return [(scene.glyphs.held, look.warning), (" paused", look.text)]
    if overview.fault:
        return [(scene.glyphs.stale, look.warning), (" unreadable", look.warning)]
    if silent > STALE_AFTER:
        return [(scene.glyphs.stale, look.warning), (f" stale {int(silent)} s", look.warning)]
    # To the second above two, so that an idle screen sends nothing for it.
    words = " live" if silent < 3 else f" live {int(silent)} s"
    return [(scene.glyphs.up, look.ok), (words, look.text)]


def reading(scene: Scene, overview: Overview) -> Line:
    """How far the first read has come, and how much longer it takes."""
    look, progress = scene.look, overview.reading
    assert progress is not None
    line = Line((f"   reading{scene.glyphs.ellipsis} ", look.label), (f"{progress.read:,}", look.strong))
    line.add(" so far", look.label)
    share = min(1.0, progress.read / progress.expected) if progress.expected else 0.0
    left = f"  {span(progress.left)} left" if progress.left else ""
    room = min(60, scene.width - line.width - len(left) - 12)
    if room >= 10:
        full = round(room * share)
        line.add("   ", look.text).add(scene.glyphs.heavy_rule * full, look.accent)
        line.add(scene.glyphs.rule * (room - full), look.faint).add(f"  {fmt.percent(share)}", look.text)
        line.add(left, look.label)
    return line


def verdict(scene: Scene, said: Verdict, *, listed: bool) -> Line:
    """The one sentence. `listed`: the other alerts have lines of their own."""
    look = scene.look
    line = Line()
    if said.badge:
        style = look.badge_danger if said.severity == "critical" else look.badge_warning
        line.add(f" {said.badge} ", style).add(" ", look.text)
    elif said.severity == "well":
        line.add("   ", look.text).add(scene.glyphs.passed, look.ok).add("   ", look.text)
    else:
        line.add("   ", look.text)
    hidden = len(said.others) - (ALERT_LINES if listed else 0)
    more: Spans = []
    if hidden > 0:
        words = f"{fmt_more(hidden)} " if scene.wide else f"+{hidden} "
        more = [(words, look.label), ("!", look.key)]
    room = scene.width - line.width - (sum(len(text) for text, _ in more) + 2) - 2
    if said.subject:
        line.add(scene.fit(said.subject, room), look.strong)
        line.add("  ", look.text)
        room -= len(said.subject) + 2
    line.add(scene.fit(said.text if scene.wide else said.short, max(0, room)), look.text)
    return line.right(more, scene.width - 1)


def fmt_more(number: int) -> str:
    """How many more alerts there are."""
    return f"{number} more alert{'' if number == 1 else 's'}"


def alert_lines(scene: Scene, said: Verdict) -> list[Line]:
    """Lesser alerts, one line each."""
    look = scene.look
    return [
        Line(
            ("   ", look.text),
            (scene.glyphs.warning, look.danger if alert.severity == "critical" else look.warning),
            ("   ", look.text),
            *([(alert.domain + "  ", look.text)] if alert.domain else []),
            (scene.fit(alert.text, scene.width - 12 - len(alert.domain or "")), look.label),
        )
        for alert in said.others[:ALERT_LINES]
    ]


def totals(scene: Scene, overview: Overview) -> list[Line]:
    """The queue in seven figures: two lines where there is room, else one."""
    look, dash = scene.look, scene.glyphs.dash
    queue, depth = overview.queue, sum(overview.depth.values())
    number = max(queue.messages, depth) if overview.reading else queue.messages
    value = look.text if not number or overview.stale else look.strong
    figures: list[tuple[str, Style, str, str]] = [(fmt.count(number), value, "queued", "")]
    for rate, name in ((overview.in_per_minute, "in"), (overview.out_per_minute, "out")):
        figures.append((f"{rate:,.0f}/min" if rate is not None else dash, value, name, name))
    if queue.oldest_arrival is not None:
        age = scene.now - queue.oldest_arrival
        figures.append((duration(age), value if look.age(age) is look.label else look.age(age), "oldest", "oldest"))
    else:
        figures.append((dash, look.text, "oldest", "oldest"))
    if queue.next_expire is not None:
        left = queue.next_expire - scene.now
        figures.append((duration(left), look.warning if left < 86_400 else value, "next expiry", "expiry"))
    else:
        figures.append((dash, look.text, "next expiry", "expiry"))
    held = overview.depth.get("hold", queue.states.get("hold", 0))
    figures.append((fmt.count(held), value if held else look.text, "held", "held"))
    if overview.space is not None:
        share = overview.space.used_share
        figures.append((fmt.percent(share), look.warning if share > 0.8 else value, "disk used", "disk"))
    return _spread(scene, figures) if scene.wide else [_dense(scene, figures)]


def _spread(scene: Scene, figures: Sequence[tuple[str, Style, str, str]]) -> list[Line]:
    step = (scene.width - 4) // 7
    above, below = Line(), Line()
    for position, (text, style, name, _) in enumerate(figures):
        above.to(4 + position * step).add(text, style)
        below.to(4 + position * step).add(name, scene.look.label)
    return [above, below]


def _dense(scene: Scene, figures: Sequence[tuple[str, Style, str, str]]) -> Line:
    look = scene.look
    line = Line((" ", look.text), (figures[0][0], figures[0][1]), (" queued", look.label))
    # Room runs out at the right: what is held goes first, then the disk.
    for text, style, _, name in sorted(figures[1:], key=lambda figure: figure[3] == "held"):
        if name == "held" and text == "0":
            continue
        number, slash, unit = text.partition("/")
        if name == "in":
            slash, unit = "", ""  # said once, by what follows
        if line.width + 3 + len(name) + len(number + slash + unit) >= scene.width:
            break
        line.add(f"  {name} ", look.label).add(number, style).add(slash + unit, look.label)
    return line


def tabs(
    scene: Scene, current: str, notes: Mapping[str, Spans], *, several: bool = False
) -> tuple[list[Line], list[tuple[int, int, str]]]:
    """The tabs over a rule, and where each of them is: (first cell, one past the last, screen)."""
    look = scene.look
    line, rule = Line(), Line()
    places: list[tuple[int, int, str]] = []
    gap = 3 if scene.wide else 2
    short = scene.width < (86 if several else 76)
    for name, key, title in TABS if several else TABS[:-1]:
        active = name == current
        if short and not active:
            title = title[: 3 if scene.width >= (56 if several else 48) else 0]
        note = notes.get(name, []) if scene.width >= 100 or name == "drain" else []
        if scene.width < (94 if several else 84):  # room for the sign alone: the last tab would be cut
            note = [(text[:1], style) for text, style in note[:1]]
        line.add(" " if not places else " " * gap, look.text)
        start = line.width
        line.add(key, look.accent if active else look.label)
        if title:
            line.add(" ", look.text).add(title, look.strong if active else look.label)
        for text, style in note:
            line.add(" ", look.text).add(text, style)
        places.append((start, line.width, name))
        if active:
            rule.add(scene.glyphs.rule * start, look.faint)
            rule.add(scene.glyphs.heavy_rule * (line.width - start), look.accent)
    rule.add(scene.glyphs.rule * max(0, scene.width - rule.width), look.faint)
    return [line, rule], places


def crumbs(scene: Scene, trail: Spans, right: Spans) -> list[Line]:
    """In place of the tabs where a screen lies on another."""
    line = Line((" ", scene.look.text), *trail).right(right, scene.width - 1)
    return [line, Line((scene.glyphs.rule * scene.width, scene.look.faint))]
