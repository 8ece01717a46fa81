"""The doctor against real zones: on a good one nothing is found, on each bad one the planted fault and no other."""

import asyncio
import time
from collections.abc import Iterator, Mapping

import pytest

from mxtui.doctor.finding import Report
from mxtui.model.drill import Drill
from mxtui.model.health import Primary
from mxtui.model.route import Routed
from tests.doctor.authority import Authority
from tests.doctor.world import (
    OURS,
    PLAIN,
    PRIMARY,
    US,
    ZONE,
    Authorities,
    Case,
    Server,
    examined,
    of,
    policy,
    sts_records,
    usual,
    wrong,
)

MANY = 512


def refuses_spf(sender: str, recipient: str) -> str | None:
    return f"550 5.7.23 SPF: {sender} may not be sent from {OURS}" if sender else None


def refuses_everybody(sender: str, recipient: str) -> str | None:
    return "550 5.1.1 no such user"


CASES: Mapping[str, Case] = {
    "good.example": Case(
        usual("good.example") + 'good.example. IN TXT "v=spf1 mx -all"\n' + sts_records("good.example"),
        files={"mta-sts.good.example": policy("good.example")},
    ),
    "plain.example": Case(usual("plain.example")),
    "no-mx.example": Case(
        f"no-mx.example. IN A {PRIMARY}\nmx1.no-mx.example. IN A {PRIMARY}\n", {"mx_present": "fail"}
    ),
    "null.example": Case(f"null.example. IN MX 0 .\nmx1.null.example. IN A {PRIMARY}\n", {"mx_present": "fail"}),
    "half-null.example": Case(usual("half-null.example") + "half-null.example. IN MX 0 .\n", {"mx_present": "fail"}),
    "missing.example": Case(
        f"missing.example. IN MX 10 mx1.missing.example.\nmx1.missing.example. IN A {PRIMARY}\n", {"mx_us": "fail"}
    ),
    "other-name.example": Case(
        "other-name.example. IN MX 10 mx1.other-name.example.\n"
        "other-name.example. IN MX 20 backup.other-name.example.\n"
        f"mx1.other-name.example. IN A {PRIMARY}\nbackup.other-name.example. IN A {OURS}\n",
        {"mx_us": "fail"},
    ),
    "equal.example": Case(
        f"equal.example. IN MX 10 mx1.equal.example.\nequal.example. IN MX 10 {US}.\n"
        f"mx1.equal.example. IN A {PRIMARY}\n",
        {"mx_order": "fail"},
    ),
    "inverted.example": Case(
        f"inverted.example. IN MX 30 mx1.inverted.example.\ninverted.example. IN MX 20 {US}.\n"
        f"mx1.inverted.example. IN A {PRIMARY}\n",
        {"mx_order": "fail"},
    ),
    "close.example": Case(
        f"close.example. IN MX 10 mx1.close.example.\nclose.example. IN MX 15 {US}.\n"
        f"mx1.close.example. IN A {PRIMARY}\n",
        {"mx_order": "warn"},
    ),
    "alias.example": Case(
        f"alias.example. IN MX 10 mail.alias.example.\nalias.example. IN MX 20 {US}.\n"
        f"mail.alias.example. IN CNAME mx1.alias.example.\nmx1.alias.example. IN A {PRIMARY}\n",
        {"mx_hosts": "fail"},
    ),
    "address.example": Case(usual("address.example") + "address.example. IN MX 30 192.0.2.1.\n", {"mx_hosts": "fail"}),
    "escaped.example": Case(
        usual("escaped.example") + 'escaped.example. IN MX 30 \\027[2J\\226\\128\\174\\"evil.escaped.example.\n',
        {"mx_hosts": "fail"},
    ),
    "private.example": Case(
        usual("private.example")
        + "private.example. IN MX 30 mx3.private.example.\nmx3.private.example. IN A 10.0.0.1\n",
        {"mx_addresses": "fail"},
    ),
    "dangling.example": Case(
        usual("dangling.example") + "dangling.example. IN MX 30 mx3.nowhere.example.\n", {"mx_addresses": "fail"}
    ),
    "stale.example": Case(usual("stale.example").replace(" IN MX", " 86400 IN MX"), {"mx_ttl": "warn"}),
    "many.example": Case(
        f"many.example. IN MX 60000 {US}.\nmx1.many.example. IN A {PRIMARY}\nmany.example. IN MX 10 mx1.many.example.\n"
        + "".join(f"many.example. IN MX {20 + n} a-rather-long-name-{n}.mx.many.example.\n" for n in range(MANY - 2))
        + f"*.mx.many.example. IN A {PRIMARY}\n",
        {"mx_many": "warn"},
    ),
    "moved.example": Case(
        usual("moved.example").replace(PRIMARY, "127.0.0.99") + f"old.moved.example. IN A {PRIMARY}\n",
        {"mx_route": "warn"},
        routed=lambda port: Routed(Primary("old.moved.example", port, "transport")),
    ),
    "second.example": Case(
        usual("second.example")
        + f"mx3.second.example. IN A {PRIMARY}\n".replace(PRIMARY, "127.0.0.15")
        + "second.example. IN MX 5 mx3.second.example.\n",
        {"mx_route": "warn"},
    ),
    "unrouted.example": Case(
        usual("unrouted.example"),
        {"mx_route": "fail"},
        routed=lambda port: Routed(None, "put off by Postfix's routing: closed"),
    ),
    "by-mx.example": Case(
        usual("by-mx.example"),
        routed=lambda port: Routed(Primary("by-mx.example", port, "mx", lookup_mx=True)),
    ),
    "servfail.example": Case("", {"dns_answers": "fail", "primary_answers": "warn"}),
    "gone.example": Case("", {"dns_answers": "fail", "primary_answers": "warn"}),
    "strict.example": Case(
        usual("strict.example") + 'strict.example. IN TXT "v=spf1 a:mx1.strict.example -all"\n',
        {"spf_exempt": "fail"},
        server=lambda ca: Server("mx1.strict.example", ca.server("mx1.strict.example"), refuses=refuses_spf),
    ),
    "exempt.example": Case(usual("exempt.example") + 'exempt.example. IN TXT "v=spf1 a:mx1.exempt.example -all"\n'),
    "unasked.example": Case(
        usual("unasked.example") + 'unasked.example. IN TXT "v=spf1 -all"\n',
        server=lambda ca: Server("mx1.unasked.example", ca.server("mx1.unasked.example"), refuses=refuses_everybody),
    ),
    "unnamed.example": Case(
        usual("unnamed.example") + sts_records("unnamed.example"),
        {"sts_policy": "fail"},
        files={"mta-sts.unnamed.example": policy("unnamed.example", "mx3.example.net")},
    ),
    "testing.example": Case(
        usual("testing.example") + sts_records("testing.example"),
        {"sts_policy": "warn"},
        files={"mta-sts.testing.example": policy("testing.example", "*.mx2.example.net", "testing")},
    ),
    "off.example": Case(
        usual("off.example") + sts_records("off.example"),
        files={"mta-sts.off.example": policy("off.example", "mx9.example.net", "none")},
    ),
    "no-file.example": Case(
        usual("no-file.example") + sts_records("no-file.example"),
        {"sts_policy": "fail"},
        files={"mta-sts.no-file.example": "HTTP/1.1 302 Found\r\nLocation: https://elsewhere.example/\r\n\r\n"},
    ),
    "garbled.example": Case(
        usual("garbled.example") + sts_records("garbled.example"),
        {"sts_policy": "fail"},
        files={"mta-sts.garbled.example": "version: STSv1\nmode: on\nmax_age: 1\n"},
    ),
    "huge.example": Case(
        usual("huge.example") + sts_records("huge.example"),
        {"sts_policy": "fail"},
        files={"mta-sts.huge.example": policy("huge.example") + "x: y\r\n" * 20_000},
    ),
    "untrusted.example": Case(
        usual("untrusted.example") + sts_records("untrusted.example"),
        {"sts_policy": "fail"},
        files={"mta-sts.untrusted.example": policy("untrusted.example")},
    ),
    "small.example": Case(
        usual("small.example"),
        {"offers_size": "warn"},
        server=lambda ca: Server("mx1.small.example", ca.server("mx1.small.example"), size=5_000_000),
    ),
    "ascii.example": Case(
        usual("ascii.example"),
        {"offers_smtputf8": "warn"},
        server=lambda ca: Server("mx1.ascii.example", None, ehlo=PLAIN),
    ),
    "expiring.example": Case(
        usual("expiring.example"),
        server=lambda ca: Server("mx1.expiring.example", ca.server("mx1.expiring.example", days=10)),
    ),
    "expired.example": Case(
        usual("expired.example"),
        server=lambda ca: Server("mx1.expired.example", ca.server("mx1.expired.example", days=-2)),
    ),
    "loop.example": Case(
        usual("loop.example"), {"loop": "fail"}, server=lambda ca: Server(US, ca.server("mx1.loop.example"))
    ),
    "busy.example": Case(
        usual("busy.example"),
        {"primary_answers": "warn"},
        server=lambda ca: Server("mx1.busy.example", None, replies={"": "421 too busy"}),
    ),
}

BROKEN = ("servfail.example",)


@pytest.fixture(scope="module")
def authority(need_nsd: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    zone = ZONE + "".join(case.zone for case in CASES.values())
    with Authority(tmp_path_factory.mktemp("nsd"), zone, BROKEN) as running:
        yield running


@pytest.fixture(scope="module")
def report(authority: Authority, authorities: Authorities, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """All domains at once."""
    return asyncio.run(examined(CASES, authority, authorities, drills=drilled()))


def drilled() -> dict[str, Drill]:
    return {domain: Drill(time.time(), domain, "queue", "passed", 3.0, "") for domain in CASES}


@pytest.mark.parametrize("domain", CASES)
def test_what_was_planted_is_found_and_nothing_else(domain: str, report: Report) -> None:
    about = {each.check: each.evidence for each in report.wrong if each.subject == domain}
    assert wrong(report, domain) == CASES[domain].found, about


def test_this_host_itself_is_well(report: Report) -> None:
    names = {subject for domain in CASES for subject in (domain, f"mx1.{domain}")}
    elsewhere = [each for each in report.wrong if each.subject.partition(":")[0] not in names]
    assert elsewhere == []


def test_all_of_them_take_less_than_ten_domains_may(report: Report) -> None:
    assert len(CASES) > 30
    assert report.seconds < 10


def test_each_finding_has_evidence_and_each_that_is_wrong_a_fix(report: Report) -> None:
    assert all(each.evidence for each in report.findings)
    assert [each.check for each in report.wrong if not each.fix] == []


def test_evidence_names_what_was_seen(report: Report) -> None:
    assert of(report, "mx_us", "missing.example").evidence == f"{US} is not among them: 10 mx1.missing.example"
    assert of(report, "mx_us", "missing.example").fix[1] == f"missing.example. IN MX 20 {US}."
    assert of(report, "mx_hosts", "alias.example").evidence == (
        "mail.alias.example is an alias (CNAME) of mx1.alias.example"
    )
    assert of(report, "mx_hosts", "alias.example").fix == ("alias.example. IN MX 10 mx1.alias.example.",)
    assert of(report, "mx_hosts", "address.example").fix == (
        "address.example. IN MX 30 mx30.address.example.",
        "mx30.address.example. IN A 192.0.2.1",
    )
    assert of(report, "sts_policy", "unnamed.example").fix[1] == f"mx: {US}"
    assert of(report, "mx_many", "many.example").evidence == "512 MX records; the best 17 were looked at"
    assert of(report, "mx_order", "many.example").verdict == "pass"
    assert of(report, "dns_answers", "servfail.example").evidence == "the DNS servers fail for servfail.example"
    assert of(report, "dns_answers", "gone.example").evidence == "gone.example does not exist in DNS"
    assert "5.7.23" in of(report, "spf_exempt", "strict.example").evidence
    assert of(report, "spf_exempt", "exempt.example").verdict == "pass"
    assert of(report, "spf_exempt", "unasked.example").verdict == "skipped"
    assert "senders follow no redirect" in of(report, "sts_policy", "no-file.example").evidence
    assert "certificate not verified" in of(report, "sts_policy", "untrusted.example").evidence
    assert of(report, "offers_size", "small.example").evidence == ("we take 10000k, mx1.small.example 5000000")


def test_a_name_with_escapes_is_shown_and_harmless(report: Report) -> None:
    evidence = of(report, "mx_hosts", "escaped.example").evidence
    assert r"\027[2j\226\128\174\"evil.escaped.example is not the name of a host" in evidence
    assert evidence.isprintable()


def test_certificates_of_primaries_are_told_by_their_hosts(report: Report) -> None:
    found = {each.subject.partition(":")[0]: each for each in report.wrong if each.check == "certificate_primary"}
    assert {host: each.verdict for host, each in found.items()} == {
        "mx1.expiring.example": "warn",
        "mx1.expired.example": "fail",
    }
    assert found["mx1.expiring.example"].evidence == "expires in 9d 23h, for mx1.expiring.example"
    assert found["mx1.expired.example"].evidence.startswith("expired 2d 00h ago")
