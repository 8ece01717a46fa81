"""What the lines of the mail log say, and what they cannot be made to say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxtui.queues.postfix.maillog import (
    TEXT_LIMIT,
    Attempt,
    Event,
    PickedUp,
    Removed,
    Returned,
    parse_line,
    parse_message,
)

DEFERRED = (
    b"Nov 22 15:54:42 mx2 postfix/smtp[8949]: CA6A420C29D: to=<x@example.org>, relay=none, delay=0.02, "
    b"delays=0.01/0.02/0/0, dsn=4.4.1, status=deferred (connect to 192.0.2.1[192.0.2.1]:25: Connection refused)"
)


def test_a_deferral_is_told_with_its_reason() -> None:
    reason = "connect to 192.0.2.1[192.0.2.1]:25: Connection refused"
    assert parse_line(DEFERRED) == Attempt(
        "CA6A420C29D", "x@example.org", "", "none", 0.02, "4.4.1", "deferred", reason
    )


@pytest.mark.parametrize(
    ("line", "event"),
    [
        (b"qmgr[1]: CA6A420C29D: removed", Removed("CA6A420C29D")),
        (
            b"qmgr[1]: CA6A420C29D: from=<a@example.com>, status=expired, returned to sender",
            Returned("CA6A420C29D", "a@example.com", False),
        ),
        (
            b"qmgr[1]: CA6A420C29D: from=<>, status=force-expired, returned to sender",
            Returned("CA6A420C29D", "", True),
        ),
        (b"pickup[1]: 5027020C3B1: uid=0 from=<>", PickedUp("5027020C3B1", 0, "", "")),
        (
            b"pickup[1]: 5027020C3B1: uid=102 from=<a@example.com> orig_id=B89D220C256",
            PickedUp("5027020C3B1", 102, "a@example.com", "B89D220C256"),
        ),
        (b"smtpd[1]: CA6A420C29D: client=unknown[127.0.0.1]", None),
        (b"smtpd[1]: NOQUEUE: reject: RCPT from x: to=<a>, relay=x, delay=1, dsn=2.0.0, status=sent (x)", None),
        (b"qmgr[1]: CA6A420C29D: from=<a@example.com>, size=183, nrcpt=2 (queue active)", None),
        (b"smtp[1]: CA6A420C29D: removed", None),
    ],
)
def test_other_lines(line: bytes, event: Event | None) -> None:
    assert parse_line(b"Nov  2 15:54:42 mx2 postfix/" + line) == event


@pytest.mark.parametrize(
    "front",
    [
        b"Nov  2 15:54:42 mx2 postfix/relay/smtp[12]: ",
        b"Nov 12 15:54:42 mx2 postfix-out/smtp[1234567]: ",
        b"2026-11-22T15:54:42.123456+00:00 mx2.example.net postfix/smtp[12]: ",
        b"2026-11-22T15:54:42Z mx2 mail/lmtp[12]: ",
    ],
)
@pytest.mark.parametrize("queue_id", [b"CA6A420C29D", b"4jXB0Q1b2z9rXyz"])
def test_every_front_and_both_kinds_of_id(front: bytes, queue_id: bytes) -> None:
    rest = (
        b": to=<b@c>, orig_to=<a@c>, relay=h[::1]:25, conn_use=3, delay=1.2, delays=1/0/0, dsn=2.0.0, status=sent (ok)"
    )
    event = parse_line(front + queue_id + rest)
    assert event == Attempt(queue_id.decode(), "b@c", "a@c", "h[::1]:25", 1.2, "2.0.0", "sent", "ok")


def test_a_servers_words_cannot_forge_a_verdict_on_other_mail() -> None:
    forged = (
        b"x)\rNov 22 15:54:42 mx2 postfix/smtp[1]: AAAAAAAAAAA: to=<v@w>, relay=a, delay=1, dsn=2.0.0, status=sent ("
    )
    event = parse_line(DEFERRED[:-1] + forged)
    assert isinstance(event, Attempt)
    assert (event.queue_id, event.status) == ("CA6A420C29D", "deferred")


def test_an_address_cannot_forge_a_verdict_on_its_own_mail() -> None:
    # As Postfix logs it by default (info_log_addr_form = external): quoted.
    hostile = b'"x>, relay=a, delay=1, dsn=2.0.0, status=sent ("@example.org'
    event = parse_line(DEFERRED.replace(b"x@example.org", hostile))
    assert isinstance(event, Attempt)
    assert (event.recipient, event.status) == (hostile.decode(), "deferred")


def test_quoted_addresses_come_whole() -> None:
    event = parse_line(DEFERRED.replace(b"x@example.org", b'"a>, b \\" c"@example.org'))
    assert isinstance(event, Attempt)
    assert event.recipient == '"a>, b \\" c"@example.org'


def test_text_is_bounded() -> None:
    event = parse_line(DEFERRED + b"x" * 1_000_000)
    assert isinstance(event, Attempt)
    assert len(event.text) <= TEXT_LIMIT


@given(st.binary(max_size=300))
def test_no_line_is_ever_an_error(line: bytes) -> None:
    parse_line(line)
    parse_line(b"Nov  2 15:54:42 mx2 postfix/smtp[1]: CA6A420C29D: " + line)


@given(
    address=st.from_regex(r"[a-z0-9.+=-]{1,60}@[a-z0-9.-]{1,60}", fullmatch=True),
    relay=st.from_regex(r"[a-z0-9.\[\]:-]{1,60}", fullmatch=True),
    status=st.sampled_from(["sent", "deferred", "bounced", "expired"]),
    text=st.text(max_size=600),
)
def test_what_postfix_writes_is_read_back(address: str, relay: str, status: str, text: str) -> None:
    message = f"AAAAAAA: to=<{address}>, relay={relay}, delay=3, delays=1/1/1/0, dsn=4.0.0, status={status} ({text})"
    event = parse_message("smtp", message)
    assert isinstance(event, Attempt)
    assert (event.recipient, event.relay, event.status, event.text) == (address, relay, status, text[:TEXT_LIMIT])
