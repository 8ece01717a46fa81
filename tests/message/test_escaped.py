import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mxtui.message.escaped import escaped
from tests.message.evil import PAYLOAD


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_it_means_the_same_and_holds_nothing_that_is_not_printable(value: object) -> None:
    line = escaped(msgspec.json.encode(value))
    assert line.decode().isprintable()
    assert json.loads(line) == value


def test_every_family_of_escapes_is_read_back() -> None:
    text = PAYLOAD.decode("utf-8", "replace")
    assert json.loads(escaped(msgspec.json.encode([text]))) == [text]
    assert escaped(b'["gr\xc3\xbc\xc3\x9fe"]') == b'["gr\xc3\xbc\xc3\x9fe"]'
