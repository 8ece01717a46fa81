import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxtui.model.plugin import Figure, Range, Status, number, parse_range, plugin_line, seconds

INFINITY = float("inf")


@pytest.mark.parametrize(
    ("text", "well", "alarms"),
    [
        ("10", [0, 5, 10], [-1, 11, 1e9]),
        ("10:", [10, 1e9], [9, -1]),
        ("~:10", [-1e9, 0, 10], [11]),
        ("10:20", [10, 15, 20], [9, 21]),
        ("@10:20", [9, 21], [10, 15, 20]),
        ("@~:0", [1], [0, -1]),
        ("-5:5", [-5, 0, 5], [-6, 6]),
    ],
)
def test_ranges_as_the_guidelines_have_them(text: str, well: list[float], alarms: list[float]) -> None:
    wanted = parse_range(text, number)
    assert not any(wanted.alerts(value) for value in well)
    assert all(wanted.alerts(value) for value in alarms)
    assert parse_range(str(wanted), number) == wanted


@pytest.mark.parametrize("text", ["", "@", ":", "1:2:3", "20:10", "ten", "1e9", "~", "@~", "10:~"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no|before it begins"):
        parse_range(text, number)


def test_times_have_units() -> None:
    assert str(parse_range("30m:2h", seconds)) == "1800:7200"
    assert str(parse_range("90", seconds)) == "90"
    assert str(parse_range("12h", seconds, least=True)) == "43200:"
    assert str(parse_range("@12h", seconds, least=True)) == "@43200"


@given(st.floats(-1e9, 1e9), st.floats(0, 1e9), st.booleans())
def test_inside_is_the_contrary(value: float, width: float, inside: bool) -> None:
    low = value - width / 2
    assert Range(low, low + width, inside).alerts(value) is not Range(low, low + width, not inside).alerts(value)


@given(st.text())
def test_the_line_is_one_whatever_is_quoted(said: str) -> None:
    line = plugin_line(Status.WARNING, said, [Figure("depth", 3.0, warning=Range(0, 2))])
    assert line.startswith("MXTUI WARNING - ")
    assert line.endswith(" | depth=3;2;;0")
    assert line.count("|") == 1
    assert len(line.encode("utf-8", "replace").split(b"\n")) == 1


def test_what_cannot_be_told_is_u_and_no_alarm() -> None:
    figure = Figure("expiry", None, "s", Range(43200), Range(14400), None)
    assert (str(figure), figure.status) == ("expiry=U;43200:;14400:", Status.OK)
