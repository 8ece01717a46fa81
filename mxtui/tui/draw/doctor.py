"""What the doctor found: findings as a table, and one of them with its reason and its fix."""

from collections.abc import Sequence

from rich.style import Style

from mxtui.doctor.catalogue import CATALOGUE
from mxtui.doctor.finding import Finding, Report, Verdict
from mxtui.model.words import clock, counted
from mxtui.tui.columns import Cell, Column
from mxtui.tui.draw.scene import Scene, ruled
from mxtui.tui.glyphs import Glyphs
from mxtui.tui.line import Line, Spans, fit, fit_left, wrap
from mxtui.tui.look import Look

LABEL = 12
"""Cells of the words at the left of the pane."""

_GRAVITY: dict[Verdict, int] = {"fail": 0, "warn": 1, "pass": 2, "skipped": 3}


def sign(look: Look, verdict: Verdict) -> tuple[str, Style]:
    """The sign and colour of a verdict; its word stands beside it."""
    glyphs: Glyphs = look.glyphs
    return {
        "fail": (glyphs.down, look.danger),
        "warn": (glyphs.warning, look.warning),
        "pass": (glyphs.passed, look.ok),
        "skipped": (glyphs.dot, look.faint),
    }[verdict]


def listed(report: Report, *, everything: bool) -> list[Finding]:
    """In the order of the table: what needs somebody first; the catalogue's order within."""
    found = report.findings if everything else report.wrong
    return sorted(found, key=lambda finding: _GRAVITY[finding.verdict])


def key(finding: Finding) -> str:
    """By which a row is known again."""
    return f"{finding.check} {finding.subject}"


def _sign(finding: Finding, cell: Cell) -> Spans:
    return [sign(cell.look, finding.verdict)]


def _verdict(finding: Finding, cell: Cell) -> Spans:
    return [(finding.verdict, sign(cell.look, finding.verdict)[1] if finding.verdict != "pass" else cell.look.label)]


def _check(finding: Finding, cell: Cell) -> Spans:
    style = cell.look.strong if finding.verdict in ("fail", "warn") or cell.chosen else cell.look.text
    return [(fit(finding.check, cell.width, cell.look.glyphs.ellipsis), style)]


def _subject(finding: Finding, cell: Cell) -> Spans:
    return [(fit_left(finding.subject or "this host", cell.width, cell.look.glyphs.ellipsis), cell.look.label)]


def _evidence(finding: Finding, cell: Cell) -> Spans:
    return [(fit(finding.evidence, cell.width, cell.look.glyphs.ellipsis), cell.look.text)]


COLUMNS: tuple[Column[Finding], ...] = (
    Column("", "", ((0, 1),), _sign, gap=1),
    Column("", "verdict", ((60, 7),), _verdict),
    Column("", "check", ((0, 20),), _check, name=True),
    Column("", "about", ((72, 18), (108, 28)), _subject),
    Column("", "what was seen", ((48, 12),), _evidence, flexible=True),
)


def summary(look: Look, report: Report, now: float) -> Spans:
    """The sums, where the crumbs have room."""
    counts = report.counts
    spans = []
    for verdict, words in (("fail", f"{counts['fail']} failed"), ("warn", counted(counts["warn"], "warning"))):
        style = sign(look, "fail" if verdict == "fail" else "warn")[1]
        spans.append((f"{words}   ", style if counts["fail" if verdict == "fail" else "warn"] else look.label))
    spans.append(
        (f"{counts['pass']} passed   {counts['skipped']} skipped   at {clock(report.taken_at, now)}", look.label)
    )
    return spans


def details(scene: Scene, finding: Finding) -> list[Line]:
    """Evidence, what is wanted and why, the lines that put it right, and where it is written."""
    look, check = scene.look, CATALOGUE[finding.check]
    lines: list[Line] = []

    def tell(name: str, text: str, style: Style) -> None:
        for number, part in enumerate(wrap(text, max(20, scene.width - LABEL - 3))):
            lines.append(Line((f"  {name if not number else ''}", look.label)).to(LABEL).add(part, style))

    tell("seen", finding.evidence, look.strong)
    tell("wanted", check.title, look.text)
    tell("why", check.why, look.text)
    for number, line in enumerate(finding.fix):
        tell("fix" if not number else "", line, look.accent)
    tell("see", check.reference, look.label)
    return lines


def pane(scene: Scene, finding: Finding, height: int) -> list[Line]:
    """As much of it as there is room for, under a rule."""
    title = f"{finding.check}  {finding.subject}".rstrip()
    lines = [ruled(scene, title, "" if finding.verdict == "pass" else finding.verdict), *details(scene, finding)]
    if len(lines) > height:
        more = f"{counted(len(lines) - height + 1, 'more line')}: Enter shows all"
        lines = [*lines[: height - 1], Line(("  ", scene.look.text)).to(LABEL).add(more, scene.look.label)]
    return lines


def notice(look: Look, words: str, hint: str = "") -> Sequence[Line]:
    """In place of rows."""
    return [Line((f"    {words}", look.strong)), *([Line((f"    {hint}", look.label))] if hint else [])]
