import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxtui.model.next_hop import NextHop, parse_next_hop


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("example.org", NextHop("example.org", 25, True)),
        ("example.org:2525", NextHop("example.org", 2525, True)),
        ("example.org:submission", NextHop("example.org", 587, True)),
        ("[mx1.example.org]", NextHop("mx1.example.org", 25, False)),
        ("[192.0.2.1]:10025", NextHop("192.0.2.1", 10025, False)),
        ("[2001:db8::1]:25", NextHop("2001:db8::1", 25, False)),
        ("[ipv6:2001:db8::1]", NextHop("2001:db8::1", 25, False)),
    ],
)
def test_a_next_hop_is_read_as_postfix_writes_it(text: str, expected: NextHop) -> None:
    assert parse_next_hop(text) == expected
    assert parse_next_hop(str(expected)) == expected


@pytest.mark.parametrize(
    "text", ["", "a b", "[", "[]", "a:", "a:0", "a:65536", "a:nosuch", "2001:db8::1", "[a]x", "é.org"]
)
def test_what_is_no_next_hop_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not "):
        parse_next_hop(text)


@given(st.text("[]:a1.-\n "))
def test_any_text_is_a_next_hop_or_refused(text: str) -> None:
    try:
        hop = parse_next_hop(text)
    except ValueError:
        return
    assert parse_next_hop(str(hop)) == hop
