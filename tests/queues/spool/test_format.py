import json
import math
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxtui.model.envelope import Client, Envelope, EnvelopeRecipient, Screened
from mxtui.queues.spool import format as on_disk
from mxtui.queues.spool.format import decode, encode
from tests.queues.spool.making import envelope

raw = st.binary(max_size=40) | st.text(max_size=40).map(lambda text: text.encode("utf-8", "replace"))
addresses = raw.map(lambda data: data.decode("utf-8", "surrogateescape"))
texts = st.text(max_size=40) | st.sampled_from(("x" * 499 + "é", "y" * 600))
times = st.floats(0, 1e11)

recipients = st.builds(
    EnvelopeRecipient,
    addresses,
    st.sampled_from(("waiting", "delivered", "refused")),
    addresses,
    addresses,
    st.integers(0, 10**9),
    st.none() | times,
    texts,
    st.none() | st.integers(100, 999),
    st.sampled_from(("", "4.4.1", "5.999.999")),
    texts,
    st.booleans(),
    addresses,
    st.sampled_from(("", "[mx3.example.org]", "[2001:db8::1]:2525")),
)
envelopes = st.builds(
    Envelope,
    st.binary(min_size=9, max_size=9).map(bytes.hex),
    times,
    times,
    addresses,
    st.lists(recipients, min_size=1, max_size=4).map(tuple),
    st.integers(0, 2**40),
    st.binary(min_size=32, max_size=32).map(bytes.hex),
    st.builds(Client, texts, texts, texts, texts, texts),
    texts,
    st.sampled_from(("", "7BIT", "8BITMIME")),
    st.booleans(),
    addresses,
    addresses,
    st.integers(0, 10**9),
    st.none() | times,
    texts,
    st.booleans(),
    st.none()
    | st.builds(Screened, st.sampled_from(("accept", "tag", "quarantine")), times, texts, texts, st.booleans()),
)


def wire(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


@given(envelopes)
def test_what_is_written_is_read_byte_for_byte(made: Envelope) -> None:
    data = encode(made)
    found = decode(data)
    assert data.count(b"\n") == 1
    assert data.endswith(b"\n")
    assert wire(found.sender) == wire(made.sender)
    assert (wire(found.envid), wire(found.ret)) == (wire(made.envid), wire(made.ret))
    for one, other in zip(found.recipients, made.recipients, strict=True):
        assert [wire(text) for text in (one.address, one.notify, one.orcpt, one.original)] == [
            wire(text) for text in (other.address, other.notify, other.orcpt, other.original)
        ]
        assert (one.fate, one.attempts, one.at, one.code, one.dsn) == (
            other.fate, other.attempts, other.at, other.code, other.dsn,
        )  # fmt: skip
        assert (one.text, one.via) == (other.text[:500], other.via)
    assert (found.arrival, found.expires, found.next_retry) == (made.arrival, made.expires, made.next_retry)
    assert (found.subject, found.why, found.returning) == (made.subject[:200], made.why[:500], made.returning)
    was = made.screened
    cut = was and replace(was, said=was.said[:500], unscanned=was.unscanned[:500])
    assert found.screened == cut
    assert json.loads(data)["schema"] == (2 if was else 1), "older versions go on reading what they can"
    assert encode(found) == data


@given(envelopes, st.data())
def test_a_torn_file_is_never_read_as_an_envelope(made: Envelope, data: st.DataObject) -> None:
    whole = encode(made)
    kept = data.draw(st.integers(0, len(whole) - 2))
    for torn in (whole[:kept], whole[:kept] + b"\0" * (len(whole) - kept)):
        # A number that is cut off (`"code":5`) is one that will not do, which is noticed before the end is.
        with pytest.raises(ValueError, match=r"torn|not an envelope"):
            decode(torn)


@given(st.binary(max_size=200))
def test_whatever_is_there_is_an_envelope_or_a_reason(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"torn|not an envelope"):
        decode(data)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5), st.lists, max_leaves=5), st.data())
def test_a_field_of_another_kind_is_refused_or_harmless(value: Any, data: st.DataObject) -> None:
    fields = json.loads(encode(envelope()))
    fields[data.draw(st.sampled_from(sorted(fields)))] = value
    with suppress(ValueError):
        encode(decode(json.dumps(fields).encode()))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "../../../../etc/passwd"),
        ("id", "0" * 18 + "\n"),
        ("sha256", "x" * 64),
        ("size", -1),
        ("recipients", []),
        ("arrival", -1.0),
        ("expires", 1e300),
        ("sender", {"base64": "!"}),
        ("sender", {"base64": "QQ==", "more": 1}),
        ("sender", "x" * 2001),
        ("subject", "x" * 201),
        ("why", "x" * 501),
        ("body", "BINARYMIME"),
        ("sise", 1),
    ],
)
def test_a_hand_edited_field_is_told_by_its_name(field: str, value: Any) -> None:
    fields = json.loads(encode(envelope()))
    fields[field] = value
    with pytest.raises(ValueError, match=f"not an envelope of this spool.*({field}|base64|[Bb]ase)"):
        decode(json.dumps(fields).encode())


def test_a_newer_version_is_told_as_such_whatever_else_it_changed() -> None:
    fields = json.loads(encode(envelope())) | {"schema": 3, "recipients": "elsewhere"}
    with pytest.raises(ValueError, match="newer version: schema 3"):
        decode(json.dumps(fields).encode())


def test_an_address_that_is_not_utf8_is_carried_as_base64_and_others_as_they_are() -> None:
    made = envelope(to=["caf\u00e9@example.org", "caf\udce9@example.org"])
    fields = json.loads(encode(made))
    assert [each["address"] for each in fields["recipients"]] == [
        "caf\u00e9@example.org",
        {"base64": "Y2Fm6UBleGFtcGxlLm9yZw=="},
    ]
    assert decode(encode(made)) == made


def test_what_could_not_be_read_again_is_not_written() -> None:
    made = envelope()
    for bad in (
        replace(made, sender="x" * 2001),
        replace(made, sender="\ud800"),
        replace(made, arrival=math.nan),
        replace(made, recipients=()),
        replace(made, id="x"),
    ):
        with pytest.raises(ValueError, match=r".+"):
            encode(bad)


def test_whatever_a_server_replied_can_be_recorded() -> None:
    made = envelope()
    reply = replace(made.recipients[0], text="\udcff" * 10_000, host="h" * 1000, code=-1, dsn="5." * 100)
    found = decode(encode(replace(made, recipients=(reply,), why="\ud800" * 1000))).recipients[0]
    assert (found.text, found.host, found.code) == ("?" * 500, "h" * 500, None)


def test_an_endless_file_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_disk, "LIMIT", 1000)
    with pytest.raises(ValueError, match="more than 1000 bytes"):
        decode(b" " * 1001)


@pytest.mark.parametrize("via", ["mx3.example.org", "[mx3]:", "[a b]", "[mx3]:25\n", "[]", "[a]:123456"])
def test_a_host_that_was_edited_wrongly_is_noticed(via: str) -> None:
    fields = json.loads(encode(envelope()))
    fields["recipients"][0]["via"] = via
    with pytest.raises(ValueError, match="not an envelope"):
        decode(json.dumps(fields).encode())
