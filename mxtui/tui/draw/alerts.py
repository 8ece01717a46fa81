"""Alerts in full: those that need an operator, those that one knows of, and what is over."""

from collections.abc import Sequence

from mxtui.model.overview import Alert, Resolved
from mxtui.model.words import clock, counted
from mxtui.tui.draw.scene import Scene
from mxtui.tui.line import Line, wrap

RESOLVED = 5
"""Of what is over, so many are shown."""


def alert_block(scene: Scene, alert: Alert, *, chosen: bool) -> list[Line]:
    """One alert: who and since when on a line, its whole sentence below, and who knows of it."""
    look, glyphs, known = scene.look, scene.glyphs, alert.acknowledged
    style = look.label if known else look.danger if alert.severity == "critical" else look.warning
    sign = glyphs.passed if known else glyphs.down if alert.severity == "critical" else glyphs.warning
    line = Line((glyphs.cursor if chosen else " ", look.accent), (" ", look.text), (sign, style))
    line.add(f" {alert.badge or 'CHECK'}", style)
    when = f"since {clock(alert.since, scene.now)}"
    about = alert.domain or (counted(len(alert.domains), "domain") if alert.domains else "")
    if about:
        line.add("  " + scene.fit(about, max(8, scene.width - line.width - len(when) - 4)), look.strong)
    lines = [line.right([(when, look.label)], scene.width)]
    text = look.label if known else look.text
    lines += [Line(("    " + part, text)) for part in wrap(alert.text, scene.width - 4)]
    if known:
        said = f"{known.owner} knows, until {clock(known.until, scene.now)}: {known.reason}"
        lines += [Line(("    " + part, look.label)) for part in wrap(said, scene.width - 4)]
    return lines


def resolved_lines(scene: Scene, resolved: Sequence[Resolved]) -> list[Line]:
    """What is over, a line each."""
    look = scene.look
    lines = []
    for each in resolved[:RESOLVED]:
        line = Line(("  ", look.text), (scene.glyphs.passed, look.ok), (" resolved", look.ok))
        when = f"at {clock(each.at, scene.now)}"
        room = scene.width - line.width - len(when) - 4
        about = f"{each.alert.domain}  " if each.alert.domain else ""
        line.add("  " + scene.fit(about + each.alert.text, max(8, room)), look.label)
        lines.append(line.right([(when, look.label)], scene.width))
    if len(resolved) > RESOLVED:
        lines.append(Line((f"    and {len(resolved) - RESOLVED} more within the hour", look.label)))
    return lines
