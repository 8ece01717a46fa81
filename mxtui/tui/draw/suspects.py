"""Campaigns as a table, how far judging has come, and what speaks against the campaign under the cursor."""

from rich.style import Style

from mxtui.model.campaign import Campaign, Sifted, Suspects
from mxtui.model.message import written_sender
from mxtui.model.overview import STALE_AFTER
from mxtui.model.words import counted, duration
from mxtui.sifting.weighing import weigh
from mxtui.tui import format as fmt
from mxtui.tui.columns import Cell, Column
from mxtui.tui.draw.scene import Scene, ruled
from mxtui.tui.line import Line, Spans, fit, wrap


class Ranked:
    """A campaign, the share of the queue that it is, and whether it is suspect."""

    __slots__ = ("campaign", "share", "suspect")

    def __init__(self, campaign: Campaign, share: float, suspect: bool) -> None:
        self.campaign = campaign
        self.share = share
        self.suspect = suspect


def _strength(row: Ranked, cell: Cell) -> Style:
    return cell.look.strong if cell.chosen or row.suspect else cell.look.text


def _mark(_: Ranked, cell: Cell) -> Spans:
    return [(cell.look.glyphs.marked, cell.look.accent)] if cell.marked else []


def _sign(row: Ranked, cell: Cell) -> Spans:
    glyphs = cell.look.glyphs
    if row.campaign.cleared:
        return [(glyphs.passed, cell.look.ok)]
    if row.campaign.kept == row.campaign.messages:
        return [(glyphs.held, cell.look.warning)]
    return [(glyphs.warning, cell.look.warning)] if row.suspect else []


def _score(row: Ranked, cell: Cell) -> Spans:
    if row.campaign.cleared:
        return [("no spam", cell.look.label)]
    return [(f"{row.campaign.score:.1f}", cell.look.warning if row.suspect else cell.look.label)]


def _unknown(row: Ranked, cell: Cell) -> Spans:
    unknown, look = row.campaign.unknown_recipients, cell.look
    return [(fmt.count(unknown) if unknown else "0", look.warning if unknown else look.faint)]


def _share(row: Ranked, cell: Cell) -> Spans:
    return [(fmt.percent(row.share) if row.share >= 0.0095 else "<1 %", cell.look.label)]


def _subject(row: Ranked, cell: Cell) -> Spans:
    campaign = row.campaign
    text = campaign.subject or written_sender(campaign.sender, None)
    text = f"{campaign.title}: {text}" if campaign.kind == "single" else text
    return [(fit(text, cell.width, cell.look.glyphs.ellipsis), _strength(row, cell))]


COLUMNS: tuple[Column[Ranked], ...] = (
    Column("", "", ((0, 1),), _mark, gap=0),
    Column("", "", ((0, 1),), _sign, gap=1),
    Column(
        "", "campaign", ((0, 8),), lambda row, cell: [(row.campaign.name or "single", _strength(row, cell))], name=True
    ),
    Column("", "kind", ((108, 8),), lambda row, cell: [(row.campaign.kind, cell.look.label)]),
    Column("", "score", ((0, 7),), _score, right=True),
    Column(
        "", "messages", ((0, 8),),
        lambda row, cell: [(fmt.count(row.campaign.messages), _strength(row, cell))], right=True,
    ),
    Column("", "share", ((52, 5),), _share, right=True),
    Column(
        "", "senders", ((70, 7),), lambda row, cell: [(fmt.count(row.campaign.senders), cell.look.text)], right=True
    ),
    Column(
        "", "networks", ((118, 8),),
        lambda row, cell: [(fmt.count(row.campaign.networks), cell.look.label)], right=True,
    ),
    Column(
        "", "recipients", ((96, 10),),
        lambda row, cell: [(fmt.count(row.campaign.recipients), cell.look.text)], right=True,
    ),
    Column("", "unknown", ((78, 7),), _unknown, right=True, gap=3),
    Column(
        "", "age", ((92, 7),),
        lambda row, cell: [(duration(cell.now - row.campaign.oldest), cell.look.label)], right=True, gap=3,
    ),
    Column("", "sample", ((0, 10),), _subject, flexible=True, gap=1),
)  # fmt: skip


def standing(scene: Scene, known: Suspects) -> Line:
    """How far judging has come, and what it found."""
    look, sifted, found = scene.look, known.sifted, known.found
    if sifted.fault:
        return Line(("  ", look.text), (scene.glyphs.warning, look.warning), (f" {sifted.fault}", look.warning))
    line = Line(("  ", look.text))
    if found.messages:
        where = f" in {counted(found.campaigns, 'campaign')}" if found.campaigns else ", in no campaign"
        if found.campaigns and found.single:
            where += f" and {counted(found.single, 'single message')}"
        line.add(f"{found.messages:,}", look.strong).add(f" suspect{where}", look.text)
    else:
        line.add("no suspects", look.text)
    if sifted.waiting:
        total = sifted.judged + sifted.waiting
        said = f"judging{scene.glyphs.ellipsis} {sifted.judged:,} of {total:,}"
        right: Spans = [(said, look.label)]
    else:
        right = [(f"{sifted.judged:,} judged", look.label)]
    if known.at and scene.now - known.at > STALE_AFTER:
        right = [(f"as of {duration(scene.now - known.at)} ago, ", look.warning), *right]
    if sifted.skipped:
        right = [*right, (f", {sifted.skipped:,} could not be read", look.warning)]
    return line.right(right, scene.width - 1)


def scanning(scene: Scene, sifted: Sifted) -> Line | None:
    """How far scanners have come, and which of them is down; None where none is configured, or nothing is judged."""
    if sifted.scanned is None or sifted.fault:
        return None
    look = scene.look
    line = Line(("  ", look.text), (f"{sifted.scanned:,} scanned", look.label))
    if sifted.unscannable:
        line.add(f", {sifted.unscannable:,} that no scanner takes", look.label)
    if sifted.scan_faults:
        line.add(f", {sifted.unseen:,} unscanned  ", look.text).add(f"{scene.glyphs.warning} ", look.warning)
        line.add(scene.fit("; ".join(sifted.scan_faults), max(0, scene.width - line.width - 1)), look.warning)
    elif sifted.unseen:
        line.add(f", {sifted.unseen:,} wait for a scanner", look.label)
    return line


def pane(scene: Scene, row: Ranked | None, height: int) -> list[Line]:
    """What speaks against the campaign under the cursor, each piece with its points."""
    if row is None or height < 2:
        return []
    look, campaign = scene.look, row.campaign
    said = f"{counted(campaign.messages, 'message')} from {counted(campaign.senders, 'sender')}"
    if campaign.kept:
        said += f", {campaign.kept:,} held"
    lines = [ruled(scene, campaign.title, f"{said}, the latest {duration(scene.now - campaign.newest)} ago")]
    if campaign.cleared:
        lines.append(Line(("    ", look.text), ("an operator said that this is no spam: c takes it back", look.label)))
    for each in weigh(campaign):
        line = Line().to(4).add(f"{each.points:+5.1f}" if each.points else "     ", look.warning)
        line.add(f"  {each.title}", look.strong).to(42 if scene.wide else 37)
        lines.append(line.add(scene.fit(each.detail, scene.width - line.width - 2), look.label))
    if campaign.own_points:
        line = Line().to(4).add(f"{campaign.own_points:+5.1f}", look.warning)
        lines.append(line.add("  its messages by themselves, on average", look.label))
    return lines[:height]


def empty(scene: Scene, sifted: Sifted) -> list[Line]:
    """In place of rows."""
    look = scene.look
    if sifted.fault:
        words, hint = "Nothing can be judged.", f"{sifted.fault}. Campaigns are told by what messages say."
    elif sifted.waiting:
        words, hint = f"judging{scene.glyphs.ellipsis}", "Campaigns appear as soon as five messages belong together."
    elif sifted.judged:
        words, hint = "No campaigns.", f"{sifted.judged:,} messages were judged: no five of them belong together."
    else:
        words, hint = "Nothing is queued.", ""
    hints = [Line(("    ", look.text), (part, look.label)) for part in wrap(hint, scene.width - 6)] if hint else []
    return [Line(("    ", look.text), (words, look.strong)), *hints]
