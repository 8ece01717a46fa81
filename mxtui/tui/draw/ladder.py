"""The health ladder of a primary, on one line or one rung a line."""

from rich.style import Style

from mxtui.model.health import RUNGS, Health, Rung
from mxtui.model.reason import short
from mxtui.model.words import clock
from mxtui.tui import format as fmt
from mxtui.tui.draw.scene import Scene
from mxtui.tui.line import Line, Spans

NAMES = {"dns": "dns", "tcp": "tcp", "banner": "220", "ehlo": "ehlo", "starttls": "tls"}


def outcome(scene: Scene, rung: Rung) -> tuple[str, Style]:
    """The sign of what came of a rung."""
    look, glyphs = scene.look, scene.glyphs
    match rung.outcome:
        case "passed":
            return glyphs.passed, look.ok
        case "failed":
            return glyphs.down, look.danger
        case "busy" | "warning":
            return glyphs.warning, look.warning
    return glyphs.dot, look.faint


def ladder(scene: Scene, health: Health, *, whole: bool = True) -> Line:
    """The rungs on a line; `whole` shows those above the one that failed too."""
    look, glyphs = scene.look, scene.glyphs
    climbed = {rung.name: rung for rung in health.climb.rungs} if health.climb else {}
    line = Line()
    for name in RUNGS:
        rung = climbed.get(name)
        if not whole and line.width and (rung is None or rung.outcome == "skipped"):
            break
        if line.width:
            line.add(f" {glyphs.dash} ", look.faint)
        if rung is None or rung.outcome == "skipped":
            line.add(f"{NAMES[name]} ", look.label).add(glyphs.dot, look.faint)
            continue
        sign, style = outcome(scene, rung)
        line.add(f"{NAMES[name]} ", look.label).add(sign, style)
        if rung.outcome != "passed":
            line.add(" " + short(rung.detail), style)
        elif rung.milliseconds is not None:
            line.add(" " + fmt.milliseconds(rung.milliseconds), look.label)
    return line


def checks(scene: Scene, health: Health, room: int = 200) -> Spans:
    """How sure the state is, when it is looked at again, and when it was well; as much as there is room for."""
    look = scene.look
    if health.climb is None:
        return [("not checked yet", look.label)]
    failed = health.climb.failed is not None
    word = "failed" if failed else "passed"
    times = f"{health.consecutive:,} in a row {word}"
    times = times if len(times) <= room else f"{health.consecutive:,} {word}"
    said = []
    if health.next_check is not None:
        said.append(f"next check {fmt.time_of_day(health.next_check)}")
    if failed and health.last_up is not None:
        said.append(f"last up {clock(health.last_up, scene.now)}")
    while said and len(times) + 2 + len(", ".join(said)) > room:
        said.pop()
    return [(times, look.text), ("  " + ", ".join(said) if said else "", look.label)]


def rungs(scene: Scene, health: Health) -> list[Line]:
    """One rung a line, with its timing and what was heard."""
    look = scene.look
    lines = []
    climbed = {rung.name: rung for rung in health.climb.rungs} if health.climb else {}
    for name in RUNGS:
        rung = climbed.get(name)
        line = Line(("    ", look.text))
        if rung is None or rung.outcome == "skipped":
            line.add(scene.glyphs.dot, look.faint).add(f" {name}", look.faint)
        else:
            sign, style = outcome(scene, rung)
            line.add(sign, style).add(f" {name}", look.text)
            took = fmt.milliseconds(rung.milliseconds) if rung.milliseconds is not None else ""
            line.to(16).add(took.rjust(8), look.label)
            line.to(27).add(scene.fit(rung.detail, scene.width - 29), look.label if rung.outcome == "passed" else style)
        lines.append(line)
    return lines
