"""Macros, as RFC 7208 7.4 has them, and what cannot be told without a sender."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxtui.doctor.macros import LONGEST, expanded, letters

FOUR = letters("email.example.com", "email.example.com", "192.0.2.3", "mx2.example.net")
SIX = letters("email.example.com", "email.example.com", "2001:db8::cb01", "mx2.example.net")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("%{o}", "email.example.com"),
        ("%{d4}", "email.example.com"),
        ("%{d3}", "email.example.com"),
        ("%{d2}", "example.com"),
        ("%{d1}", "com"),
        ("%{dr}", "com.example.email"),
        ("%{d2r}", "example.email"),
        ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
        ("%{h-}.x", "mx2.example.net.x"),
        ("%{d1r-}", "email.example.com"),
        ("%{D}", "email.example.com"),
        ("%{p}.%{d}", "unknown.email.example.com"),
        ("a%%b%_c%-d", "a%b c%20d"),
        ("plain.example", "plain.example"),
    ],
)
def test_a_macro_stands_for_what_the_rfc_says(text: str, name: str) -> None:
    assert expanded(text, FOUR) == name


def test_an_ipv6_address_is_its_digits() -> None:
    digits = "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"
    assert expanded("%{ir}.%{v}._spf.%{d2}", SIX) == f"{digits}.ip6._spf.example.com"


@pytest.mark.parametrize("text", ["%{s}", "%{L}", "%{l1r-}.x"])
def test_what_hangs_on_the_sender_is_not_guessed(text: str) -> None:
    with pytest.raises(ValueError, match="hangs on each sender"):
        expanded(text, FOUR)


@pytest.mark.parametrize("text", ["%", "%x", "%{", "%{d", "%{d0}", "%{z}", "%{c}", "%{d2x}", "%{1}"])
def test_what_is_no_macro_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="not a macro"):
        expanded(text, FOUR)


def test_a_name_that_is_too_long_loses_labels_at_its_left() -> None:
    name = expanded("%{d}." + ".".join(["label"] * 50) + ".example", FOUR)
    assert len(name) <= LONGEST
    assert name.endswith("label.example")


@given(st.text(max_size=400))
def test_whatever_a_record_holds_is_a_name_or_an_error(text: str) -> None:
    with suppress(ValueError):
        expanded(text, FOUR)
