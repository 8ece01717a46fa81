import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxtui.receiver.paths import NULL, Path, canonical_domain, forward_path, parse_address, reverse_path


@pytest.mark.parametrize(
    ("text", "address", "domain"),
    [
        ("<a@example.org>", "a@example.org", "example.org"),
        ("<A.b+c@Example.ORG>", "A.b+c@Example.ORG", "example.org"),
        ('<"a b"@example.org>', '"a b"@example.org', "example.org"),
        ('<"a\\"@b>"@example.org>', '"a\\"@b>"@example.org', "example.org"),
        ('<""@example.org>', '""@example.org', "example.org"),
        ("<@relay.example,@other.example:a@example.org>", "a@example.org", "example.org"),
        ("<a@[192.0.2.1]>", "a@[192.0.2.1]", "[192.0.2.1]"),
        ("<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]", "[ipv6:2001:db8::1]"),
        ("<jörg@bücher.example>", "jörg@bücher.example", "xn--bcher-kva.example"),
        ("<a..b.@docomo.example>", "a..b.@docomo.example", "docomo.example"),
        ("<a@under_score.example>", "a@under_score.example", "under_score.example"),
        ("<a%b!c@example.org>", "a%b!c@example.org", "example.org"),
    ],
)
def test_addresses_of_every_kind_are_understood(text: str, address: str, domain: str) -> None:
    assert reverse_path(text) == (Path(address, domain), "")
    assert forward_path(text) == (Path(address, domain), "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a@example.org",
        "<a@example.org",
        "<a>",
        "<@example.org>",
        "<a@>",
        "<a b@example.org>",
        "<a@example..org>",
        "<a@-example.org>",
        "<a@example.org.>",
        "<a@b@example.org>",
        '<"a@example.org>',
        '<"a"b@example.org>',
        "<a@[192.0.2.300]>",
        "<a@[IPv6:::g]>",
        "<a@[whatever]>",
        "<a@example.org:25>",
        "<@relay.example a@example.org>",
        "<a\r\n@example.org>",
        "<a\0@example.org>",
        '<"a\r\nDATA"@example.org>',
        '<"a\tb"@example.org>',
        "<a\u2028@example.org>",
        "<a\x9b@example.org>",
        f"<{'a' * 600}@example.org>",
        f"<{'ä' * 300}@example.org>",
        f"<a@{'b' * 64}.example>",
        f"<a@{'.'.join(['b' * 60] * 5)}>",
        "<(comment)a@example.org>",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (the words are nobody's: the client gets a reply)
        forward_path(text)


def test_the_null_sender_is_a_sender_and_no_recipient() -> None:
    assert reverse_path("<> SIZE=1") == (NULL, " SIZE=1")
    with pytest.raises(ValueError, match="not a path"):
        forward_path("<>")


def test_postmaster_without_a_domain_is_a_recipient_and_no_sender() -> None:
    assert forward_path("<PostMaster> NOTIFY=NEVER") == (Path("postmaster", ""), " NOTIFY=NEVER")
    with pytest.raises(ValueError, match="not a path"):
        reverse_path("<postmaster>")


def test_addresses_are_compared_without_case_and_by_the_domains_wire_form() -> None:
    assert parse_address("Jo.Doe@BÜCHER.example").key == "jo.doe@xn--bcher-kva.example"


def test_an_address_in_a_list_stands_alone() -> None:
    with pytest.raises(ValueError, match="not an address"):
        parse_address("a@example.org> SIZE=1 <b@example.org")


@given(st.text(max_size=80) | st.from_regex(re.compile(r'<[a".\\@:,\[\] -]{0,20}@[a.\[\]-]{1,9}>'), fullmatch=True))
def test_no_address_that_passes_can_break_out_of_a_command(text: str) -> None:
    try:
        path, _ = forward_path(text)
    except ValueError:
        return
    assert not any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in path.address)
    local = path.address.rpartition("@")[0]
    assert local.startswith('"') or not set(local) & set(' <>"()')
    # What we would say to the primary is read as the same address again.
    if path.domain:
        assert forward_path(f"<{path.address}>") == (path, "")


@given(st.text(max_size=40))
def test_a_domain_is_canonical_once_and_for_all(text: str) -> None:
    try:
        domain = canonical_domain(text)
    except ValueError:
        return
    assert canonical_domain(domain) == domain
