from pathlib import Path

import pytest

from mxtui.model.next_hop import NextHop
from mxtui.model.offers import Offers
from mxtui.service.remembered import FILE, RELAY, RememberedOffers, remember_relay, remembered_relay

GOOD = Offers(frozenset({"SIZE", "8BITMIME"}), 1000)


def test_what_was_offered_is_known_after_a_restart(tmp_path: Path) -> None:
    first = RememberedOffers(tmp_path)
    assert first.known() == {}
    assert first.learn({"example.org": GOOD})
    assert not first.learn({"example.org": GOOD}), "no news, nothing written"
    assert first.learn({"example.net": Offers()})
    assert RememberedOffers(tmp_path).known() == {"example.org": GOOD, "example.net": Offers()}
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"a": 1}', b'{"a": {"extensions": 3}}', b"[" * 100_000])
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    remembered = RememberedOffers(tmp_path)
    assert remembered.known() == {}
    assert remembered.learn({"example.org": GOOD})
    assert RememberedOffers(tmp_path).known() == {"example.org": GOOD}


def test_a_full_disk_is_told_and_what_was_heard_is_known_all_the_same(tmp_path: Path) -> None:
    remembered = RememberedOffers(tmp_path / "gone")
    with pytest.raises(OSError, match="No such file"):
        remembered.learn({"example.org": GOOD})
    assert remembered.known() == {"example.org": GOOD}


def test_where_serve_relays_to_is_known_without_its_flags(tmp_path: Path) -> None:
    assert remembered_relay(tmp_path) == {}
    table = {"a.example": NextHop("mx1.a.example", 25, False), "b.example": NextHop("2001:db8::1", 2525, False)}
    remember_relay(tmp_path, table)
    assert remembered_relay(tmp_path) == table
    (tmp_path / RELAY).write_text('{"a.example": "no host"}')
    assert remembered_relay(tmp_path) == {}
