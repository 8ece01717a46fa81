"""A chart of cells: a column a part of the time, eighths of a cell high, what nobody watched left blank."""

from collections.abc import Callable, Collection, Sequence

from rich.style import Style

from mxtui.tui.draw.scene import Scene
from mxtui.tui.line import Line

LEFT = 10
"""Cells before a chart: the figures at its side."""

RIGHT = 2


def room(scene: Scene) -> int:
    """Columns that a chart has."""
    return max(1, scene.width - LEFT - RIGHT)


def bars(
    scene: Scene,
    values: Sequence[float | None],
    height: int,
    style: Callable[[int], Style],
    figure: Callable[[float], str],
    shaded: Collection[int] = (),
) -> list[Line]:
    """Bars from zero on, with the figures of top and middle at the side; None is a gap.

    `style` by column. `shaded` columns have another ground, or another character where that cannot be told.
    """
    look, glyphs = scene.look, scene.glyphs
    steps = len(glyphs.blocks) - 1
    most = max((value for value in values if value), default=0)
    highest = most or 1
    least = steps // 2 + 1 if look.ascii else 1
    parts = [
        None if value is None else 0 if not value else max(least, round(value / highest * height * steps))
        for value in values
    ]
    lines = []
    for level in reversed(range(height)):
        label = figure(most) if most and level == height - 1 else ""
        if most > 2 and _is_middle(level, height):
            label = figure(most / 2)
        line = Line((label.rjust(LEFT - 2), look.label), ("  ", look.text))
        for position, part in enumerate(parts):
            line.add(*_cell(scene, part, level, style(position), shaded=position in shaded))
        lines.append(line)
    return lines


def _is_middle(level: int, height: int) -> bool:
    """The row whose top is half of all."""
    return height >= 4 and level == height // 2 - 1 and height % 2 == 0


def _cell(scene: Scene, part: int | None, level: int, style: Style, *, shaded: bool) -> tuple[str, Style]:
    look, glyphs = scene.look, scene.glyphs
    steps = len(glyphs.blocks) - 1
    if part is None:
        return " ", look.text
    ground = look.band if shaded and not look.shaded else Style.null()
    full = max(0, min(steps, part - level * steps))
    if full == steps and not look.shaded:  # as ground: between blocks, fonts leave seams
        return " ", Style(bgcolor=style.color)
    if full:
        return glyphs.blocks[full], style + Style(bgcolor=ground.bgcolor)
    if level == 0 and not part:
        return ("_" if look.ascii else glyphs.blocks[1]), look.faint + Style(bgcolor=ground.bgcolor)
    if shaded and look.shaded:
        return (":" if look.ascii else glyphs.shades[0]), look.faint
    return " ", Style(bgcolor=ground.bgcolor)


def lane(scene: Scene, name: str, values: Sequence[float | None], style: Style) -> Line:
    """Bars of one row, named at the left."""
    marks = scene.glyphs.bars or "._-=#"
    line = Line((f"  {name}".ljust(LEFT), scene.look.label))
    highest = max((value for value in values if value), default=0) or 1
    for value in values:
        if value is None:
            line.add(" ", scene.look.text)
        elif not value:
            line.add(marks[0], scene.look.faint)
        else:
            line.add(marks[max(1, round(value / highest * (len(marks) - 1)))], style)
    return line
