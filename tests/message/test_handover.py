"""Whether a connection was encrypted: by our own Received field, and by nobody else's."""

import pytest

from mxtui.message.handover import Encryption, encryption
from mxtui.message.inspect import inspect
from mxtui.model.envelope import Client

OWN = frozenset({"mx2.example.net"})
ID = "4dKq7P2GzHz9xK"
CLIENT = Client("203.0.113.77", helo="mx1.example.org", tls=None)
NOT_KNOWN = Encryption(None, "")

FROM = b"Received: from mx1.example.org (unknown [203.0.113.77])\n"
USING = b"\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\n\t key-exchange X25519)\n"
BY = b"\tby mx2.example.net (Postfix) with ESMTPS id 4dKq7P2GzHz9xK\n\tfor <a@example.org>; 1 Jan 2026 00:00:00 GMT\n"


def told(raw: bytes, client: Client = CLIENT) -> Encryption:
    return encryption(client, inspect(raw + b"Subject: x\n\ny\n"), OWN, ID)


def test_our_own_field_tells_protocol_and_cipher() -> None:
    assert told(FROM + USING + BY) == Encryption("TLSv1.3 with cipher TLS_AES_256_GCM_SHA384", "received")
    assert told(FROM + BY) == Encryption("TLS", "received")
    assert told(FROM + BY.replace(b"ESMTPS", b"ESMTP")) == Encryption("", "received")
    assert told(FROM + BY.replace(b"ESMTPS", b"UTF8SMTPSA")).tls == "TLS"


def test_what_the_queue_has_on_record_comes_first() -> None:
    assert told(FROM + BY, Client("203.0.113.77", tls="TLSv1.2")) == Encryption("TLSv1.2", "record")
    assert told(FROM + BY, Client("203.0.113.77")) == Encryption("", "record")


@pytest.mark.parametrize(
    "field",
    [
        FROM + BY.replace(b"mx2.example.net", b"mx9.example.net"),  # another server's
        FROM + BY.replace(b"4dKq7P2GzHz9xK", b"4dKq7P2GzHz9xL"),  # of another message, or before it was queued anew
        FROM.replace(b"203.0.113.77", b"127.0.0.1") + BY,  # behind a filter: the client's connection was another one
        FROM.replace(b"203.0.113.77", b"::::") + BY,
        b"Received: by mx2.example.net (Postfix) with ESMTPS id 4dKq7P2GzHz9xK; 1 Jan 2026 00:00:00 GMT\n",
        b"",
        b"Received:\n",
        b"Received: from x by y; z\n" + FROM + USING + BY,  # ours, but not on top
    ],
)
def test_any_other_field_tells_nothing(field: bytes) -> None:
    assert told(field) == NOT_KNOWN
    assert told(field).words == "not known"


def test_a_client_that_greets_with_a_field_of_its_own_gains_nothing() -> None:
    greeting = b"x (using TLSv1.3 with cipher FAKE) by mx2.example.net (Postfix) with ESMTPS id 4dKq7P2GzHz9xK"
    forged = b"Received: from " + greeting + b" (unknown [203.0.113.77])\n" + BY.replace(b"ESMTPS", b"ESMTP")
    assert told(forged) == Encryption("", "received")


def test_nothing_of_it_reaches_a_terminal_as_it_is() -> None:
    found = told(FROM + USING.replace(b"TLSv1.3", b"TLS\x1b[2J") + BY)
    assert found.tls is not None
    assert found.tls.isprintable()
