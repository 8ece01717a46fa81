"""Our own name, certificate and TLSA records, each host by real DNS and a real server with STARTTLS."""

import asyncio
import hashlib
from collections.abc import Iterator
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mxtui.certificates import read_certificate
from mxtui.doctor.finding import Report
from mxtui.model.route import Ourselves
from tests.doctor.authority import Authority
from tests.doctor.world import (
    DAY,
    OURS,
    US,
    ZONE,
    Authorities,
    Case,
    Server,
    Told,
    examined,
    no_relay,
    of,
    policy,
    sts_records,
    usual,
    wrong,
)

HOST_ZONE = f"""\
mx2.private.test. IN A 10.0.0.2
2.0.0.10.in-addr.arpa. IN PTR mx2.private.test.
mx2.moved.test. IN A 127.0.0.77
77.0.0.127.in-addr.arpa. IN PTR mx2.moved.test.
mx2.no-reverse.test. IN A 127.0.0.78
mx2.other-reverse.test. IN A 127.0.0.79
79.0.0.127.in-addr.arpa. IN PTR host-79.provider.example.
mx2.servfail.test. IN A {OURS}
"""


@pytest.fixture(scope="module")
def leaf(authorities: Authorities) -> tuple[bytes, bytes]:
    """Our certificate with its key (PEM), and the certificate (DER)."""
    made = authorities.certificate(US)
    pem = made.private_key_and_cert_chain_pem.bytes()
    first = x509.load_pem_x509_certificate(made.cert_chain_pems[0].bytes())
    return pem, first.public_bytes(Encoding.DER)


@pytest.fixture(scope="module")
def authority(
    need_nsd: None, tmp_path_factory: pytest.TempPathFactory, leaf: tuple[bytes, bytes], authorities: Authorities
) -> Iterator[Authority]:
    digest = hashlib.sha256(read_certificate(leaf[1]).public_key).hexdigest()
    root = x509.load_pem_x509_certificate(authorities.known.cert_pem.bytes()).public_bytes(Encoding.DER)
    zone = f"""\
{ZONE}{HOST_ZONE}{usual("sts.example")}{sts_records("sts.example")}{usual("weak.example")}{sts_records("weak.example")}
"""
    tlsa = {
        "match": f"3 1 1 {digest}",
        "mismatch": f"3 1 1 {'0' * 64}",
        "authority": f"2 0 1 {hashlib.sha256(root).hexdigest()}",
        "unusable": f"1 1 1 {digest}",
    }
    for name, record in tlsa.items():
        zone += f"mx2.{name}.test. IN A {OURS}\n_25._tcp.mx2.{name}.test. IN TLSA {record}\n"
    zone += "".join(f"12.0.0.127.in-addr.arpa. IN PTR mx2.{name}.test.\n" for name in tlsa)
    with Authority(tmp_path_factory.mktemp("nsd"), zone) as running:
        yield running


def look(authority: Authority, authorities: Authorities, hostname: str, **more: object) -> Report:
    return asyncio.run(examined({}, authority, authorities, ourselves=Ourselves(hostname), **more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("hostname", "found", "words"),
    [
        (US, {}, OURS),
        ("mx2.nowhere.test", {"name_address": "fail"}, "mx2.nowhere.test does not exist in DNS"),
        ("mx2.private.test", {"name_address": "fail"}, "10.0.0.2, which is not public"),
        ("mx2.moved.test", {"name_address": "warn"}, "127.0.0.77 is no address of this host"),
        ("mx2.no-reverse.test", {"name_address": "warn", "name_reverse": "fail"}, "127.0.0.78 has no name"),
        ("mx2.other-reverse.test", {"name_address": "warn", "name_reverse": "fail"}, "host-79.provider.example"),
    ],
)
def test_our_name_and_our_addresses_have_to_agree(
    hostname: str, found: dict[str, str], words: str, authority: Authority, authorities: Authorities
) -> None:
    report = look(authority, authorities, hostname)
    assert wrong(report) == found
    assert any(words in each.evidence for each in report.findings if each.check.startswith("name_"))
    if "does not exist" in words:
        assert of(report, "name_address").fix == (f"{hostname}. IN A ADDRESS",)


def test_behind_a_nat_the_outside_address_has_to_be_told(authority: Authority, authorities: Authorities) -> None:
    told = Ourselves("mx2.moved.test", addresses=frozenset({"127.0.0.77"}))
    assert wrong(asyncio.run(examined({}, authority, authorities, ourselves=told))) == {}


def test_a_short_name_is_no_name(authority: Authority, authorities: Authorities) -> None:
    report = look(authority, authorities, "mx2")
    assert wrong(report)["name_address"] == "fail"


@pytest.mark.parametrize("replies", [{"": "220 localhost ESMTP"}, {"EHLO": "250-localhost\n250 STARTTLS"}])
def test_another_name_in_our_greeting_is_found(
    replies: dict[str, str], authority: Authority, authorities: Authorities
) -> None:
    here = Server(US, authorities.server(US), refuses=no_relay, replies=replies)
    report = asyncio.run(examined({}, authority, authorities, here=here))
    assert wrong(report) == {"name_greeting": "fail"}
    assert "localhost, not mx2.example.net" in of(report, "name_greeting").evidence


# -- certificate ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "verdict"), [(60, "pass"), (10, "warn"), (2, "fail"), (-1, "fail")])
def test_our_certificate_has_to_live_for_weeks(
    days: int, verdict: str, authority: Authority, authorities: Authorities
) -> None:
    here = Server(US, authorities.server(US, days=days), refuses=no_relay)
    report = asyncio.run(examined({}, authority, authorities, here=here))
    assert of(report, "certificate_here").verdict == verdict


def test_without_starttls_there_is_none(authority: Authority, authorities: Authorities) -> None:
    report = asyncio.run(examined({}, authority, authorities, here=Server(US, None, refuses=no_relay)))
    assert wrong(report) == {"certificate_here": "warn"}


@pytest.mark.parametrize(
    ("names", "known", "mode", "verdict", "words"),
    [
        ((US,), True, "enforce", "pass", "valid for mx2.example.net"),
        (("*.example.net",), True, "enforce", "pass", "valid for mx2.example.net"),
        (("mx9.example.net",), True, "enforce", "fail", "certificate not verified: Hostname mismatch"),
        ((US,), False, "enforce", "fail", "certificate not verified: unable to get local issuer certificate"),
        ((US,), False, "testing", "warn", "certificate not verified"),
    ],
)
def test_where_a_policy_demands_it_our_certificate_has_to_be_valid(
    names: tuple[str, ...], known: bool, mode: str, verdict: str, words: str,
    authority: Authority, authorities: Authorities,
) -> None:  # fmt: skip
    case = Case(usual("sts.example"), files={"mta-sts.sts.example": policy("sts.example", mode=mode)})
    here = Server(US, authorities.server(*names, known=known), refuses=no_relay)
    report = asyncio.run(examined({"sts.example": case}, authority, authorities, here=here))
    found = of(report, "sts_certificate", "sts.example")
    assert found.verdict == verdict
    assert words in found.evidence


# -- DANE -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "chained", "verdict", "words"),
    [
        ("match", False, "warn", "they match, but the resolver does not vouch for them"),
        ("mismatch", False, "fail", "none of 1 matches our certificate"),
        ("authority", True, "warn", "they match"),
        ("authority", False, "skipped", "our chain of certificates cannot be read from here"),
        ("unusable", False, "warn", "none of 1 is of a kind for mail servers"),
    ],
)
def test_tlsa_records_have_to_match_what_we_show(
    name: str, chained: bool, verdict: str, words: str,
    authority: Authority, authorities: Authorities, leaf: tuple[bytes, bytes],
) -> None:  # fmt: skip
    import ssl
    import tempfile

    hostname = f"mx2.{name}.test"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(leaf[0])
        file.flush()
        context.load_cert_chain(file.name)
    root = x509.load_pem_x509_certificate(authorities.known.cert_pem.bytes()).public_bytes(Encoding.DER)

    def change(system: Told) -> None:
        system.certificates = (leaf[1], root) if chained else ()

    here = Server(hostname, context, refuses=no_relay)
    report = asyncio.run(examined({}, authority, authorities, here=here, ourselves=Ourselves(hostname), change=change))
    found = of(report, "tlsa")
    assert found.verdict == verdict
    assert words in found.evidence
    if verdict == "fail":
        assert found.fix == (
            f"_25._tcp.{hostname}. IN TLSA 3 1 1 {hashlib.sha256(read_certificate(leaf[1]).public_key).hexdigest()}",
        )


# -- relaying ---------------------------------------------------------------------------------------------------------


def relays_percent(sender: str, recipient: str) -> str | None:
    return None if "%" in recipient else "554 5.7.1 Relay access denied"


def test_an_open_relay_is_found_in_whatever_form_it_relays(authority: Authority, authorities: Authorities) -> None:
    here = Server(US, authorities.server(US), refuses=relays_percent)
    report = asyncio.run(examined({}, authority, authorities, here=here))
    assert wrong(report) == {"relay_only": "fail"}
    assert "mxtui-probe%example.com@mx2.example.net" in of(report, "relay_only").evidence
    assert not any(line.startswith("DATA") for line in here.heard)
    assert here.heard[-1] == "QUIT"


def test_the_spool_s_own_settings_are_judged(authority: Authority, authorities: Authorities) -> None:
    def change(system: Told) -> None:
        system.facts_told = replace(
            system.facts_told, recipients="any", lifetime=2 * DAY, retry=10, retry_longest=8 * 3600
        )

    report = asyncio.run(examined({}, authority, authorities, change=change))
    assert wrong(report) == {"recipients_known": "fail", "lifetimes": "warn", "backoff": "warn"}
