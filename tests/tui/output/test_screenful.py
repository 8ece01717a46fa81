"""What is sent makes a terminal show what Textual's own bytes would have."""

import pyte
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.style import Style
from textual.strip import Strip

from mxtui.tui.output.screenful import Screenful

COLUMNS, LINES = 20, 5

STYLES = [
    "",
    "1",
    "31",
    "1;31",
    "2;31;44",
    "38;2;1;2;3;48;2;4;5;6",
    "38;5;200;48;5;12",
    "4;32",
    "7",
    "1;7;38;2;1;2;3",
    "48;2;4;5;6",
    "9;91;103",
]


class Seen:
    """A terminal."""

    def __init__(self) -> None:
        self.screen = pyte.Screen(COLUMNS, LINES)
        self.screen.reset_mode(7 << 5)  # DECAWM: Textual turns it off
        self._stream = pyte.Stream(self.screen)

    def feed(self, data: str) -> None:
        self._stream.feed(data)

    def cells(self) -> list[list[tuple[object, ...]]]:
        """What can be seen: the ink of a blank cannot."""
        return [[_visible(self.screen.buffer[y][x]) for x in range(COLUMNS)] for y in range(LINES)]


def _visible(cell: pyte.screens.Char) -> tuple[object, ...]:
    marked = cell.underscore or cell.reverse or cell.strikethrough
    ink = (cell.fg, cell.bold) if cell.data.strip() or marked else ()
    return cell.data, cell.bg, cell.underscore, cell.reverse, cell.strikethrough, ink


def segment(row: int, column: int, text: str, style: str) -> str:
    """As Textual writes one."""
    drawn = f"\x1b[{style}m{text}\x1b[0m" if style else text
    return f"\x1b[{row + 1};{column + 1}H{drawn}"


pieces = st.builds(
    lambda row, column, text, style: segment(row, column, text[: COLUMNS - column], style),
    st.integers(0, LINES - 1),
    st.integers(0, COLUMNS - 1),
    st.text(alphabet="ab é─▌ ", min_size=1, max_size=COLUMNS),
    st.sampled_from(STYLES),
)
frames = st.lists(st.lists(pieces, min_size=1, max_size=6).map("\n".join), min_size=1, max_size=8)


@settings(max_examples=300, deadline=None)
@given(frames, st.integers(1, 200))
def test_a_terminal_shows_what_it_would_have_shown(drawn: list[str], room: int) -> None:
    expected, seen, screenful = Seen(), Seen(), Screenful()
    for frame in drawn:
        expected.feed(frame.replace("\n", ""))
        assert screenful.take(frame) == []
        seen.feed(screenful.difference(room))
    while screenful.differs:
        seen.feed(screenful.difference(room))
    assert seen.cells() == expected.cells()


@settings(max_examples=100, deadline=None)
@given(frames, frames)
def test_what_was_forgotten_is_drawn_whole(before: list[str], after: list[str]) -> None:
    expected, seen, screenful = Seen(), Seen(), Screenful()
    for frame in before:
        screenful.take(frame)
        screenful.difference(10_000)
        expected.feed(frame.replace("\n", ""))
    screenful.forget(COLUMNS, LINES)  # a terminal that has shown nothing of it
    for frame in after:
        screenful.take(frame)
        expected.feed(frame.replace("\n", ""))
    seen.feed(screenful.difference(100_000))
    assert seen.cells() == expected.cells()


def _sent(*drawn: str) -> str:
    """For the last of these frames."""
    screenful = Screenful()
    for frame in drawn:
        screenful.take(frame)
        sent = screenful.difference(100_000)
    return sent


def test_a_clock_costs_the_figure_that_changed() -> None:
    sent = _sent(segment(0, 0, "14:02:11 on a bar", "2"), segment(0, 0, "14:02:12 on a bar", "2"))
    assert sent.endswith("2")
    assert len(sent) < 10


def test_nothing_is_sent_for_a_frame_that_changes_nothing() -> None:
    frame = segment(1, 2, "example.org", "1;31")
    assert _sent(frame, frame) == ""


def test_blanks_of_another_ink_are_the_same() -> None:
    assert _sent(segment(0, 0, "    ", "31;44"), segment(0, 0, "    ", "32;44")) == ""


def test_wide_characters_are_never_cut() -> None:
    expected, seen, screenful = Seen(), Seen(), Screenful()
    for frame in (segment(0, 0, "漢字漢字", "31"), segment(0, 2, "ab", ""), segment(0, 3, "é漢", "1")):
        expected.feed(frame)
        screenful.take(frame)
        seen.feed(screenful.difference(100))
    shown = ["".join(cell[0] for cell in row) for row in seen.cells()]  # type: ignore[misc]
    assert shown[0].startswith("漢")
    assert "字" in shown[0]


def test_marks_that_join_a_letter_stay_with_it() -> None:
    assert "e\u0301" in _sent(segment(0, 0, "caf" + "e\u0301" + "!", "31"))


def test_what_is_no_picture_is_given_back() -> None:
    screenful = Screenful()
    assert screenful.take("\x1b[?1049h\x1b[2;3Hhello\x1b]52;c;YQ==\x07\x1b[?2026l") == [
        "\x1b[?1049h",
        "\x1b]52;c;YQ==\x07",
    ]


def test_rows_wait_their_turn_and_the_others_come_first() -> None:
    screenful = Screenful()
    screenful.take("".join(segment(row, 0, f"line {row}", "") for row in range(4)))
    first = screenful.difference(8)
    assert "line 0" in first
    assert "line 3" not in first
    screenful.take(segment(0, 0, "line X", ""))
    assert "line 1" in screenful.difference(8)  # else a row that changes always would keep the rest from being shown


def test_textual_writes_what_is_understood() -> None:
    """Should its way of writing change, this is where it shows."""
    from rich.console import Console
    from rich.segment import Segment

    strip = Strip([Segment("a", Style.parse("bold red on blue")), Segment("b"), Segment(" c", Style.parse("italic"))])
    written = strip.render(Console(color_system="truecolor", force_terminal=True))
    screenful = Screenful()
    assert screenful.take(f"\x1b[1;1H{written}") == []
    seen = Seen()
    seen.feed(screenful.difference(1000))
    assert "".join(str(cell[0]) for cell in seen.cells()[0]).rstrip() == "ab c"
