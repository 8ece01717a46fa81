"""Acts on record as a table, and one of them in full."""

from collections.abc import Sequence
from typing import Final

from mxtui.audit import AuditEntry, AuditRecord
from mxtui.model.source import Verb
from mxtui.model.words import clock, counted
from mxtui.tui import format as fmt
from mxtui.tui.columns import Cell, Column
from mxtui.tui.draw.scene import Scene
from mxtui.tui.line import Line, Span, Spans, fit, wrap

ENTRIES = 500
"""Messages of one act that are listed."""


def who(record: AuditRecord) -> str:
    """The human first: whoever logged in, then whom sudo made of them."""
    operator = record.begin.operator
    return operator.login if operator.login == operator.user else f"{operator.login} as {operator.user}"


def outcome(record: AuditRecord) -> str:
    """The sums, or that they are missing."""
    said = ", ".join(f"{many:,} {name}" for name, many in record.counts.items() if many)
    if record.ended_at is None:
        return f"{said or 'running'}, no end on record" if said else "running, or broken off"
    return said if record.complete else f"{said}, stopped"


def _when(record: AuditRecord, cell: Cell) -> Spans:
    return [(clock(record.begin.at, cell.now), cell.look.label)]


def _verb(record: AuditRecord, cell: Cell) -> Spans:
    grave = record.begin.verb in (Verb.REJECT, Verb.DELETE)
    return [(record.begin.what, cell.look.warning if grave else cell.look.strong)]


def _who(record: AuditRecord, cell: Cell) -> Spans:
    return [(fit(who(record), cell.width, cell.look.glyphs.ellipsis), cell.look.text)]


def _outcome(record: AuditRecord, cell: Cell) -> Spans:
    well = record.complete and set(record.counts) <= {"done", "delivered", "learned", "same", "gone"}
    return [
        (fit(outcome(record), cell.width, cell.look.glyphs.ellipsis), cell.look.label if well else cell.look.warning)
    ]


def _why(record: AuditRecord, cell: Cell) -> Spans:
    return [(fit(record.begin.reason, cell.width, cell.look.glyphs.ellipsis), cell.look.text)]


def _selection(record: AuditRecord, cell: Cell) -> Spans:
    return [(fit(record.begin.selection, cell.width, cell.look.glyphs.ellipsis), cell.look.label)]


COLUMNS: tuple[Column[AuditRecord], ...] = (
    Column("", "when", ((0, 10),), _when),
    Column("", "who", ((60, 12), (108, 18)), _who),
    Column("", "what", ((0, 8),), _verb, name=True),
    Column(
        "", "messages", ((0, 8),), lambda r, cell: [(fmt.count(r.begin.messages), cell.look.strong)], right=True, gap=3
    ),
    Column("", "outcome", ((48, 16), (108, 26)), _outcome),
    Column("", "selection", ((100, 24), (170, 44)), _selection),
    Column("", "reason", ((76, 12),), _why, flexible=True, gap=1),
)


GOOD: Final = frozenset(("done", "delivered", "learned"))
BAD: Final = frozenset(("failed", "refused", "bounced", "expired", "vanished"))

SENDER: Final = 36
"""Characters of one that are shown."""


def _sign(scene: Scene, result: str | None) -> Span:
    """What became of a message; of one that waits on there is nothing to say."""
    if result in GOOD:
        return scene.glyphs.passed, scene.look.ok
    return (scene.glyphs.down, scene.look.danger) if result in BAD else (scene.glyphs.dash, scene.look.faint)


def details(scene: Scene, record: AuditRecord, entries: Sequence[AuditEntry]) -> list[Line]:
    """Who, when, why, and each message with its result."""
    look, begin = scene.look, record.begin
    operator = begin.operator
    until = f" to {fmt.time_of_day(record.ended_at)}" if record.ended_at else ""
    tty = f" on {operator.tty}" if operator.tty else ""
    sudo = f", sudo by {operator.sudo_user}" if operator.sudo_user else ""
    facts = [
        ("when", clock(begin.at, scene.now) + until),
        ("who", who(record) + tty + sudo),
        ("where", f"{begin.host}  {begin.queue}"),
        ("what", f"{begin.what} {counted(begin.messages, 'message')}, {fmt.bytes_(begin.bytes)}"),
        ("selection", begin.selection),
        *([("to", begin.to)] if begin.to else []),
        ("reason", begin.reason or "none given"),
        ("outcome", outcome(record)),
    ]
    lines = []
    for name, words in facts:
        for position, part in enumerate(wrap(words, scene.width - 12)):
            lines.append(Line((name if not position else "", look.label)).to(12).add(part, look.text))
    lines += [Line(), Line(("Messages", look.strong))]
    shown = entries[:ENTRIES]
    senders = 5 + max([len(entry.identity.queue_id) for entry in shown], default=0)
    said = senders + SENDER + 2
    for entry in shown:
        line = Line(("  ", look.text), _sign(scene, entry.result), (f" {entry.identity.queue_id}", look.text))
        line.to(senders).add(scene.fit(entry.sender or "<>", SENDER), look.label).to(said)
        words = entry.detail or entry.result or "no result on record"
        lines.append(line.add(scene.fit(words, scene.width - said), look.label))
    if len(entries) > ENTRIES:
        lines.append(Line((f"  and {len(entries) - ENTRIES:,} more: mxtui audit {record.id}", look.label)))
    return lines
