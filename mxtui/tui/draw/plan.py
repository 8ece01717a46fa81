"""A plan before it happens, and what came of it."""

from collections import Counter
from collections.abc import Mapping, Sequence

from mxtui.model.plan import Plan, Result, Target
from mxtui.model.source import Verb
from mxtui.model.words import counted
from mxtui.tui import format as fmt
from mxtui.tui.draw.scene import Scene
from mxtui.tui.line import Line, fit_address, wrap

_EFFECTS: Mapping[Verb, str] = {
    Verb.HOLD: "The messages stay queued and are not tried until they are released. Their lifetime goes on.",
    Verb.RELEASE: "The messages are tried again from now on.",
    Verb.REJECT: "Each sender gets a non-delivery notice and the message is gone.",
    Verb.DELETE: "The messages are removed and nobody is told. A copy is kept; undo puts it back.",
    Verb.RESTORE: "The kept copies go back into the queue under new ids.",
    Verb.FLUSH: "One message goes first, then ever more at once, each followed to its verdict. When mail is refused it "
    "stops, and holds the rest.",
    Verb.REDIRECT: "In place of whoever does not have the messages yet, another address gets them: at once, but for "
    "those that are held, which stay so. The addresses that they came with are kept.",
    Verb.QUARANTINE: "The messages stay queued, out of the way of every drain, and of every release that does not name "
    "them. Nobody is told. Undo puts them back where they are now; a release has them delivered.",
    Verb.UNQUARANTINE: "The messages go back to where they were: what was held is in hold again, what waited waits for "
    "its next try.",
    Verb.RENEW: "Each message gets a whole new lifetime from now on, so that it is not given up.",
}

_ANOTHER_HOST = (
    "Whoever does not have the messages yet gets them from this host, whatever the routes say; at once, but for those "
    "that are held, which stay so."
)

_BACK = "The recipients are again those that the messages came with, and their own routes hold."

_DOING: Mapping[Verb, str] = {
    Verb.HOLD: "Holding",
    Verb.RELEASE: "Releasing",
    Verb.REJECT: "Rejecting",
    Verb.DELETE: "Deleting",
    Verb.RESTORE: "Restoring",
    Verb.FLUSH: "Flushing",
    Verb.REDIRECT: "Redirecting",
    Verb.RENEW: "Renewing",
    Verb.QUARANTINE: "Quarantining",
    Verb.UNQUARANTINE: "Putting back",
}

FAILURES = 12
"""Named in the outcome; the audit has them all."""

STOP = "This cannot be undone."


def grave(plan: Plan) -> bool:
    """Whether mail is gone for good, or a flush goes past its guard: as such it cannot be undone either, but delivering
    is what the queue is for.
    """
    return (not plan.reversible and plan.verb in (Verb.REJECT, Verb.DELETE)) or _past_its_guard(plan)


def _past_its_guard(plan: Plan) -> bool:
    return plan.verb is Verb.FLUSH and plan.forced


def title(plan: Plan) -> str:
    """Verb and number."""
    return f"{plan.verb.capitalize()} {counted(len(plan.targets), 'message')}"


def doing(plan: Plan) -> str:
    """While it runs."""
    return f"{_DOING[plan.verb]} {counted(len(plan.targets), 'message')}"


def plan_lines(scene: Scene, plan: Plan, outside: int | None) -> list[Line]:
    """What, what to think about, what will run. `outside`: how many marked messages the filter does not show.

    Where the terminal is low, titles alone set the parts off: what will run is not to be below the fold.
    """
    look, blank = scene.look, [] if scene.low else [Line()]
    lines = [Line((words, look.text)) for words in wrap(_effect(plan), scene.width)]
    if grave(plan) and plan.verb is not Verb.FLUSH:
        last = lines[-1]
        if last.width + len(STOP) + 1 > scene.width:
            lines.append(last := Line())
        last.add(" " if last.width else "", look.text).add(STOP, look.danger)
    lines += [*blank, Line(("What", look.strong)), *_what(scene, plan, outside)]
    for caution in plan.cautions:
        bar = (scene.glyphs.cursor + " ", look.warning)
        lines += [*blank, Line(bar, (f"{scene.glyphs.warning} {caution.title}", look.warning))]
        lines += [Line(bar, ("  " + words, look.text)) for words in wrap(caution.text, scene.width - 6)]
        if caution.safer is not None:
            lines.append(
                Line(bar, ("  ", look.text), ("^d", look.key), (f" {caution.safer.capitalize()} instead", look.text))
            )
    lines += [*blank, Line(("What will run", look.strong))] if plan.steps else []
    for number, step in enumerate(plan.steps, 1):
        for part, words in enumerate(wrap(step, scene.width - 6)):
            lines.append(Line((f"  {number}  " if not part else "     ", look.label), (words, look.text)))
    return lines


def _effect(plan: Plan) -> str:
    if plan.verb is Verb.DELETE and not plan.reversible:
        return "The messages are removed, nobody is told, and no copy is kept."
    if plan.where is not None and not plan.where.address:
        return _BACK if plan.where.back else _ANOTHER_HOST
    return _EFFECTS[plan.verb]


def _sender(target: Target) -> str:
    return target.sender or ("the null sender" if target.null_sender else "an unknown sender")


def _what(scene: Scene, plan: Plan, outside: int | None) -> list[Line]:
    look, number = scene.look, len(plan.targets)
    senders = Counter(_sender(target) for target in plan.targets)
    domains = Counter(domain for target in plan.targets for domain in target.domains)

    def line(name: str, value: str, words: str = "") -> Line:
        told = Line(("  ", look.text), (name, look.label)).to(max(16, 24 - len(value)))
        told.add(value.rjust(max(0, 24 - told.width)), look.strong)
        return told.add("   " + scene.fit(words, scene.width - told.width - 4), look.label)

    first = line("messages", fmt.count(number), f"{number - outside:,} in this view, " if outside else plan.selection)
    if outside:
        first.add(f"{outside:,} outside this filter", look.warning)
    amount, _, unit = fmt.bytes_(plan.bytes).partition(" ")
    lines = [first, line("size", amount, unit)]
    if plan.where is not None:
        told = Line(("  ", look.text), ("to", look.label)).to(12)
        lines.append(told.add(fit_address(str(plan.where), scene.width - 14, scene.glyphs.ellipsis), look.strong))
    if number:
        sender, most = senders.most_common(1)[0]
        named = fit_address(sender, 36, scene.glyphs.ellipsis)
        lines.append(
            line("senders", fmt.count(len(senders)), f"most from {named}, {most:,}" if len(senders) > 1 else named)
        )
    if plan.null_senders:
        share = fmt.percent(plan.null_senders / number, 1)
        quiet = ", no notice possible: removed in silence" if plan.verb is Verb.REJECT else ""
        lines.append(line("null sender", fmt.count(plan.null_senders), share + quiet))
    if domains:
        others = f" and {len(domains) - 1:,} more" if len(domains) > 1 else ""
        lines.append(line("recipients", fmt.count(plan.recipients), f"in {domains.most_common(1)[0][0]}{others}"))
    for why, many in Counter(result.detail for result in plan.excluded).most_common(3):
        lines.append(line("left out", fmt.count(many), why))
    return lines


def outcome_lines(scene: Scene, counts: Mapping[str, int], failed: Sequence[Result], fault: str) -> list[Line]:
    """What came of it, failures named."""
    look, glyphs, lines = scene.look, scene.glyphs, list[Line]()
    words = {"done": "done", "failed": "failed", "gone": "no longer queued", "changed": "id names another message now",
             "refused": "not done"}  # fmt: skip
    for name in ("done", "gone", "changed", "refused", "failed"):
        if many := counts.get(name, 0):
            sign = (glyphs.passed, look.ok) if name == "done" else (glyphs.down, look.danger)
            lines.append(Line(sign, (f" {many:,}".rjust(10), look.strong), ("  " + words.get(name, name), look.text)))
    if fault:
        lines += [Line(), *(Line((part, look.danger)) for part in wrap(fault, scene.width))]
    if failed:
        lines += [Line(), Line(("Not done", look.strong))]
        for result in failed[:FAILURES]:
            line = Line(("  ", look.text), (result.queue_id, look.text), ("  ", look.text))
            lines.append(line.add(scene.fit(result.detail or result.result, scene.width - line.width), look.label))
        if len(failed) > FAILURES:
            lines.append(Line((f"  and {len(failed) - FAILURES:,} more, all in the audit", look.label)))
    return lines


def bar(scene: Scene, parts: Sequence[tuple[float, str]], width: int) -> Line:
    """A progress bar of coloured parts: (share, role)."""
    look = scene.look
    styles = {"ok": look.ok, "warning": look.warning, "danger": look.danger, "accent": look.accent}
    line, before, cells = Line(), 0.0, 0
    for share, role in parts:
        before += share
        until = width if before >= 1 else int(before * width)
        if share and until == cells:
            until = min(width, cells + 1)
        block = "#" if look.ascii else "█"
        line.add(block * (until - cells), styles[role])
        cells = until
    return line.add(
        ("." if look.ascii else "░" if look.shaded else "█") * (width - cells),
        look.faint if look.shaded else look.trough,
    )
