"""What speaks for or against a message being spam, as a score that can be taken apart; and what it is part of."""

from collections.abc import Sequence

from mxtui.model.evidence import CampaignFacts, Evidence, Judgement, Scan
from mxtui.model.words import clock
from mxtui.tui import format as fmt
from mxtui.tui.draw.inspector.opened import Opened, spotted, title
from mxtui.tui.draw.scene import Scene
from mxtui.tui.line import Line, wrap

SHOWN = 16
"""Pieces of evidence."""

SYMBOLS = 6
"""Of a scanner's own."""

_BAR = 10
_TITLE = 16


def evidence(scene: Scene, opened: Opened, room: int) -> list[Line]:
    """The pane; empty where nobody judges."""
    look, judged = scene.look, opened.judgement
    if opened.judging == "none":
        return []
    if judged is None:
        words = opened.unjudged or f"judging{scene.glyphs.ellipsis}"
        lines = [title(scene, "Evidence", "" if opened.unjudged else words)]
        return lines + [Line(("  " + part, look.warning)) for part in wrap(opened.unjudged, room - 3) if part]
    score = f"{_points(scene, judged.score, plus=False)} points"
    lines = [title(scene, "Evidence", f"{score}, suspect from {opened.suspect:.1f}")]
    lines += _verdict(scene, judged, room)
    most = max((abs(each.points) for each in judged.evidence), default=1.0) or 1.0
    lines += [_piece(scene, each, most, room) for each in judged.evidence[:SHOWN]]
    if len(judged.evidence) > SHOWN:
        lines.append(Line((f"  and {len(judged.evidence) - SHOWN} more", look.label)))
    if not judged.evidence:
        lines.append(Line(("  nothing speaks for or against it", look.label)))
    for scan in judged.scans:
        lines += _scan(scene, scan, room)
    return lines


def _verdict(scene: Scene, judged: Judgement, room: int) -> list[Line]:
    look = scene.look
    lines = []
    if judged.cleared:
        line = Line((f"  {scene.glyphs.passed} ", look.ok), ("not spam", look.strong), ("  ", look.text))
        lines.append(line.add(scene.fit(judged.cleared, room - line.width), look.text))
    if judged.unscanned:
        words = "unscanned: a scanner has not seen it, which says nothing for it"
        lines.append(Line((f"  {scene.glyphs.unknown} ", look.warning), (scene.fit(words, room - 4), look.warning)))
    return lines


def _piece(scene: Scene, each: Evidence, most: float, room: int) -> Line:
    look = scene.look
    against = each.points > 0
    figure = _points(scene, each.points).rjust(6)
    cells = max(1, round(abs(each.points) / most * _BAR)) if each.points else 0
    line = Line((figure, look.strong if against else look.label), (" ", look.text))
    line.add(scene.glyphs.heavy_rule * cells, look.warning if against else look.faint).to(7 + _BAR + 1)
    line.add(scene.fit(each.title, _TITLE), look.text if against else look.label).to(7 + _BAR + 1 + _TITLE + 1)
    detail = each.detail if each.source in ("mxtui", "spf", "dkim", "dmarc") else f"{each.source}: {each.detail}"
    return line.extend(spotted(scene, scene.fit(detail, max(0, room - line.width)), look.label))


def _scan(scene: Scene, scan: Scan, room: int) -> list[Line]:
    """A scanner in its own points and words."""
    look = scene.look
    if not scan.scanned:
        line = Line((f"  {scene.glyphs.unknown} {scan.scanner}", look.warning), ("  did not scan it: ", look.label))
        return [line.add(scene.fit(scan.fault, room - line.width), look.label)]
    own = f"{_points(scene, scan.score, plus=False)} of {scan.required:.1f}"
    line = Line((f"  {scan.scanner}", look.text), (f"  {own}  ", look.label))
    lines = [line.add(scene.fit(scan.action, room - line.width), look.label)]
    symbols = ", ".join(f"{each.name} {_points(scene, each.points)}" for each in scan.symbols[:SYMBOLS])
    more = f" and {len(scan.symbols) - SYMBOLS} more" if len(scan.symbols) > SYMBOLS else ""
    return lines + [Line(("    " + part, look.label)) for part in wrap(symbols + more, max(10, room - 5)) if part]


def campaign(scene: Scene, facts: CampaignFacts | None, room: int) -> Sequence[Line]:
    """The pane; empty where it is part of none."""
    if facts is None:
        return ()
    look = scene.look
    line = Line((f"  {facts.messages:,}", look.strong), (" messages   ", look.label))
    line.add(f"{facts.senders:,}", look.strong).add(" senders   " if facts.senders != 1 else " sender   ", look.label)
    line.add(fmt.bytes_(facts.octets), look.strong).add(f"   first {clock(facts.first, scene.now)}", look.label)
    head = title(scene, f"Campaign {facts.id}")
    head.add("  " + scene.fit(facts.why, max(0, room - head.width - 2)), look.label)
    return (head, line, Line(("  ", look.text), ("c", look.key), (" mark them all", look.text)))


def _points(scene: Scene, points: float, *, plus: bool = True) -> str:
    sign = scene.glyphs.minus if points < 0 else "+" if plus and points > 0 else ""
    return f"{sign}{abs(points):.1f}"
