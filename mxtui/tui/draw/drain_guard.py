"""A drain's phases, and the limits at which it slows down or stops by itself."""

from typing import Final

from mxtui.model.drain.standing import Standing
from mxtui.model.flushing import Phase
from mxtui.model.plan import FlushProgress
from mxtui.model.words import duration
from mxtui.tui import format as fmt
from mxtui.tui.draw.scene import Scene
from mxtui.tui.line import Line

INDENT: Final = 3

_STAGES: tuple[Phase, ...] = ("probe", "canary", "ramp", "steady")


def stages(scene: Scene, standing: Standing) -> list[Line]:
    """Which phases are behind, which is on, and how each went."""
    look, glyphs, passed = scene.look, scene.glyphs, standing.phases
    reached = {each.phase for each in passed}
    now_on = passed[-1].phase if passed and standing.running else None
    step = (scene.width - 2 * INDENT) // len(_STAGES)
    above, below = Line(), Line()
    for position, stage in enumerate(_STAGES):
        column = INDENT + position * step
        on = stage == now_on or (stage == "ramp" and now_on == "backoff")
        behind = any(_STAGES.index(each) > position for each in reached if each in _STAGES)
        done = stage in reached and (behind or (not standing.running and standing.progress is not None
                                                and standing.progress.phase == "done"))  # fmt: skip
        sign = (glyphs.running, look.ok) if on else (glyphs.passed, look.ok) if done else (" ", look.label)
        if stage in reached and not on and not done:
            sign = (glyphs.warning, look.warning)
        above.to(column).add(*sign).add(f" {stage}", look.strong if on or done else look.label)
        if position < len(_STAGES) - 1 and step > len(stage) + 6:
            above.add(" ", look.text).add(glyphs.rule * (INDENT + (position + 1) * step - above.width - 1), look.faint)
        below.to(column + 2).add(scene.fit(_note(standing, stage, step - 3), step - 3), look.label)
    return [above, below]


def _note(standing: Standing, stage: Phase, room: int) -> str:
    """How long a phase took, and how many messages could be in hand; without the words where there is no room."""
    times = [(number, each) for number, each in enumerate(standing.phases) if each.phase == stage]
    if not times:
        return ""
    ends = [each.since for each in standing.phases[1:]] + [standing.ended or standing.at]
    spent = duration(max(0.0, sum(ends[number] - each.since for number, each in times)))
    window = times[-1][1].window
    if stage in ("probe", "canary"):
        return spent
    note = f"{spent}, {window:,} in hand"
    return note if len(note) <= room else note.removesuffix(" in hand")


LIMITS = 46
"""Cells for the limits beside the chart."""


def limits(scene: Scene, standing: Standing, progress: FlushProgress) -> list[Line]:
    """What stops the drain or slows it by itself, and how near it is."""
    look, glyphs, settings = scene.look, scene.glyphs, standing.settings
    settled = max(1, progress.queued - progress.left)
    rows = [
        ("refused (5xx)", fmt.percent((progress.refused + progress.bounced) / settled, 1),
         f"stop at {fmt.percent(settings.refused_share)}", progress.refused + progress.bounced == 0),
        ("deferred (4xx)", fmt.percent(progress.deferred / settled, 1),
         f"stop at {fmt.percent(settings.deferred_share)}", progress.deferred == 0),
        ("doubtful", fmt.count(progress.possible_duplicates), "connection broke", not progress.possible_duplicates),
        ("in hand", fmt.count(progress.in_hand), f"at most {progress.window:,} now", True),
    ]  # fmt: skip
    lines = [Line(("Limits", look.strong), ("  stops or slows by itself", look.label))]
    for name, value, limit, calm in rows:
        sign, style = (glyphs.passed, look.ok) if calm else (glyphs.warning, look.warning)
        line = Line((sign, style), (f" {name:<15}", look.text), (f"{value:>7}", look.strong))
        lines.append(line.add(f"  {limit}", look.label))
    return lines
