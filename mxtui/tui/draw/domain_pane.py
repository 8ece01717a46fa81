"""Below the domains: everything about the one under the cursor."""

from collections.abc import Sequence
from itertools import zip_longest

from mxtui.model.age import BUCKETS
from mxtui.model.forecast import Deadlines, Forecast
from mxtui.model.health import Health, Primary
from mxtui.model.holds import DomainHold
from mxtui.model.holds import words as standing
from mxtui.model.overview import DomainStatus
from mxtui.model.tally import DELIVERABLE
from mxtui.model.words import clock, duration
from mxtui.tui import format as fmt
from mxtui.tui.draw.ladder import checks, ladder
from mxtui.tui.draw.scene import Scene, ruled
from mxtui.tui.line import Line, Spans

Reasons = Sequence[tuple[str, int]]

Asked = list[tuple[str, str]]
"""Figures, and what they are of."""

_BOUNDS = ("≤5m", "10m", "20m", "40m", "80m", "2h40", "5h20", "10h", "21h", "older")
_SOURCES = {"config": "from the configuration", "transport": "as the mail system routes", "mx": "by MX lookup"}

TALL, LOW = 14, 7
"""Lines of the pane where there is room, and where there is little."""

_RIGHT = 84


def destination(primary: Primary | None, health: Health | None) -> str:
    """Host and port, and who says so."""
    if primary is None:
        return "not checked yet" if health is None or health.unasked else "no primary known"
    return f"{primary.host}:{primary.port}, {_SOURCES[primary.source]}"


def domain_pane(
    scene: Scene, row: DomainStatus, reasons: Reasons, height: int, forecast: Forecast | None = None
) -> list[Line]:
    """One domain."""
    words = destination(row.primary, row.health)
    lines = [ruled(scene, row.domain, words if scene.wide else words.partition(",")[0])]
    asked = _open_questions(scene, row, forecast)
    lines += _tall(scene, row, reasons, asked) if height >= TALL and scene.wide else _low(scene, row, reasons, asked)
    return lines[:height]


def _tall(scene: Scene, row: DomainStatus, reasons: Reasons, asked: Asked) -> list[Line]:
    look = scene.look
    health = Line(("    ", look.text), ("Health", look.text + look.strong.without_color), ("    ", look.text))
    if row.health is not None:
        health.extend(ladder(scene, row.health).spans)
        health.to(_RIGHT).extend(checks(scene, row.health))
    left = [_title(scene, "Recipients by time in queue"), *chart(scene, row.totals.age_buckets, 5)]
    right = [_title(scene, "Why it waits"), *_why(scene, reasons, 4)]
    right += [Line()] * (5 - len(right)) + [_title(scene, "What needs a decision"), *_decisions(scene, asked)]
    lines = [Line(), health, Line()]
    for one, other in zip_longest(left, right):
        line = Line(("    ", look.text), *(one.spans if one else ()))
        lines.append(line.to(_RIGHT).extend(other.spans) if other else line)
    return lines


def _title(scene: Scene, words: str) -> Line:
    return Line((words, scene.look.text + scene.look.strong.without_color))


def _why(scene: Scene, reasons: Reasons, most: int) -> list[Line]:
    look = scene.look
    if not reasons:
        return [Line(("no failed attempt on record", look.label))]
    digits = max(6, *(len(fmt.count(messages)) for _, messages in reasons))
    return [
        Line(
            (fmt.count(messages).rjust(digits), look.strong),
            ("  " + scene.fit(text, scene.width - _RIGHT - digits - 4), look.text),
        )
        for text, messages in reasons[:most]
    ]


def _decisions(scene: Scene, asked: Asked) -> list[Line]:
    return [
        Line(
            (number.rjust(6), scene.look.strong if number != "0" else scene.look.faint), ("  " + words, scene.look.text)
        )
        for number, words in asked
    ]


def _open_questions(scene: Scene, row: DomainStatus, forecast: Forecast | None) -> Asked:
    held = row.totals.states.get("hold", 0)
    asked: Asked = []
    if row.hold is not None:
        asked.append((duration(row.hold.until - scene.now), hold_words(scene, row.hold)))
    asked += _offered(row)
    asked.append((fmt.count(held), "held: releasing is up to you" if held else "held"))
    if suspected := row.totals.states.get("quarantine", 0):
        asked.append((fmt.count(suspected), "in quarantine: no drain takes it"))
    asked += _expiring(scene, row, forecast)
    if corrupt := row.totals.states.get("corrupt", 0):
        asked.append((fmt.count(corrupt), "corrupt: set aside, never delivered"))
    if forecast is not None and (seconds := forecast.drain_seconds(row.totals.messages)):
        rate = f"{forecast.outlook.per_second:,.0f}/s" if (forecast.outlook.per_second or 0) >= 1 else "the last rate"
        asked.append((fmt.brief(seconds), f"a drain takes: at {rate}, as {forecast.outlook.rate_of}"))
    return asked


def _offered(row: DomainStatus) -> Asked:
    """What an outage left, once its primary is back: Postfix takes its time over it, and nobody drains it unasked."""
    health, oldest = row.health, row.totals.oldest_waiting
    if health is None or health.state != "up" or health.found_so or oldest is None or oldest >= (health.since or 0):
        return []
    waiting = sum(row.totals.states.get(state, 0) for state in DELIVERABLE)
    return [(fmt.count(waiting), "waited for its primary, now back: f drains")]


def _expiring(scene: Scene, row: DomainStatus, forecast: Forecast | None) -> Asked:
    left = row.totals.next_expire - scene.now if row.totals.next_expire is not None else None
    due = forecast.of(row.domain) if forecast is not None else Deadlines()
    asked: Asked = []
    if due.within_24h:
        asked.append((fmt.count(due.within_24h), f"expire within 24 h, {due.within_12h:,} of them within 12 h"))
    elif left is not None and left < 86_400:
        asked.append((duration(left), "until the first is given up"))
    else:
        asked.append(("0", "expire within 24 h"))
    if due.before_return and forecast is not None:
        back = clock(forecast.returns[row.domain], scene.now)
        asked.append((fmt.count(due.before_return), f"expire before {back}, when it is to be back"))
    return asked


def hold_words(scene: Scene, hold: DomainHold) -> str:
    """What, until when, by whom and why."""
    what = f"{hold.noun} to {hold.to}" if hold.to else hold.noun
    caught = "" if hold.caught_since is not None or hold.kind == "suspend" else "new mail is not caught, "
    return f"{what}, {caught}until {clock(hold.until, scene.now)} by {hold.owner}: {hold.reason}"


def chart(scene: Scene, buckets: Sequence[int], height: int) -> list[Line]:
    """Recipients by age as bars, with their numbers and bounds below; each bar is seven cells."""
    look, glyphs = scene.look, scene.glyphs
    highest = max(buckets, default=0) or 1
    steps = len(glyphs.blocks) - 1
    filled = [0 if not n else max(1, round(n / highest * height * steps)) for n in buckets]
    lines = []
    for level in reversed(range(height)):
        line = Line()
        for position, full in enumerate(filled):
            part = max(0, min(steps, full - level * steps))
            if part == steps and not look.shaded:
                line.add(" " * 6, look.heat[position][-1])
            else:
                line.add(glyphs.blocks[part] * 6, look.ramp[position])
            line.add(" ", look.text)
        lines.append(line)
    numbers, bounds = Line(), Line()
    for position in range(BUCKETS):
        number = buckets[position] if position < len(buckets) else 0
        text = _number(number) if number else glyphs.dot
        numbers.add(text.rjust(6) + " ", look.text if number else look.faint)
        bounds.add(_BOUNDS[position].rjust(6) + " ", look.label)
    return [*lines, numbers, bounds]


def _number(number: int) -> str:
    return fmt.count(number) if number < 100_000 else f"{number / 1_000:,.0f}k"


def _low(scene: Scene, row: DomainStatus, reasons: Reasons, asked: Asked) -> list[Line]:
    look = scene.look

    def named(name: str, spans: Spans) -> Line:
        return Line(("  ", look.text), (name.ljust(8), look.label)).extend(spans)

    health: Spans = [("not checked yet", look.label)]
    if row.health is not None:
        climbed = ladder(scene, row.health, whole=False)
        health = [*climbed.spans, ("  ", look.text), *checks(scene, row.health, scene.width - climbed.width - 14)]
    bounds, numbers = Line(("  Age  ", look.label)), Line(("       ", look.label))
    for position, number in enumerate(row.totals.age_buckets):
        bounds.add(_BOUNDS[position].rjust(7), look.label)
        numbers.add((_number(number) if number else scene.glyphs.dot).rjust(7), look.text if number else look.faint)
    waits = [
        span
        for text, messages in reasons[:2]
        for span in ((fmt.count(messages), look.strong), (f" {scene.fit(text, 30)}  ", look.text))
    ]
    questions = [
        span
        for number, words in asked[row.hold is not None :]
        for span in (
            (number, look.strong if number != "0" else look.faint),
            (f" {words.partition(': ')[0]}  ", look.text),
        )
    ]
    if row.hold is not None:  # it says why nothing goes
        kept = f"{standing(row.hold, scene.now)}, {hold_words(scene, row.hold).partition(', ')[2]}"
        waits = [(scene.fit(kept, scene.width - 10), look.text)]
    return [
        named("Health", health),
        bounds,
        numbers,
        named("Held" if row.hold is not None else "Why", waits or [("no failed attempt on record", look.label)]),
        named("Decide", questions),
    ]
