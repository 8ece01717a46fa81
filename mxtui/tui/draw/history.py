"""How a domain, or the whole queue, fared: depth and age over time, the primary's bad times, and numbers."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rich.style import Style

from mxtui.model.age import bucket
from mxtui.model.health import HealthState
from mxtui.model.history import SPANS, Column, Point, Summary, columns, summary
from mxtui.model.words import clock, counted, duration
from mxtui.tui import format as fmt
from mxtui.tui.draw.chart import LEFT, RIGHT, bars, lane, room
from mxtui.tui.draw.scene import Scene
from mxtui.tui.line import Line, wrap

Figure = Callable[[int], str]

NAMES = {"1h": "1 h", "6h": "6 h", "24h": "24 h", "7d": "7 days"}

NUMBERS = 5
"""Lines of the table of figures."""


@dataclass(frozen=True, slots=True)
class Past:
    """What is shown."""

    span: str
    """One of `SPANS`."""
    points: Sequence[Point]
    until: float
    """When they were read."""
    has_primary: bool = True
    fault: str = ""
    """Why there is nothing, or nothing new, as a sentence."""


def history(scene: Scene, past: Past, height: int) -> list[Line]:
    """All of it, in so many lines."""
    look = scene.look
    start, end = past.until - SPANS[past.span], past.until
    lines = [_spans(scene, past)]
    if past.fault:
        lines += [Line(("  ", look.text), (part, look.warning)) for part in wrap(past.fault, scene.width - 4)]
    if not past.points:
        words = (
            "" if past.fault else "Nothing was watched in this time. A minute is kept whenever a console or serve runs."
        )
        return [*lines, Line(), Line(("  ", look.text), (scene.fit(words, scene.width - 4), look.label))]
    shown = columns(past.points, start, end, room(scene))
    told = summary(past.points)
    charts, numbers, blanks = _heights(height - len(lines))
    gap = [Line()] * blanks
    down = {position for position, column in enumerate(shown) if column is not None and column.state == "down"}

    def of_depth(position: int) -> Style:
        return look.text if position == len(shown) - 1 else look.past

    def of_age(position: int) -> Style:
        column = shown[position]
        return look.ramp[bucket(column.oldest or 0)] if column is not None else look.text

    lines += [*gap, _title(scene, "Messages waiting", _most(told.most, told.most_at, scene, fmt.count))]
    depths = [column.depth if column is not None else None for column in shown]
    lines += bars(scene, depths, charts[0], of_depth, _count, down)
    if past.has_primary:
        lines.append(_primary(scene, shown))
    lines += [*gap, _title(scene, "Age of the oldest", _most(told.oldest, told.oldest_at, scene, duration))]
    ages = [(column.oldest or 0) if column is not None else None for column in shown]
    lines += bars(scene, ages, charts[1], of_age, fmt.brief, down)
    lines.append(_axis(scene, start, end))
    lines += [*gap, *_rates(scene, shown, told)]
    if numbers:
        lines += gap + _numbers(scene, past, start, end)
    return lines[:height]


def _heights(room: int) -> tuple[tuple[int, int], int, int]:
    """Of the two charts, of the numbers, and of blank lines between blocks; the charts get what is left."""
    fixed = 7  # two titles, the primary, the axis, the rates
    blanks = 1 if room >= fixed + NUMBERS + 4 + 12 else 0
    numbers = NUMBERS if room >= fixed + NUMBERS + 5 else 0
    left = max(2, room - fixed - numbers - 4 * blanks)
    second = min(8, left * 2 // 5)
    return (min(14, left - second), max(1, second)), numbers, blanks


def _spans(scene: Scene, past: Past) -> Line:
    look = scene.look
    line = Line((" ", look.text))
    for name in SPANS:
        chosen = name == past.span
        words = f"[{NAMES[name]}]" if chosen and look.shaded else f" {NAMES[name]} "
        line.add(words, look.selected if chosen and not look.shaded else look.strong if chosen else look.label)
    watched = sum(point.sample.watched for point in past.points)
    span = SPANS[past.span]
    # The minute that is not over is no gap.
    words = f"watched {duration(min(watched, span))} of {NAMES[past.span]}" if watched < span - 400 else ""
    return line.right([(words, look.label)], scene.width - RIGHT) if words else line


def _title(scene: Scene, title: str, words: str) -> Line:
    look = scene.look
    return Line((f"  {title}", look.text + look.strong.without_color), ("  ", look.text), (words, look.label))


def _most(value: int | None, at: int | None, scene: Scene, figure: Figure) -> str:
    return f"most {figure(value)} at {clock(at, scene.now)}" if value is not None and at is not None else "none"


def _primary(scene: Scene, shown: Iterable[Column | None]) -> Line:
    look = scene.look
    line = Line(("  primary".ljust(LEFT), look.label))
    for column in shown:
        line.add(*_state(scene, column.state if column is not None else None))
    return line


def _state(scene: Scene, state: HealthState | None) -> tuple[str, Style]:
    look, glyphs = scene.look, scene.glyphs
    match state:
        case None:
            return " ", look.text
        case "up":
            return glyphs.rule, look.ok
        case "down":
            return glyphs.down, look.danger
        case "degraded":
            return glyphs.warning, look.warning
        case "flapping":
            return glyphs.flapping, look.warning
    return glyphs.unknown, look.faint


def outages(told: Summary) -> str:
    """The primary's time in words."""
    words = []
    if told.down:
        words.append(f"down {duration(told.down)}" + (f" in {told.outages} outages" if told.outages > 1 else ""))
    elif told.watched:
        words.append("never down" if told.known else "not checked")
    if told.latency_ms is not None:
        words.append(f"{fmt.milliseconds(told.latency_ms)} a check")
    return ", ".join(words)


def _axis(scene: Scene, start: float, end: float) -> Line:
    look, wide = scene.look, room(scene)
    line = Line((" " * LEFT, look.text))
    parts = 4 if wide >= 48 else 2
    for part in range(parts):
        if line.width <= LEFT + wide * part // parts:
            line.to(LEFT + wide * part // parts)
            line.add(clock(start + (end - start) * part / parts, scene.now), look.label)
    return line.right([("now", look.label)], LEFT + wide)


def _rates(scene: Scene, shown: Sequence[Column | None], told: Summary) -> list[Line]:
    look = scene.look
    came = [column.in_per_minute if column is not None else None for column in shown]
    went = [column.out_per_minute if column is not None else None for column in shown]
    words = (
        f"{counted(told.arrived, 'message')} came, {told.left:,} left; "
        f"most a minute {_rate(max(filter(None, came), default=0))} in, {_rate(max(filter(None, went), default=0))} out"
    )
    return [
        _title(scene, "In and out", scene.fit(words, scene.width - 16)),
        lane(scene, "in", came, look.past),
        lane(scene, "out", went, look.mass),
    ]


def _rate(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 9.95 or not value else f"{value:.1f}"


def _count(value: float) -> str:
    return fmt.count(round(value)) if value < 1_000_000 else f"{value / 1_000_000:.1f} M"


def _numbers(scene: Scene, past: Past, start: float, end: float) -> list[Line]:
    """The same in figures, so that no meaning hangs on colour, or on an eye for eighths."""
    look, dash = scene.look, scene.glyphs.dash
    parts = max(2, min(8, room(scene) // 11))
    shown = columns(past.points, start, end, parts)
    step, wide = (end - start) / parts, room(scene) // parts
    rows: list[tuple[str, list[tuple[str, Style]]]] = [
        ("until", [(clock(start + step * (n + 1), scene.now), look.label) for n in range(parts)]),
        ("waiting", [_figure(c and c.depth, fmt.count, look.text, dash, look.faint) for c in shown]),
        ("oldest", [_figure(c and c.oldest, duration, look.text, dash, look.faint) for c in shown]),
        ("in / out", [_both(c, dash, look.text, look.faint) for c in shown]),
    ]
    if past.has_primary:
        words = [(c.state, look.danger if c.state == "down" else look.text) if c else (dash, look.faint) for c in shown]
        rows.append(("primary", list(words)))
    lines = []
    for name, cells in rows:
        line = Line((f"  {name}".ljust(LEFT), look.label))
        for position, (text, style) in enumerate(cells):
            line.to(LEFT + wide * (position + 1) - len(text)).add(text, style)
        lines.append(line)
    return lines


def _figure(value: int | None, figure: Figure, style: Style, dash: str, faint: Style) -> tuple[str, Style]:
    return (dash, faint) if value is None else (figure(value), style if value else faint)


def _both(column: Column | None, dash: str, style: Style, faint: Style) -> tuple[str, Style]:
    if column is None or column.in_per_minute is None or column.out_per_minute is None:
        return dash, faint
    words = f"{_rate(column.in_per_minute)}/{_rate(column.out_per_minute)}"
    return words, style if column.in_per_minute or column.out_per_minute else faint
