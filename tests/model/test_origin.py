"""The neighbourhood of a client, whoever wrote its address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxtui.model.origin import network


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("198.51.100.7", "198.51.100"),
        ("0.1.2.3", "0.1.2"),
        ("2001:db8:0:1::7", "2001:db8:0:1"),
        ("2001:db8::%eth0", "2001:db8:0:0"),
        ("127.0.0.1", ""),
        ("0.0.0.0", ""),
        ("169.254.1.1", ""),
        ("::1", ""),
        ("fe80::1%eth0", ""),
        ("256.1.2.3", ""),
        ("01.2.3.4", ""),
        ("1.2.3", ""),
        ("unknown", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_a_client_is_known_by_its_24_or_its_64(address: str | None, wanted: str) -> None:
    assert network(address) == wanted


@given(st.text() | st.text("0123456789abcdef.:%"))
def test_whatever_is_written_there_it_is_a_network_or_none(address: str) -> None:
    assert set(network(address)) <= set("0123456789abcdef.:")
