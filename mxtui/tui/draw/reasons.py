"""Groups of messages as a table: what mail that waits has in common."""

from dataclasses import dataclass

from mxtui.index import Group, Grouping, filter_of
from mxtui.model.words import duration
from mxtui.tui import format as fmt
from mxtui.tui.columns import Cell, Column
from mxtui.tui.draw.scene import Scene
from mxtui.tui.line import Line, Spans, fit

GROUPINGS: tuple[tuple[Grouping, str], ...] = (
    ("reason", "reason"),
    ("sender", "sender"),
    ("sender_domain", "sender's domain"),
    ("client", "client"),
    ("domain", "recipient domain"),
)

_EMPTY = {"reason": "not tried yet", "sender": "<>", "sender_domain": "<>", "client": "local", "domain": "none"}


@dataclass(frozen=True, slots=True)
class Ranked:
    """A group, and the share of the whole queue that it is."""

    group: Group
    by: Grouping
    share: float


def filter_for(row: Ranked) -> str | None:
    """What finds the messages of a group; None where the language has no word for it."""
    return filter_of(row.by, row.group.key)


def _messages(row: Ranked, cell: Cell) -> Spans:
    return [(fmt.count(row.group.messages), cell.look.strong)]


def _share(row: Ranked, cell: Cell) -> Spans:
    full = min(10, max(1, round(row.share * 10)))
    block, rest = ("#", ".") if cell.look.ascii else ("━", "─")
    return [(block * full, cell.look.past), (rest * (10 - full), cell.look.faint)]


def _percent(row: Ranked, cell: Cell) -> Spans:
    return [(fmt.percent(row.share) if row.share >= 0.005 else "<1 %", cell.look.label)]


def _oldest(row: Ranked, cell: Cell) -> Spans:
    age = cell.now - row.group.oldest
    return [(duration(age), cell.look.age(age))]


def _key(row: Ranked, cell: Cell) -> Spans:
    text = row.group.key or _EMPTY[row.by]
    style = cell.look.strong if cell.chosen else cell.look.text if row.group.key else cell.look.label
    return [(fit(text, cell.width, cell.look.glyphs.ellipsis), style)]


COLUMNS: tuple[Column[Ranked], ...] = (
    Column("", "messages", ((0, 9),), _messages, right=True),
    Column("", "", ((100, 10),), _share, gap=1),
    Column("", "share", ((60, 5),), _percent, right=True),
    Column("", "oldest", ((0, 7),), _oldest, right=True),
    Column("", "size", ((76, 7),), lambda row, cell: [(fmt.size(row.group.bytes), cell.look.text)], right=True),
    Column(
        "",
        "recipients",
        ((100, 10),),
        lambda row, cell: [(fmt.count(row.group.recipients), cell.look.label)],
        right=True,
    ),
    Column(
        "",
        "domains",
        ((84, 7),),
        lambda row, cell: [(fmt.count(row.group.domains), cell.look.label)],
        right=True,
        gap=3,
    ),
    Column("", "", ((0, 16),), _key, flexible=True, gap=1, name=True),
)


def switch(scene: Scene, by: Grouping) -> Line:
    """What is grouped by, and the key that changes it."""
    look = scene.look
    line = Line(("  by ", look.label))
    for name, words in GROUPINGS:
        line.add(" ", look.text).add(f" {words} ", look.selected if name == by else look.label)
    return line.right([("b", look.key), (" next", look.label)], scene.width - 1)
