"""Rules over facts that can hardly be brought about for real: old versions, full disks, wrong clocks, old drills."""

import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mxtui.certificates import Certificate
from mxtui.doctor.catalogue import CATALOGUE
from mxtui.doctor.facts import (
    Address,
    Clock,
    Disk,
    DomainFacts,
    Exchanger,
    Exchangers,
    Facts,
    Heard,
    Named,
    OurName,
    PostfixFacts,
    RelayProbe,
    Sts,
    Thresholds,
    Unknown,
)
from mxtui.doctor.finding import Finding, command
from mxtui.doctor.judge import judge
from mxtui.doctor.relaying import networks_too_wide, open_by_settings
from mxtui.doctor.tlsa import Tlsa
from mxtui.model.drill import Drill
from mxtui.model.health import Primary
from mxtui.model.holds import Catching
from mxtui.model.offers import Offers
from mxtui.model.route import Ourselves, Routed
from mxtui.model.source import Space

NOW = 1_795_700_000.0
DAY = 86400.0
US = "mx2.example.net"
NOBODY = Unknown("nobody was asked")

POSTFIX = PostfixFacts(
    config_directory=Path("/etc/postfix"),
    settings={
        "mail_version": "3.9.1",
        "maximal_queue_lifetime": "5d",
        "bounce_queue_lifetime": "5d",
        "minimal_backoff_time": "300s",
        "maximal_backoff_time": "4000s",
        "queue_run_delay": "300s",
        "smtpd_forbid_bare_newline": "normalize",
        "enable_long_queue_ids": "yes",
        "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination",
        "mynetworks": "127.0.0.0/8",
    },
    running=True,
    log="/var/log/mail.log",
    catching=Catching(True),
)

FACTS = Facts(
    now=NOW,
    ourselves=Ourselves(US),
    system=POSTFIX,
    name=NOBODY,
    here=NOBODY,
    relay=RelayProbe((("x@example.com", "554 no"),), stranger=True, client="192.0.2.1"),
    disk=Disk("/var/spool", Space(1 << 40, 1 << 39, 1000, 900), "ext4", read_only=False, writable=True),
    clock=Clock(True),
    drills={},
)


def found(check: str, facts: Facts) -> Finding:
    return next(each for each in judge(facts) if each.check == check)


def with_settings(**changed: str) -> Facts:
    return replace(FACTS, system=replace(POSTFIX, settings={**POSTFIX.settings, **changed}))


def test_every_finding_is_in_the_catalogue_in_its_order() -> None:
    order = list(CATALOGUE)
    checks = [order.index(each.check) for each in judge(FACTS)]
    assert checks == sorted(checks)


def test_a_postfix_without_the_guard_against_smuggling_is_told_to_be_renewed() -> None:
    old = {name: value for name, value in POSTFIX.settings.items() if name != "smtpd_forbid_bare_newline"}
    facts = replace(FACTS, system=replace(POSTFIX, settings={**old, "mail_version": "3.5.6"}))
    finding = found("smuggling", facts)
    assert finding.verdict == "fail"
    assert "Postfix 3.5.6 has no smtpd_forbid_bare_newline" in finding.evidence
    stopgap = {**old, "smtpd_data_restrictions": "reject_unauth_pipelining"}
    assert found("smuggling", replace(FACTS, system=replace(POSTFIX, settings=stopgap))).verdict == "warn"


@pytest.mark.parametrize(
    ("disk", "wrong"),
    [
        ({"space": Space(100, 30, 100, 90)}, {}),
        ({"space": Space(100, 19, 100, 90)}, {"disk_room": "warn"}),
        ({"space": Space(100, 4, 100, 90)}, {"disk_room": "fail"}),
        ({"space": Space(100, 90, 100, 10)}, {"disk_inodes": "warn"}),
        ({"space": Space(100, 90, 100, 1)}, {"disk_inodes": "fail"}),
        ({"space": Space(100, 90, 0, 0), "kind": "btrfs"}, {}),
        ({"kind": "tmpfs"}, {"disk_kind": "fail"}),
        ({"kind": "overlay"}, {"disk_kind": "warn"}),
        ({"read_only": True}, {"disk_writable": "fail"}),
        ({"writable": False}, {"disk_writable": "fail"}),
        ({"writable": Unknown("no such user")}, {}),
    ],
)
def test_a_disk_that_is_full_volatile_or_closed_is_found(disk: dict[str, object], wrong: dict[str, str]) -> None:
    assert isinstance(FACTS.disk, Disk)
    findings = judge(replace(FACTS, disk=FACTS.disk._replace(**disk)))  # type: ignore[arg-type]
    about = {each.check: each.verdict for each in findings if each.check.startswith("disk_")}
    assert {check: verdict for check, verdict in about.items() if verdict in ("warn", "fail")} == wrong


def test_a_disk_with_less_room_than_it_takes_to_receive_mail_fails_whatever_its_share() -> None:
    assert isinstance(FACTS.disk, Disk)
    facts = replace(FACTS, disk=FACTS.disk._replace(space=Space(10 << 30, 4 << 30, 100, 90)))
    finding = found("disk_room", replace(facts, limits=Thresholds(least_free=5 << 30)))
    assert (finding.verdict, finding.evidence) == (
        "fail", "40% of 10G is free, too little to take mail: 5G has to be",
    )  # fmt: skip
    assert found("disk_room", replace(facts, limits=Thresholds(least_free=3 << 30))).verdict == "pass"


@pytest.mark.parametrize(
    ("clock", "verdict", "words"),
    [
        (Clock(True), "pass", "kept by NTP"),
        (Clock(False), "warn", "not kept by NTP"),
        (Clock(None), "skipped", "the kernel does not tell"),
        (Clock(None, (("a", 2.0),)), "pass", "as a has it"),
        (Clock(True, (("a", 2.0), ("b", -300.0))), "warn", "5m ahead of b"),
        (Clock(True, (("a", 7200.0), ("b", -300.0))), "fail", "2h 00m behind a"),
    ],
)
def test_a_clock_is_compared_with_whoever_tells_the_time(clock: Clock, verdict: str, words: str) -> None:
    finding = found("clock", replace(FACTS, clock=clock))
    assert (finding.verdict, words in finding.evidence) == (verdict, True), finding.evidence


def domain(**more: object) -> DomainFacts:
    known = DomainFacts("example.org", Routed(None, "put off"), NOBODY, (), Sts(), NOBODY)
    return replace(known, **more)  # type: ignore[arg-type]


def drill(ago: float) -> Drill:
    return Drill(NOW - ago, "example.org", "primary", "passed", 1.0, "")


@pytest.mark.parametrize(
    ("last", "verdict", "words"),
    [
        (None, "warn", "there never was one"),
        (drill(DAY), "pass", "passed 1d 00h ago"),
        (drill(100 * DAY), "warn", "passed, but 100d 00h ago"),
        (replace(drill(DAY), domain="other.example"), "warn", "there never was one"),
        (replace(drill(DAY), result="failed", detail="lost"), "fail", "failed 1d 00h ago: lost"),
    ],
)  # fmt: skip
def test_the_last_drill_of_each_domain_counts(last: Drill | None, verdict: str, words: str) -> None:
    drills = {last.domain: last} if last is not None else {}
    finding = found("drill", replace(FACTS, drills=drills, domains=(domain(),), drilled=("example.org",)))
    assert (finding.verdict, finding.evidence) == (verdict, words)


def test_domains_without_an_address_for_drills_are_one_line_and_no_warning() -> None:
    others = [domain(domain=f"d{number}.example") for number in range(199)]
    facts = replace(FACTS, domains=(domain(), *others), drilled=("example.org",))
    about = [each for each in judge(facts) if each.check == "drill"]
    assert [(each.verdict, each.subject) for each in about] == [("skipped", ""), ("warn", "example.org")]
    assert about[0].evidence == "199 domains without an address for drills"
    assert about[0].fix == ('mxtui.toml, [drill.addresses]: "example.org" = "drill@example.org"',)


def test_a_drill_is_overdue_when_the_settings_say_so() -> None:
    facts = replace(
        FACTS,
        drills={"example.org": drill(40 * DAY)},
        domains=(domain(),),
        drilled=("example.org",),
        limits=Thresholds(drill=60 * DAY),
    )
    assert found("drill", facts).verdict == "pass"
    assert found("drill", replace(facts, limits=Thresholds())).verdict == "warn"


def test_drills_that_cannot_be_read_are_not_taken_for_none() -> None:
    assert found("drill", replace(FACTS, drills=Unknown("denied"), domains=(domain(),))).verdict == "skipped"


@pytest.mark.parametrize(
    ("relay", "recipient", "is_open"),
    [
        ("permit_mynetworks permit_sasl_authenticated defer_unauth_destination", "", False),
        ("permit_mynetworks, reject_unauth_destination", "permit", False),
        ("", "permit_mynetworks, check_recipient_access hash:/etc/x, reject_unauth_destination", False),
        ("permit", "reject_unauth_destination", False),
        ("", "", True),
        ("permit_mynetworks", "permit_sasl_authenticated", True),
        ("permit_mx_backup, reject_unauth_destination", "", True),
        ("permit_dnswl_client list.example, reject", "permit_mynetworks", True),
        ("permit_auth_destination, reject", "", False),
    ],
)
def test_restrictions_are_read_as_smtpd_reads_them(relay: str, recipient: str, *, is_open: bool) -> None:
    told = {"smtpd_relay_restrictions": relay, "smtpd_recipient_restrictions": recipient}
    assert bool(open_by_settings(told)) == is_open


@settings(max_examples=30)
@given(st.text(max_size=200), st.text(max_size=200))
def test_no_setting_is_too_odd_to_be_judged(one: str, other: str) -> None:
    open_by_settings({"smtpd_relay_restrictions": one, "smtpd_recipient_restrictions": other})
    networks_too_wide(one)
    for name in POSTFIX.settings:
        assert judge(with_settings(**{name: one}))


def test_who_is_trusted_and_takes_everything_is_not_called_a_relay_for_that() -> None:
    taken = RelayProbe((("x@example.com", "250 ok"),), stranger=False, client="127.0.0.1")
    finding = found("relay_only", replace(FACTS, relay=taken))
    assert finding.verdict == "pass"
    assert "we cannot be a stranger to it from here" in finding.evidence
    assert found("relay_only", replace(FACTS, relay=taken._replace(stranger=True))).verdict == "fail"


HERE = Heard(US, "127.0.0.1", 25, US, US, Offers())
THERE = replace(HERE, host="mx1.example.org", address="192.0.2.1", greeting="mx1.example.org", name="mx1.example.org")


@pytest.mark.parametrize(
    ("port", "addresses", "here", "verdict"),
    [
        (25, ("192.0.2.1",), "", "pass"),
        (25, ("192.0.2.25",), "", "fail"),  # what our name leads to, whether an interface has it or a NAT
        (25, ("127.0.0.1",), "127.0.0.1", "fail"),
        (2525, ("127.0.0.1",), "127.0.0.1", "pass"),  # another server on this host
    ],
)
def test_a_route_to_our_own_address_is_a_loop(port: int, addresses: tuple[str, ...], here: str, verdict: str) -> None:
    routed = Routed(Primary("mx1.example.org", port, "config"))
    known = domain(routed=routed, primary=replace(THERE, port=port), primary_addresses=addresses, primary_here=here)
    name = OurName(US, (Named(Address("192.0.2.25", 60, True), (US,), False),))
    assert found("loop", replace(FACTS, name=name, here=HERE, domains=(known,))).verdict == verdict


def test_a_route_to_our_own_name_is_a_loop() -> None:
    known = domain(routed=Routed(Primary(US, 2525, "transport")), primary=THERE)
    assert found("loop", replace(FACTS, domains=(known,))).verdict == "fail"


@pytest.mark.parametrize(("secure", "verdict"), [(True, "pass"), (False, "warn")])
def test_tlsa_records_count_where_dnssec_vouches_for_them(secure: bool, verdict: str) -> None:
    leaf = Certificate(b"der", NOW - DAY, NOW + 60 * DAY, (US,), b"key")
    name = OurName(US, tlsa=(Tlsa(3, 1, 0, b"key"),), secure=secure)
    assert found("tlsa", replace(FACTS, name=name, here=replace(HERE, certificate=leaf))).verdict == verdict


def test_tlsa_records_without_starttls_keep_senders_away() -> None:
    name = OurName(US, tlsa=(Tlsa(3, 1, 0, b"key"),), secure=True)
    assert found("tlsa", replace(FACTS, name=name, here=HERE)).verdict == "fail"


hosts = st.sampled_from([US, "mx1.example.org", "backup.example.org", "192.0.2.1", "*.example", "", "ü.example"])
texts = st.sampled_from(["192.0.2.1", "10.0.0.1", "::1"])
addresses = st.lists(st.builds(Address, texts, st.integers(0, 1 << 31), st.booleans()), max_size=3).map(tuple)
problems = st.sampled_from(["", "it does not exist"])
exchangers = st.builds(
    Exchanger, hosts, st.integers(0, 65535), addresses, st.sampled_from(["", "other.example"]), problems
)
routes = st.sampled_from(
    [
        Routed(None, "put off"),
        Routed(Primary("mx1.example.org", 25, "config")),
        Routed(Primary(US, 25, "transport")),
        Routed(Primary("example.org", 25, "mx", lookup_mx=True)),
    ]
)


@given(st.lists(exchangers, max_size=20), st.booleans(), st.integers(0, 1 << 31), routes)
def test_whatever_dns_says_each_check_of_a_domain_has_one_verdict(
    records: list[Exchanger], null: bool, ttl: int, routed: Routed
) -> None:
    ordered = tuple(sorted(records, key=lambda each: each.preference))
    known = domain(mx=Exchangers(ordered, len(ordered), ttl, null), routed=routed, primary_addresses=("192.0.2.1",))
    facts = replace(FACTS, domains=(known,))
    checks = [each.check for each in judge(facts) if each.subject == "example.org"]
    assert len(checks) == len(set(checks))
    assert {name for name, check in CATALOGUE.items() if check.family == "DNS"} <= set(checks)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_a_line_that_is_to_be_copied_runs_one_command_whatever_a_domain_is_called(name: str) -> None:
    assert shlex.split(command("dig", "MX", name, "+trace")) == ["dig", "MX", name, "+trace"]


def test_no_domain_and_no_host_of_strangers_gets_into_a_line_unquoted() -> None:
    name, host = "`reboot`.example", "$(reboot)"
    routed = Routed(None, "nothing routes it")
    mx = Exchangers((Exchanger(host, 5, alias=host), Exchanger("a.example", 7, alias=host)), 2, 60)
    for known in (mx, NOBODY):
        domain = DomainFacts(name, routed, known, NOBODY, Sts("v=STSv1; id=1", problem="refused"), NOBODY)
        for finding in judge(replace(FACTS, domains=(domain,))):
            assert not [line for line in finding.fix if host in line]
            for line in finding.fix:
                if line.split()[0] in ("dig", "curl", "mxtui"):
                    assert any(name in word for word in shlex.split(line))
                    assert name not in line.replace(f"'{name}'", "").replace(f"'https://mta-sts.{name}/", "")
