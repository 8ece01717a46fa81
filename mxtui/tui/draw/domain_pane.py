"""Below the domains: everything about the one under the cursor, or whether one is ready for an outage."""

from collections.abc import Sequence
from itertools import zip_longest

from mxtui.model.age import BUCKETS
from mxtui.model.health import Health, Primary
from mxtui.model.holds import DomainHold
from mxtui.model.overview import DomainStatus, Overview
from mxtui.model.source import Verb
from mxtui.model.words import clock, counted, duration
from mxtui.tui import format as fmt
from mxtui.tui.draw.ladder import checks, ladder
from mxtui.tui.draw.scene import Scene, ruled
from mxtui.tui.line import Line, Spans

Reasons = Sequence[tuple[str, int]]

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


def domain_pane(scene: Scene, row: DomainStatus, reasons: Reasons, height: int) -> list[Line]:
    """One domain."""
    words = destination(row.primary, row.health)
    lines = [ruled(scene, row.domain, words if scene.wide else words.partition(",")[0])]
    lines += _tall(scene, row, reasons) if height >= TALL and scene.wide else _low(scene, row, reasons)
    return lines[:height]


def _tall(scene: Scene, row: DomainStatus, reasons: Reasons) -> list[Line]:
    look = scene.look
    health = Line(("    ", look.text), ("Health", look.text + look.strong.without_color), ("    ", look.text))
    if row.health is not None:
        health.extend(ladder(scene, row.health).spans)
        health.to(_RIGHT).extend(checks(scene, row.health))
    left = [_title(scene, "Recipients by time in queue"), *chart(scene, row.totals.age_buckets, 5)]
    right = [_title(scene, "Why it waits"), *_why(scene, reasons, 4)]
    right += [Line()] * (5 - len(right)) + [_title(scene, "What needs a decision"), *_decisions(scene, row)]
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


def _decisions(scene: Scene, row: DomainStatus) -> list[Line]:
    return [
        Line(
            (number.rjust(6), scene.look.strong if number != "0" else scene.look.faint), ("  " + words, scene.look.text)
        )
        for number, words in _open_questions(scene, row)
    ]


def _open_questions(scene: Scene, row: DomainStatus) -> list[tuple[str, str]]:
    held = row.totals.states.get("hold", 0)
    asked = []
    if row.hold is not None:
        asked.append((duration(row.hold.until - scene.now), hold_words(scene, row.hold)))
    asked.append((fmt.count(held), "held: releasing is up to you" if held else "held"))
    left = row.totals.next_expire - scene.now if row.totals.next_expire is not None else None
    if left is not None and left < 86_400:
        asked.append((duration(left), "until the first is given up"))
    else:
        asked.append(("0", "expire within 24 h"))
    if corrupt := row.totals.states.get("corrupt", 0):
        asked.append((fmt.count(corrupt), "corrupt: set aside, never delivered"))
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


def _low(scene: Scene, row: DomainStatus, reasons: Reasons) -> list[Line]:
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
    asked = [
        span
        for number, words in _open_questions(scene, row)
        for span in (
            (number, look.strong if number != "0" else look.faint),
            (f" {words.partition(': ')[0]}  ", look.text),
        )
    ]
    return [
        named("Health", health),
        bounds,
        numbers,
        named("Why", waits or [("no failed attempt on record", look.label)]),
        named("Decide", asked),
    ]


def ready_pane(scene: Scene, overview: Overview, height: int) -> list[Line]:
    """On a quiet day: is this backup fit for the next outage?"""
    look = scene.look
    lines = [ruled(scene, "Ready for an outage", f"as seen at {clock(overview.taken_at, overview.taken_at)}")]
    lines += [Line()] if height >= TALL else []
    for good, name, words in _readiness(overview):
        sign = (scene.glyphs.passed, look.ok) if good else (scene.glyphs.warning, look.warning)
        lines.append(Line(("    ", look.text), sign, (f" {name.ljust(13)}", look.label), (words, look.text)))
    return lines[:height]


def _readiness(overview: Overview) -> list[tuple[bool, str, str]]:
    able = overview.capabilities
    found = [
        (able.running, "mail system", "running" if able.running else "stopped: mail is neither taken nor delivered")
    ]
    if overview.space is not None:
        share = overview.space.used_share
        free = fmt.bytes_(overview.space.bytes_free)
        found.append((share < 0.8, "disk", f"{fmt.percent(1 - share)} free, {free}"))
    known = [row for row in overview.domains if row.primary is not None]
    up = sum(row.health is not None and row.health.state == "up" for row in known)
    found.append((up == len(known), "primaries", f"{up} of {counted(len(known), 'domain')} have theirs up"))
    held = overview.queue.states.get("hold", 0)
    found.append((not held, "held mail", counted(held, "message") if held else "none"))
    missing = [verb for verb in (Verb.HOLD, Verb.FLUSH) if not able.may(verb).allowed]
    words = "you may hold, release and flush" if not missing else able.may(missing[0]).why_not or "you may only look"
    found.append((not missing, "permission", words))
    return found
