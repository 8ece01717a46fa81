from mxtui.model.envelope import Client
from mxtui.receiver.trace import is_loop, received_field, safe_name, subject_of

CLIENT = Client("192.0.2.1", "mail.example.com", "mail.example.com", "ESMTPS", "TLSv1.3 with cipher X (256 bits)")


def field(client: Client = CLIENT, recipient: str = "b@example.org") -> str:
    made = received_field("mx2.example.net", client, id="06412ab34cd5ef9c1f", now=1795355934.2, recipient=recipient)
    return made.decode()


def test_the_received_field_is_as_the_standard_wants_it() -> None:
    assert field() == (
        "Received: from mail.example.com (mail.example.com [192.0.2.1])\n"
        "\t(using TLSv1.3 with cipher X (256 bits))\n"
        "\tby mx2.example.net (mxtui) with ESMTPS id 06412ab34cd5ef9c1f\n"
        "\tfor <b@example.org>;\n"
        "\tSun, 22 Nov 2026 13:58:54 +0000\n"
    )


def test_nobody_is_named_where_there_are_several() -> None:
    assert " for " not in field(recipient="").replace("\t", " ")


def test_an_ipv6_client_is_written_as_an_address_literal() -> None:
    assert "(unknown [IPv6:2001:db8::1])" in field(Client("2001:db8::1", helo="x"))


def test_what_a_client_calls_itself_cannot_forge_a_field() -> None:
    hostile = Client("192.0.2.1", "a)\nX: y", "evil (by mx1 with ESMTP;\r\nX-Spam: no \x1b[2J" + "x" * 1000)
    made = field(hostile)
    assert made.count("\n") == 4 - 0
    assert "\x1b" not in made
    assert made.count("by mx") == 1
    assert max(map(len, made.split("\n"))) < 998
    assert safe_name("[IPv6:2001:db8::1]") == "[IPv6:2001:db8::1]"


def test_a_message_that_went_through_too_many_hosts_loops() -> None:
    one = b"Received: from a by b;\n\tMon, 1 Jan 2026 00:00:00 +0000\n"
    assert not is_loop(one * 100, "mx2.example.net", received=100, own=3)
    assert is_loop(one * 101, "mx2.example.net", received=100, own=3)
    assert not is_loop(b"X-Received: x\nSubject: Received: x\n" * 200, "mx2.example.net", received=100, own=3)


def test_a_message_that_comes_back_to_us_again_and_again_loops() -> None:
    ours = received_field("mx2.example.net", CLIENT, id="x", now=0, recipient="")
    other = b"RECEIVED : from mx2.example.net by\n mx1.example.org;\n date\n"
    assert not is_loop((ours + other) * 3, "mx2.example.net", received=100, own=3)
    assert is_loop((ours + other) * 4, "MX2.example.net", received=100, own=3)
    assert not is_loop(other * 9, "mx2.example.net", received=100, own=3)


def test_the_subject_is_decoded_and_safe() -> None:
    assert subject_of(b"From: a\nSUBJECT: =?utf-8?q?J=C3=B6rg?=\n =?utf-8?q?_x?=\nTo: b\n") == "Jörg x"
    assert subject_of(b"Subject: \x1b[2J\n") == "␛[2J"
    assert subject_of(b"Subject:\nTo: b\n") == ""
    assert subject_of(b"To: b\n") == ""
    assert len(subject_of(b"Subject: " + b"x" * 100_000 + b"\n")) <= 200


def test_a_header_made_to_be_slow_to_read_is_not() -> None:
    for head in (b"Subject:" + b"\n " * 120_000, b"received:" + b"\n\t" * 120_000, b"\n".join([b"Subject :"] * 25_000)):
        subject_of(head)
        is_loop(head, "mx2.example.net", received=100, own=3)
