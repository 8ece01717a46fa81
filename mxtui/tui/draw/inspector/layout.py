"""One message laid open: headline and panes, in one column or two."""

from collections.abc import Iterable, Sequence
from itertools import zip_longest

from rich.style import Style

from mxtui.model.words import clock, counted, duration
from mxtui.tui import format as fmt
from mxtui.tui.draw.inspector.content import headers, links, notes, text
from mxtui.tui.draw.inspector.envelope import envelope, hops
from mxtui.tui.draw.inspector.evidence import campaign, evidence
from mxtui.tui.draw.inspector.opened import Opened
from mxtui.tui.draw.inspector.parts import parts
from mxtui.tui.draw.scene import Scene
from mxtui.tui.line import Line, wrap

TWO = 120
"""Columns from which two panes stand side by side."""


def headline(scene: Scene, opened: Opened) -> list[Line]:
    """Badge, subject, state, age."""
    look, now, message = scene.look, scene.now, opened.message
    age = now - message.arrival
    first = Line((" ", look.text))
    if opened.is_suspect and opened.judgement is not None:
        first.add(f" SUSPECT {opened.judgement.score:.1f} ", look.badge_warning).add("  ", look.text)
    indent = first.width
    if message.state == "hold":
        first.add(f" {scene.glyphs.held} HELD ", look.badge_warning).add("  ", look.text)
    if message.state == "quarantine":
        first.add(f" {scene.glyphs.held} QUARANTINED ", look.badge_warning).add("  ", look.text)
    if message.fault:
        first.add(" CORRUPT ", look.badge_warning).add("  ", look.text)
    subject = message.subject if message.subject is not None else message.fault or "subject not read"
    first.add(scene.fit(subject or "no subject", scene.width - first.width - 2), look.strong)
    second = Line((" " * (indent if scene.wide else 1), look.text), (message.state, look.text))
    if message.attempts is not None:
        second.add(f", {counted(message.attempts, 'try', 'tries')}", look.label)
    if message.next_retry is not None:
        second.add(f", next at {clock(message.next_retry, now)}", look.label)
    second.add("   waiting ", look.label).add(duration(age), look.age(age))
    if message.expires is not None:
        soon = message.expires - now < 86_400
        second.add("   expires ", look.label).add(clock(message.expires, now), look.warning if soon else look.text)
    return [first, second.add(f"   {fmt.size(message.size)}", look.label)]


def body(scene: Scene, opened: Opened) -> list[Line]:
    """Two columns where there is room, what it is and says at the left; else one, with what speaks against it first."""
    two = scene.width >= TWO
    room = (scene.width // 2 - 3) if two else scene.width - 2
    beside = scene.width - room - 6 if two else room
    judged: list[Sequence[Line]] = [evidence(scene, opened, beside)]
    shared = campaign(scene, opened.campaign, beside)
    known: list[Sequence[Line]] = [envelope(scene, opened, room)]
    if opened.fault:
        known.append([Line((part, scene.look.danger)) for part in wrap(opened.fault, room)])
    seen = opened.seen
    if seen is None:
        left, right = known, [*judged, shared]
    else:
        said = seen.text
        reading = [text(scene, said, room), links(scene, said, room)]
        inside = parts(scene, seen.parts, len(said.links), room)
        heads = headers(scene, opened, seen, beside)
        left_out = notes(scene, seen, beside)
        way = hops(scene, seen.hops, room)
        if two:
            left, right = [*known, way, inside, *reading], [*judged, heads, shared, left_out]
        else:
            left, right = [*judged, shared, *known, heads, inside, left_out, way, *reading], []
    if not two:
        return [_indented(line) for line in _stacked([*left, *right])]
    lines = []
    for one, other in zip_longest(_stacked(left), _stacked(right)):
        line = _indented(one) if one else Line((" ", Style.null()))
        lines.append(line.to(room + 4).extend(other.spans) if other else line)
    return lines


def _stacked(panes: Iterable[Sequence[Line]]) -> list[Line]:
    """One below the other, a blank line between."""
    lines: list[Line] = []
    for pane in panes:
        if pane:
            lines += [Line(), *pane] if lines else pane
    return lines


def _indented(line: Line) -> Line:
    return Line((" ", Style.null()), *line.spans)
