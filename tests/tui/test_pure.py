"""Figures, lines, looks and columns."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style
from textual.color import Color
from textual.theme import BUILTIN_THEMES

from mxtui.audit import AuditEntry, AuditRecord, Begin, Operator
from mxtui.model.message import Identity
from mxtui.model.source import Verb
from mxtui.tui import format as fmt
from mxtui.tui import line as lines
from mxtui.tui.columns import Column, heading, place, row_line
from mxtui.tui.draw.audit import details
from mxtui.tui.draw.domains import COLUMNS as DOMAINS
from mxtui.tui.draw.messages import COLUMNS as MESSAGES
from mxtui.tui.draw.scene import Scene
from mxtui.tui.line import Line, changed_span, fit, fit_address, fit_left, wrap
from mxtui.tui.look import Look, contrast_of, make_look, strength

PLAIN = Style(color="#ffffff", bgcolor="#000000")


def look(name: str = "tokyo-night", *, mono: bool = False, ascii_only: bool = False) -> Look:
    """The look of a theme."""
    theme = BUILTIN_THEMES[name]
    variables = theme.to_color_system().generate()
    return make_look(variables, dark=theme.dark, native=theme.ansi, mono=mono, ascii_only=ascii_only)


@pytest.mark.parametrize("module", [fmt, lines])
def test_the_examples_in_the_docstrings_hold(module: object) -> None:
    failed, tried = doctest.testmod(module)  # type: ignore[arg-type]
    assert tried > 0
    assert failed == 0


@given(st.text(max_size=80), st.integers(1, 40))
def test_a_text_is_cut_to_its_cells_and_can_do_nothing_to_a_terminal(text: str, cells: int) -> None:
    for cut in (fit(text, cells), fit_left(text, cells), fit_address(text, cells)):
        assert cell_len(cut) <= cells
        assert "\x1b" not in cut
        assert "\n" not in cut


@given(st.lists(st.tuples(st.text(max_size=12), st.booleans()), max_size=8), st.integers(1, 60))
def test_a_line_fills_its_width_exactly(spans: list[tuple[str, bool]], cells: int) -> None:
    line = Line(*((text, Style(bold=bold)) for text, bold in spans))
    strip = line.strip(cells, PLAIN)
    assert sum(cell_len(segment.text) for segment in strip) == cells


def test_what_is_not_printable_is_made_visible_on_every_line() -> None:
    assert Line(("\x1b[2J\u202egpj.exe", PLAIN)).strip(30, PLAIN).text.startswith("␛[2J<U+202E>gpj.exe")


def test_alike_neighbours_share_a_segment_because_each_costs_bytes_on_the_wire() -> None:
    line = Line(("a", PLAIN), ("b", PLAIN), ("   ", Style(bold=True)), ("c", Style(bold=True)))
    assert [segment.text for segment in line.strip(10, PLAIN)] == ["ab   ", "c    "]


@given(st.text("ab ", min_size=8, max_size=8), st.text("ab ", min_size=8, max_size=8))
def test_the_changed_span_covers_every_cell_that_changed(before: str, after: str) -> None:
    span = changed_span(Line((before, PLAIN)).strip(8, PLAIN), Line((after, PLAIN)).strip(8, PLAIN))
    differing = [cell for cell in range(8) if before[cell] != after[cell]]
    if not differing:
        assert span is None
    else:
        assert span is not None
        assert span[0] == differing[0]
        assert span[1] == differing[-1] + 1


def test_a_changed_combining_mark_is_repainted() -> None:
    assert (
        changed_span(Line(("e\u0301x", PLAIN)).strip(4, PLAIN), Line(("e\u0300x", PLAIN)).strip(4, PLAIN)) is not None
    )


@given(st.text(max_size=200), st.integers(4, 40))
def test_wrapped_lines_fit_and_lose_nothing_but_spaces(text: str, cells: int) -> None:
    wrapped = wrap(text, cells)
    assert all(cell_len(line) <= cells for line in wrapped)
    assert "".join(wrapped).replace(" ", "") == lines.clean(text).replace(" ", "")


@pytest.mark.parametrize("columns", [DOMAINS, MESSAGES])
@given(total=st.integers(5, 240))
def test_columns_never_overlap_nor_run_under_the_scroll_bar(columns: tuple[Column[object], ...], total: int) -> None:
    edge = 0
    for item in place(columns, total):
        assert item.at >= edge
        edge = item.at + item.width
    assert edge < total


@pytest.mark.parametrize(
    ("total", "gone"),
    [(140, set()), (119, {"expires"}), (99, {"expires", "last hour"}), (71, {"expires", "last hour", "Δ/min"})],
)
def test_columns_of_domains_go_in_their_order(total: int, gone: set[str]) -> None:
    shown = {str(item.column.title) for item in place(DOMAINS, total) if isinstance(item.column.title, str)}
    assert {"domain", "oldest", "queued", "Δ/min", "last hour", "expires"} - shown == gone


def test_the_sorted_column_carries_an_arrow() -> None:
    assert "age ↓" in heading(place(MESSAGES, 140), look(), ("age", True)).strip(140, PLAIN).text
    assert "from ^" in heading(place(MESSAGES, 140), look(ascii_only=True), ("from", False)).strip(140, PLAIN).text


def test_without_a_background_the_cursor_reverses_the_name() -> None:
    name: Column[str] = Column("", "name", ((0, 8),), lambda row, cell: [(row, cell.look.text)], name=True)
    line = row_line(place([name], 20), "example", look("ansi-dark"), 0.0, chosen=True, marked=False)
    assert [style.reverse for text, style in line.spans if text == "example"] == [True]


def test_ascii_measures_what_it_shows() -> None:
    name: Column[str] = Column("", "name", ((0, 8),), lambda row, cell: [(row, cell.look.text)], right=True)
    line = row_line(place([name], 20), "a…", look("ansi-dark", ascii_only=True), 0.0, chosen=False, marked=False)
    assert line.strip(10, PLAIN, ascii_only=True).text == "       a.."


@pytest.mark.parametrize("name", ["tokyo-night", "catppuccin-latte"])
def test_text_can_be_read_on_its_ground(name: str) -> None:
    known = look(name)
    ground = Color.from_rich_color(known.ground.bgcolor)
    for style, least in (
        (known.text, 4.5),
        (known.label, 4.6),
        (known.danger, 4.4),
        (known.warning, 4.4),
        (known.faint, 2.1),
    ):
        assert contrast_of(Color.from_rich_color(style.color), ground) >= least


def test_no_colour_uses_none() -> None:
    known = look("ansi-dark", mono=True)
    for style in (known.text, known.danger, known.warning, known.ok, known.accent, known.badge_danger, *known.ramp):
        assert style.color is None
        assert style.bgcolor is None
    assert known.badge_danger.reverse


def test_strength_grows_by_powers_of_ten() -> None:
    assert [strength(n) for n in (1, 9, 10, 99, 100, 999, 1_000, 31_207)] == [0, 0, 1, 1, 2, 2, 3, 3]


def test_ages_up_to_forty_minutes_stay_calm() -> None:
    known = look()
    assert known.age(39 * 60) == known.label
    assert known.age(41 * 60) != known.label


def test_the_audit_of_a_drain_tells_what_was_delivered_what_was_refused_and_what_waits_on() -> None:
    begin = Begin(
        "1", 0.0, Verb.FLUSH, Operator("anna", "root", 0), "mx2", "/var/spool/mxtui", 3, 300, "domain:example.org"
    )
    ids = ("066151590808e1a23f", "066151591cd4c6023f", "0661515920000000aa", "0661515920000000ab")
    results = ("delivered", "refused", "deferred", None)
    entries = [
        AuditEntry(Identity(each, 1, 0.0), "a@b.example", result, "") for each, result in zip(ids, results, strict=True)
    ]
    drawn = details(Scene(look(), 0.0, 100, 30), AuditRecord(begin, {"delivered": 1}, 1.0, complete=True), entries)
    told = ["".join(text for text, _ in line.spans).strip() for line in drawn[-4:]]
    assert [each.split()[:3] for each in told] == [
        [sign, each, "a@b.example"] for sign, each in zip("✓✗––", ids, strict=True)
    ]
    assert told[-1].endswith("no result on record")
