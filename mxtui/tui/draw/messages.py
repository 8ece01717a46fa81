"""Messages as a table, what is marked, and the message under the cursor."""

from collections.abc import Sequence
from functools import lru_cache

from rich.style import Style

from mxtui.index import Row
from mxtui.message.inspect import Inspection
from mxtui.model.message import QueuedMessage, written_sender
from mxtui.model.reason import short, summarise
from mxtui.model.words import clock, counted, duration
from mxtui.tui import format as fmt
from mxtui.tui.columns import Cell, Column
from mxtui.tui.draw.scene import Scene, ruled
from mxtui.tui.line import Line, Spans, fit, fit_address, wrap

_STATES = {
    "hold": "held",
    "active": "now",
    "incoming": "now",
    "maildrop": "new",
    "corrupt": "bad",
    "quarantine": "quar",
}

_SET_ASIDE = ("hold", "quarantine", "corrupt")
"""States whose mail somebody has to decide about."""


@lru_cache(maxsize=4096)
def short_reason(text: str) -> str:
    """A word or two for a reason; the same few texts come again and again."""
    return short(summarise(text))


def _mark(_: Row, cell: Cell) -> Spans:
    return [(cell.look.glyphs.marked, cell.look.accent)] if cell.marked else []


def _held(row: Row, cell: Cell) -> Spans:
    if row.state == "quarantine":  # a letter: where the list is narrow, nothing else tells it from what is held
        return [("Q", cell.look.warning)]
    return [(cell.look.glyphs.held, cell.look.warning)] if row.state == "hold" else []


def _bar(row: Row, cell: Cell) -> Spans:
    style = cell.look.age(cell.now - row.arrival)
    return [(cell.look.glyphs.age_bar, style + Style(bold=False))]


def _strength(cell: Cell) -> Style:
    return cell.look.strong if cell.chosen else cell.look.text


def _age(row: Row, cell: Cell) -> Spans:
    return [(duration(cell.now - row.arrival), _strength(cell))]


def _from(row: Row, cell: Cell) -> Spans:
    style = _strength(cell) if row.sender else cell.look.label
    return [(fit_address(written_sender(row.sender, row.fault), cell.width, cell.look.glyphs.ellipsis), style)]


def _to(row: Row, cell: Cell) -> Spans:
    more = f" +{row.recipients - 1}" if row.recipients > 1 else ""
    shown = fit_address(row.recipient, cell.width - len(more), cell.look.glyphs.ellipsis)
    return [(shown, cell.look.label), (more, cell.look.text)]


def _subject(row: Row, cell: Cell) -> Spans:
    if row.fault:
        return [(fit(row.fault, cell.width, cell.look.glyphs.ellipsis), cell.look.warning)]
    if row.subject is None:
        return [(cell.look.glyphs.dash, cell.look.faint)]
    return [(fit(row.subject, cell.width, cell.look.glyphs.ellipsis), _strength(cell))]


def _size(row: Row, cell: Cell) -> Spans:
    return [(fmt.size(row.size), _strength(cell) + Style(bold=False))]


def _score(row: Row, cell: Cell) -> Spans:
    if row.score is None:
        return []
    return [(f"{row.score:.1f}", cell.look.warning if row.suspect else cell.look.label)]


def _next(row: Row, cell: Cell) -> Spans:
    if row.state in _STATES:
        return [(_STATES[row.state], cell.look.warning if row.state in _SET_ASIDE else cell.look.ok)]
    if row.next_retry is None:
        return [(cell.look.glyphs.dash, cell.look.faint)]
    left = row.next_retry - cell.now
    return [(fmt.brief(left) if left > 0 else "due", cell.look.label)]


def _reason(row: Row, cell: Cell) -> Spans:
    return (
        [(fit(short_reason(row.reason), cell.width, cell.look.glyphs.ellipsis), cell.look.label)] if row.reason else []
    )


def _id(row: Row, cell: Cell) -> Spans:
    return [(row.queue_id, cell.look.label)]


COLUMNS: tuple[Column[Row], ...] = (
    Column("", "", ((0, 1),), _mark, gap=0),
    Column("", "", ((0, 1),), _held, gap=0),
    Column("", "", ((0, 1),), _bar, gap=0),
    Column("age", "age", ((0, 6),), _age, right=True, gap=3),
    Column("from", "from", ((0, 14), (60, 20), (80, 22), (100, 26), (130, 27), (170, 34)), _from, name=True),
    Column("to", "to", ((72, 16), (100, 18), (130, 20), (170, 28)), _to),
    Column("subject", "subject", ((48, 12),), _subject, flexible=True),
    Column("size", "size", ((88, 6),), _size, right=True, gap=3),
    Column("score", "spam", ((108, 5),), _score, right=True),
    Column("next", "next", ((98, 4),), _next, right=True),
    Column("reason", "reason", ((126, 12), (170, 22)), _reason),
    Column("id", "queue id", ((112, 16),), _id, gap=1),
)


UNJUDGED_COLUMNS: tuple[Column[Row], ...] = tuple(column for column in COLUMNS if column.key != "score")
"""Where nobody judges mail."""


def marks_line(scene: Scene, marked: int, octets: int, inside: int) -> Line:
    """How much is marked, and what of it the filter does not show."""
    look, outside = scene.look, marked - inside
    line = Line(("  ", look.text), (scene.glyphs.marked, look.accent), (f" {marked:,} marked", look.strong))
    line.add(f"  {fmt.bytes_(octets)}", look.text)
    if outside:
        line.add(f"    {inside:,} in this view, ", look.label).add(f"{outside:,} outside this filter", look.warning)
    return line


_IN_WORDS = {"hold": "held", "quarantine": "quarantined"}


def state_words(message: QueuedMessage, now: float) -> str:
    """State, tries, next try and expiry."""
    said: list[str] = [_IN_WORDS.get(message.state, message.state)]
    if message.attempts is not None:
        said.append(counted(message.attempts, "try", "tries"))
    if message.next_retry is not None:
        said.append(f"next {clock(message.next_retry, now)}" if message.next_retry > now else "due now")
    if message.expires is not None:
        said.append(f"expires {clock(message.expires, now)}")
    return ", ".join(said)


def preview(scene: Scene, message: QueuedMessage, seen: Inspection | None, height: int) -> list[Line]:
    """The message under the cursor: envelope at the left, the beginning of its text at the right."""
    lines = [ruled(scene, message.queue_id, state_words(message, scene.now))]
    if height < 3:
        return lines[:height]
    split = scene.width // 2 + 2 if scene.width >= 100 else scene.width
    left = _envelope(scene, message, split - 16)
    text = _beginning(scene, seen, scene.width - split - 2) if split < scene.width else []
    for row in range(min(height - 1, max(len(left), len(text)))):
        line = left[row] if row < len(left) else Line()
        if row < len(text):
            line.to(split).extend(text[row].spans)
        lines.append(line)
    return lines


def _envelope(scene: Scene, message: QueuedMessage, room: int) -> list[Line]:
    look = scene.look

    def named(name: str, spans: Spans) -> Line:
        return Line(("    ", look.text), (name, look.label)).to(14).extend(spans)

    lines = [named("From", [(fit_address(written_sender(message.sender, message.fault), room), look.text)])]
    if message.recipients:
        first, *others = message.recipients
        to: list[tuple[str, Style]] = [(fit_address(first.address, max(12, room - 24)), look.text)]
        to += [(f" +{len(others)}", look.text)] if others else []
        why = short_reason(first.reason) if first.reason else ""
        lines.append(named("To", [*to, ("  " + scene.fit(why, max(8, room - 26)), look.label)]))
    if message.subject is not None:
        lines.append(named("Subject", [(scene.fit(message.subject, room), look.text)]))
    if message.client_address:
        lines.append(named("Client", [(scene.fit(message.client_address, room), look.text)]))
    if message.recipients and (reason := message.recipients[0].reason):
        lines.append(named("Reason", [(scene.fit(reason, room), look.label)]))
    if message.fault:
        lines.append(named("Fault", [(scene.fit(message.fault, room), look.warning)]))
    return lines


def _beginning(scene: Scene, seen: Inspection | None, room: int) -> list[Line]:
    if seen is None:
        return []
    if not seen.text.lines:
        return [Line(("no text", scene.look.label))]
    shown: list[Line] = []
    for line in seen.text.lines[:12]:
        shown += [Line((part, scene.look.text)) for part in wrap(line, room)]
    return shown


def filter_totals(scene: Scene, found: int, of: int, octets: int, oldest: float | None) -> Line:
    """What the filter finds, ending at the right."""
    look = scene.look
    line = Line((fmt.count(found), look.strong))
    line.add(f" of {of:,} match" if found != of else " queued", look.label)
    if scene.width >= 100:
        line.add(f"   {fmt.bytes_(octets)}", look.text)
        if oldest is not None:
            age = scene.now - oldest
            line.add("   oldest ", look.label).add(duration(age), look.age(age))
    return line


HINTS: Sequence[str] = ("from:", "to:", "domain:", "state:", "age>", "expires<", "size>", "attempts>", "reason:",
                        "subject:", "client:", "is:", "  or", "  -not", "  ( )")  # fmt: skip


def hints(scene: Scene) -> Line:
    """The words of the filter language."""
    line = Line(("   and also  ", scene.look.label))
    for word in HINTS:
        if line.width + len(word) + 1 < scene.width:
            line.add(word + " ", scene.look.text)
    return line


def mistake(scene: Scene, column: int, message: str, expected: str) -> Line:
    """A caret under what could not be understood, and what was expected there."""
    look = scene.look
    words = f"{message}: expected {expected}" if expected else message
    column = min(column, scene.width - 2)
    if len(words) + 4 > max(column, scene.width - column) and expected:
        words = f"expected {expected}"
    if column + len(words) + 3 <= scene.width or column < scene.width // 2:
        line = Line().to(column).add("^ ", look.danger)
        return line.add(scene.fit(words, scene.width - line.width - 1), look.warning)
    shown = scene.fit(words, column - 2)
    return Line().to(column - len(shown) - 1).add(shown, look.warning).add(" ^", look.danger)
