"""A drain: how far it has come, how fast, and the last replies."""

import re

from rich.style import Style

from mxtui.model.drain.standing import Standing, named
from mxtui.model.plan import FlushProgress, Plan, Verdict
from mxtui.model.words import clock, counted, duration
from mxtui.tui import format as fmt
from mxtui.tui.draw.drain_guard import LIMITS, limits, stages
from mxtui.tui.draw.plan import bar
from mxtui.tui.draw.scene import Scene, ruled
from mxtui.tui.line import Line, fit_address, wrap

INDENT = 3

REPLIES = 4
"""Lines of the last replies that are worth more than air, their heading included."""

_HOST = re.compile(r"^host \S+ said: ")
"""Before a server's words, by Postfix; it is the same one line after line, and takes the room of what is not."""


def nothing(scene: Scene) -> list[Line]:
    """Before any drain."""
    look = scene.look
    words = "f on Domains, Messages or Reasons sends mail to its primary: one message first, then ever faster."
    return [
        Line(),
        Line(("   This queue was not drained yet.", look.strong)),
        *(Line(("   ", look.text), (part, look.label)) for part in wrap(words, scene.width - 2 * INDENT)),
    ]


def preparing(scene: Scene, plan: Plan, since: float) -> list[Line]:
    """One that was begun here, until it is on the register: nothing was tried yet."""
    look = scene.look
    what = named(plan.selection)
    waited = f", for {duration(scene.now - since)}" if scene.now - since >= 1 else ""
    ready = f"{counted(len(plan.targets), 'message')} read and put in order, the oldest first{waited}."
    return [
        Line(),
        Line(
            ("   ", look.text),
            (scene.glyphs.running, look.ok),
            (scene.fit(f" Getting ready to drain {what}", scene.width - 2 * INDENT), look.strong),
        ),
        *(Line(("     ", look.text), (part, look.label)) for part in wrap(ready, scene.width - 2 * INDENT - 2)),
        Line(("     Nothing was tried yet; what is in hand when it ends is in a definite state.", look.label)),
    ]


def drain(scene: Scene, standing: Standing, height: int) -> list[Line]:
    """All that is known of a drain, as far as there is room."""
    progress = standing.progress
    blocks = [_headline(scene, standing)]
    if progress is not None:
        blocks.append(list(stages(scene, standing)))
        if why := standing.fault or progress.why:
            style = scene.look.danger if standing.fault or progress.phase == "stopped" else scene.look.warning
            parts = wrap(why, scene.width - 2 * INDENT)[:3]
            blocks.append([Line(("   ", scene.look.text), (part, style)) for part in parts])
        if standing.held:
            text = f"{counted(standing.held, 'message')} held, not tried: f on Domains takes them, too"
            blocks.append([Line(("   ", scene.look.text), (text, scene.look.label))])
        blocks.append([_bar(scene, progress)])
        blocks.append(_counts(scene, progress, bounces=standing.way == "through Postfix"))
    lines = _stacked(blocks, height)
    if progress is None:
        return lines[:height]
    if height - len(lines) >= 14 and scene.wide:
        lines += _beside(_rates(scene, standing, 5), limits(scene, standing, progress), scene.width - LIMITS)
    if height - len(lines) >= 2:
        lines.append(ruled(scene, "Last replies", "newest first"))
        lines += [reply(scene, verdict) for verdict in standing.replies[: height - len(lines)]]
    return lines[:height]


def _stacked(blocks: list[list[Line]], height: int) -> list[Line]:
    """With a line of air around each, where that leaves room for the last replies: they tell what to do."""
    airy = height - sum(map(len, blocks)) - len(blocks) - 1 >= REPLIES
    lines = [Line()] if airy else []
    for block in blocks:
        lines += [*block, Line()] if airy else block
    return lines


def _headline(scene: Scene, standing: Standing) -> list[Line]:
    look, progress = scene.look, standing.progress
    what = named(standing.selection)
    at_most = standing.settings.rate.at_most
    edge = scene.width - INDENT
    paused = progress is not None and progress.paused
    if standing.running and paused:
        sign, words = (scene.glyphs.held, look.warning), f" Paused: {what}{at_most}"
    elif standing.running:
        sign, words = (scene.glyphs.running, look.ok), f" Draining {what}{at_most}"
    elif standing.fault or (progress is not None and progress.phase == "stopped"):
        sign, words = (scene.glyphs.warning, look.warning), f" Drain of {what} stopped"
    elif progress is not None and (missing := progress.queued - progress.delivered):
        amount = "nothing was" if not progress.delivered else f"{missing:,} not"
        sign, words = (scene.glyphs.warning, look.warning), f" Drain of {what} ended: {amount} delivered"
    else:
        sign, words = (scene.glyphs.passed, look.ok), f" Drained {what}"
    first = Line(("   ", look.text), sign, (scene.fit(words, edge - 24), look.strong))
    ended = f", ended {fmt.time_of_day(standing.ended)}" if standing.ended is not None else ""
    second = Line(
        (f"     {standing.way}, started {fmt.time_of_day(standing.began)} by {standing.operator}{ended}", look.label)
    )
    if standing.running and not paused and progress is not None:
        remaining(scene, progress, first, second, edge)
    elif paused and progress is not None and progress.in_hand:
        first.right([(f"{progress.in_hand:,} still in hand", look.strong)], edge)
    return [first, second]


def remaining(scene: Scene, progress: FlushProgress, first: Line, second: Line, edge: int) -> None:
    """How fast it goes, and until when, as a range."""
    look = scene.look
    until = ""
    if progress.growing:
        first.right([("growing", look.warning)], edge)
        until = ", more arrives than is delivered"
    elif progress.eta_low is not None:
        high = progress.eta_high
        first.right([(f"{fmt.eta(progress.eta_low, high)} left", look.strong)], edge)
        early = clock(scene.now + progress.eta_low, scene.now)
        late = clock(scene.now + high, scene.now) if high is not None else ""
        until = f", done by {early}" if late == early else f", done between {early} and {late}" if late else ""
    elif progress.left:
        until = ", no end in sight yet"
    second.right([(f"{progress.per_second:,.1f}/s", look.text), (until, look.label)], edge)


def _beside(left: list[Line], right: list[Line], column: int) -> list[Line]:
    """Two blocks in one; the left one is cut where the right one begins."""
    lines = left or [Line() for _ in right]
    for line, other in zip(lines, right, strict=False):
        if line.width < column:
            line.to(column).extend(other.spans)
    return lines


def _bar(scene: Scene, progress: FlushProgress) -> Line:
    number = max(1, progress.queued)
    parts = [(progress.delivered / number, "ok"), (progress.deferred / number, "warning"),
             ((progress.bounced + progress.refused + progress.unknown) / number, "danger")]  # fmt: skip
    return Line(("   ", scene.look.text)).extend(bar(scene, parts, scene.width - 2 * INDENT).spans)


def _counts(scene: Scene, progress: FlushProgress, *, bounces: bool) -> list[Line]:
    """`bounces`: what is refused for good is not kept."""
    look = scene.look
    number = max(1, progress.queued)
    counts = [(progress.delivered, "delivered", look.ok), (progress.deferred, "deferred again", look.warning),
              (progress.bounced, "bounced", look.danger), (progress.left, "left", look.trough)]  # fmt: skip
    if progress.refused or not (progress.bounced or bounces):
        counts[2] = (progress.refused + progress.bounced, "refused, kept", look.danger)
    if progress.refused and progress.bounced:
        counts[2:3] = [(progress.refused, "refused, kept", look.danger), (progress.bounced, "bounced", look.danger)]
    if progress.unknown:
        counts.insert(3, (progress.unknown, "left without evidence", look.danger))
    step = (scene.width - 2 * INDENT) // len(counts)
    above, below = Line(), Line()
    swatch = "##" if look.ascii else "██"
    for position, (many, name, style) in enumerate(counts):
        above.to(INDENT + position * step).add(swatch, style).add(f" {many:,}", look.strong)
        above.add(f" {fmt.percent(many / number, 1)}", look.label)
        below.to(INDENT + position * step + 3).add(scene.fit(name, step - 4), look.label)
    return [above, below]


def _rates(scene: Scene, standing: Standing, height: int) -> list[Line]:
    look, room = scene.look, min(120, scene.width - LIMITS - 14)
    rates = [rate for _, rate in standing.rates[-room:]]
    if not any(rates):
        return []
    highest, steps = max(rates), len(scene.glyphs.blocks) - 1
    lines = [Line(("   ", look.text), ("Messages per second", look.strong))]
    for level in reversed(range(height)):
        line = Line((f"{highest:,.0f}".rjust(7) if level == height - 1 else " " * 7, look.label), ("  ", look.text))
        for rate in rates:
            part = max(0, min(steps, round(rate / highest * height * steps) - level * steps))
            if part == steps and not look.shaded:  # as ground: between blocks, fonts leave seams
                line.add(" ", Style(bgcolor=look.mass.color))
            else:
                line.add(scene.glyphs.blocks[part], look.mass)
        lines.append(line)
    first, last = standing.rates[-len(rates)][0], standing.rates[-1][0]
    below = Line().to(9).add(fmt.time_of_day(first), look.label)
    if len(rates) > 24:
        below.to(9 + len(rates) - 8).add(fmt.time_of_day(last), look.label)
    return [*lines, below, Line()]


def reply(scene: Scene, verdict: Verdict) -> Line:
    """One recipient's verdict, in the server's words."""
    look, glyphs = scene.look, scene.glyphs
    sign, style = {
        "delivered": (glyphs.passed, look.ok),
        "deferred": (glyphs.warning, look.warning),
        "refused": (glyphs.down, look.danger),
        "bounced": (glyphs.down, look.danger),
        "expired": (glyphs.down, look.danger),
        "vanished": (glyphs.unknown, look.danger),
    }[verdict.fate]
    calm = verdict.fate == "delivered"
    line = Line(
        ("   ", look.text), (fmt.time_of_day(verdict.at) if verdict.at else " " * 8, look.label), ("  ", look.text)
    )
    line.add(sign, style).add(f" {verdict.fate:<10}", look.label if calm else look.text)
    line.add(fit_address(verdict.recipient, 26, glyphs.ellipsis).ljust(28), look.text)
    room = scene.width - line.width - 2
    said = _HOST.sub("", verdict.reply)
    words = said if verdict.dsn in said else f"{verdict.dsn} {said}".strip()
    return line.add(scene.fit(words, room), look.label if calm else look.text)
