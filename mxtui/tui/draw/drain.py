"""A flush: how far it has come, how fast, and the last replies."""

import re

from mxtui.model.plan import FlushProgress, Verdict
from mxtui.model.words import clock, counted
from mxtui.tui import format as fmt
from mxtui.tui.draw.plan import bar
from mxtui.tui.draw.scene import Scene, ruled
from mxtui.tui.flushing import Flushing
from mxtui.tui.line import Line, fit_address

INDENT = 3

_HOST = re.compile(r"^host \S+ said: ")
"""Before a server's words, by Postfix; it is the same one line after line, and takes the room of what is not."""


def nothing(scene: Scene) -> list[Line]:
    """Before any flush."""
    look = scene.look
    return [
        Line(),
        Line(("   No flush has run in this session.", look.strong)),
        Line(
            ("   f on Domains, Messages or Reasons tries mail now and follows each message to its verdict.", look.label)
        ),
    ]


def drain(scene: Scene, flushing: Flushing, height: int) -> list[Line]:
    """All that is known of a flush, as far as there is room."""
    progress = flushing.progress
    lines = [Line(), *_headline(scene, flushing), Line()]
    if flushing.fault:
        lines += [
            Line(("   ", scene.look.text), (scene.fit(flushing.fault, scene.width - 6), scene.look.danger)),
            Line(),
        ]
    if progress is not None:
        lines += [_bar(scene, progress), Line(), *_counts(scene, progress), Line()]
        if height - len(lines) >= 14 and scene.wide:
            lines += _rates(scene, flushing, 5)
        if height - len(lines) >= 4:
            lines.append(ruled(scene, "Last replies", "newest first"))
            lines += [reply(scene, verdict) for verdict in flushing.replies[: height - len(lines)]]
    return lines[:height]


def _headline(scene: Scene, flushing: Flushing) -> list[Line]:
    look, plan, progress = scene.look, flushing.plan, flushing.progress
    number = counted(len(plan.targets), "message")
    edge = scene.width - INDENT
    if flushing.running:
        sign, words = (scene.glyphs.running, look.ok), f" Flushing {number}"
    elif flushing.fault or (progress is not None and progress.phase == "stopped"):
        sign, words = (scene.glyphs.warning, look.warning), f" Flush of {number} stopped"
    else:
        sign, words = (scene.glyphs.passed, look.ok), f" Flushed {number}"
    first = Line(("   ", look.text), sign, (words, look.strong))
    ended = f", ended {fmt.time_of_day(flushing.ended)}" if flushing.ended is not None else ""
    second = Line((f"     {plan.selection}, started {fmt.time_of_day(flushing.started)}{ended}", look.label))
    if flushing.running and progress is not None:
        if progress.eta_seconds is not None:
            first.right([(f"{fmt.eta(progress.eta_seconds)} left", look.strong)], edge)
            early, late = (clock(scene.now + progress.eta_seconds * factor, scene.now) for factor in (0.8, 1.2))
            until = f", done by {late}" if early == late else f", done between {early} and {late}"
        else:
            until = ", no end in sight yet" if progress.left else ""
        second.right([(f"{progress.per_second:,.1f}/s", look.text), (until, look.label)], edge)
    return [first, second]


def _bar(scene: Scene, progress: FlushProgress) -> Line:
    number = max(1, progress.queued)
    parts = [(progress.delivered / number, "ok"), (progress.deferred / number, "warning"),
             ((progress.bounced + progress.unknown) / number, "danger")]  # fmt: skip
    return Line(("   ", scene.look.text)).extend(bar(scene, parts, scene.width - 2 * INDENT).spans)


def _counts(scene: Scene, progress: FlushProgress) -> list[Line]:
    look = scene.look
    number = max(1, progress.queued)
    counts = [(progress.delivered, "delivered", look.ok), (progress.deferred, "deferred again", look.warning),
              (progress.bounced, "bounced", look.danger), (progress.left, "left", look.trough)]  # fmt: skip
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


def _rates(scene: Scene, flushing: Flushing, height: int) -> list[Line]:
    look, room = scene.look, min(120, scene.width - 14)
    rates = [rate for _, rate in flushing.rates[-room:]]
    if not any(rates):
        return []
    highest, steps = max(rates), len(scene.glyphs.blocks) - 1
    lines = [Line(("   ", look.text), ("Messages per second", look.strong))]
    for level in reversed(range(height)):
        line = Line((f"{highest:,.0f}".rjust(7) if level == height - 1 else " " * 7, look.label), ("  ", look.text))
        for rate in rates:
            part = max(0, min(steps, round(rate / highest * height * steps) - level * steps))
            line.add(scene.glyphs.blocks[part], look.ok)
        lines.append(line)
    first, last = flushing.rates[-len(rates)][0], flushing.rates[-1][0]
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
