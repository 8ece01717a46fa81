"""On a quiet day, in place of a domain: is this backup fit for the next outage?"""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Literal, NamedTuple, get_args

from mxtui.model.drill import Standing, standing
from mxtui.model.forecast import NOTHING_KNOWN, LastDrain, Outlook, room_for
from mxtui.model.overview import Overview
from mxtui.model.source import Verb
from mxtui.model.words import clock, counted, duration
from mxtui.tui import format as fmt
from mxtui.tui.draw.scene import Scene, ruled
from mxtui.tui.line import Line

STALE_DOCTOR = 30 * 86_400.0
"""Seconds after which a look at the set-up says little about today."""

_RIGHT = 84


class Point(NamedTuple):
    """One thing that has to be so."""

    good: Literal["yes", "no", "unknown"]
    name: str
    words: str


def ready_pane(scene: Scene, overview: Overview, height: int, tall: int) -> list[Line]:
    """What is known of it; what was never looked at says so."""
    outlook = overview.forecast.outlook if overview.forecast is not None else NOTHING_KNOWN
    points = list(_points(overview, outlook, scene.now))
    bad = sum(point.good == "no" for point in points)
    open_ = any(point.good == "unknown" for point in points)
    said = f"as seen at {clock(overview.taken_at, overview.taken_at)}"
    if bad:
        said = f"{bad} of {len(points)} {'needs' if bad == 1 else 'need'} a look, {said}"
    lines = [ruled(scene, "Ready for an outage" + ("?" if bad or open_ else ""), said)]
    roomy = height >= tall
    lines += [Line()] if roomy else []
    if not roomy:  # what is wrong first, then what is not known; the rest as there is room
        points.sort(key=lambda point: ("no", "unknown", "yes").index(point.good))
    left = [_line(scene, point) for point in points]
    right = _past(scene, outlook) if scene.wide and roomy else []
    for one, other in zip_longest(left, right):
        line = one or Line()
        lines.append(line.to(_RIGHT).extend(other.spans) if other is not None and line.width < _RIGHT else line)
    return lines[:height]


def _line(scene: Scene, point: Point) -> Line:
    look, glyphs = scene.look, scene.glyphs
    sign = {
        "yes": (glyphs.passed, look.ok),
        "no": (glyphs.warning, look.warning),
        "unknown": (glyphs.unknown, look.label),
    }[point.good]
    style = look.label if point.good == "unknown" else look.text
    room = (_RIGHT if scene.wide else scene.width) - 22
    return Line(
        ("    ", look.text), sign, (f" {point.name.ljust(13)}", look.label), (scene.fit(point.words, room), style)
    )


def _points(overview: Overview, outlook: Outlook, now: float) -> Iterator[Point]:
    able = overview.capabilities
    words = "running" if able.running else "stopped: mail is neither taken nor delivered"
    yield Point("yes" if able.running else "no", "mail system", words)
    if overview.space is not None:
        yield _disk(overview, outlook)
    known = [row for row in overview.domains if row.primary is not None]
    up = [row.health.since for row in known if row.health is not None and row.health.state == "up"]
    words = f"{len(up)} of {counted(len(known), 'domain')} have theirs up"
    if known and len(up) == len(known):
        since = max((each for each in up if each is not None), default=None)
        words = f"{'all ' if len(up) > 1 else ''}{len(up)} up" + (f" since {clock(since, now)}" if since else "")
    yield Point("yes" if len(up) == len(known) else "no", "primaries", words)
    held = overview.queue.states.get("hold", 0)
    yield Point("no" if held else "yes", "held mail", counted(held, "message") if held else "none")
    yield _doctor(outlook, now)
    yield _drill(overview, outlook, now)
    missing = [verb for verb in (Verb.HOLD, Verb.FLUSH) if not able.may(verb).allowed]
    words = "you may hold, release and flush" if not missing else able.may(missing[0]).why_not or "you may only look"
    yield Point("no" if missing else "yes", "permission", words)


def _ago(seconds: float) -> str:
    days = int(seconds // 86_400)
    return f"{days} days ago" if days >= 2 else f"{duration(seconds)} ago"


def _disk(overview: Overview, outlook: Outlook) -> Point:
    space = overview.space
    assert space is not None
    good: Literal["yes", "no"] = "yes" if 1 - space.used_share > outlook.free else "no"
    words = f"{fmt.percent(1 - space.used_share)} free, {fmt.bytes_(space.bytes_free)}"
    if outlook.usual is not None:
        days = room_for(space, outlook.usual)
        long = "over a year" if days > 365 else counted(int(days), "day")
        words = f"room for {long} at the usual rate, {words}"
        good = "yes" if good == "yes" and days >= 5 else "no"
    return Point(good, "disk", words)


def _doctor(outlook: Outlook, now: float) -> Point:
    found = outlook.doctor
    if found is None:
        return Point("unknown", "set-up", "never examined: mxtui doctor")
    ago = _ago(now - found.at)
    if found.failed or found.warned:
        bad = ", ".join(
            counted(many, noun) for many, noun in ((found.failed, "fault"), (found.warned, "warning")) if many
        )
        return Point("no" if found.failed else "unknown", "set-up", f"{bad}, {found.passed} in order, {ago}")
    if now - found.at > STALE_DOCTOR:
        return Point("unknown", "set-up", f"in order, but last examined {ago}")
    return Point("yes", "set-up", f"{counted(found.passed, 'check')} in order, {ago}")


def _drill(overview: Overview, outlook: Outlook, now: float) -> Point:
    """The one domain that is worst off counts: one that was drilled says nothing of another."""
    drills = outlook.drills
    if drills is None:
        return Point("unknown", "drill", "not known: the record cannot be read")
    # Where nobody set addresses, those that somebody drilled by hand, as long as they are domains of ours.
    domains = outlook.drilled or [row.domain for row in overview.domains if row.domain in drills]
    if not domains or (not drills and len(domains) == 1):
        return Point("unknown", "drill", f"never held: mxtui drill {' '.join(domains)}".rstrip())
    found: dict[Standing, list[str]] = {}
    for domain in domains:
        found.setdefault(standing(drills.get(domain), now, outlook.drill_every), []).append(domain)
    stands = next(each for each in get_args(Standing) if each in found)
    alike = sorted(found[stands], key=lambda domain: drills[domain].at if domain in drills else 0.0)
    named = alike[0] + (f" and {len(alike) - 1} more" if len(alike) > 1 else "")
    if stands == "never":
        return Point("unknown", "drill", f"{named} never drilled: mxtui drill")
    ago = _ago(now - drills[alike[0]].at)
    if stands == "passed":
        words = f"passed {ago}, {named}" if len(alike) == 1 else f"all {len(alike)} passed, the first {ago}"
        return Point("yes", "drill", words)
    return Point("no", "drill", f"{'failed' if stands == 'failed' else 'passed'} {ago}, {named}")


def _past(scene: Scene, outlook: Outlook) -> list[Line]:
    """The last outage, the last drain, and the last day."""
    look = scene.look
    title = look.text + look.strong.without_color
    lines: list[Line] = []
    if outlook.outage is not None:
        lines.append(Line(("Last outage", title)))
        line = Line((scene.fit(outlook.outage.domain, 30), look.text))
        words = f"  {clock(outlook.outage.began, scene.now)}, down {duration(outlook.outage.seconds)}"
        lines.append(line.add(words, look.label))
    elif outlook.today is not None:
        lines.append(Line(("Last outage", title), ("  none that is remembered", look.label)))
    if outlook.drain is not None:
        lines += [*([Line()] if lines else []), *_drained(scene, outlook.drain)]
    if outlook.today is not None:
        today = outlook.today
        words = f"  {today.arrived:,} in, {today.left:,} out"
        if today.oldest is not None:
            words += f", longest wait {duration(today.oldest)}"
        words = scene.fit(words, scene.width - _RIGHT - 15)
        lines += [*([Line()] if lines else []), Line(("Last 24 hours", title), (words, look.label))]
    return lines


def _drained(scene: Scene, drain: LastDrain) -> list[Line]:
    look = scene.look
    title = look.text + look.strong.without_color
    line = Line((f"{drain.delivered:,}", look.strong), (" delivered   ", look.label))
    line.add(f"{drain.returned:,}", look.strong).add(" refused   ", look.label)
    line.add(f"{drain.left:,}", look.strong).add(" left", look.label)
    when = f"  {clock(drain.ended, scene.now)}, in {duration(drain.seconds)}"
    return [Line(("Last drain", title), (when, look.label)), line]
