"""What SPF, MTA-STS and DANE say of a backup."""

from collections.abc import Iterator
from datetime import UTC, datetime

from mxtui.certificates import Certificate
from mxtui.doctor.facts import DomainFacts, Facts, Heard, OurName, Spf, Unknown
from mxtui.doctor.finding import Finding, command
from mxtui.doctor.tlsa import matches, record_for


def rules(facts: Facts, domain: DomainFacts) -> Iterator[Finding]:
    """On one domain."""
    yield from _spf(domain)
    yield from _sts(facts, domain)


# -- SPF --------------------------------------------------------------------------------------------------------------


def _spf(domain: DomainFacts) -> Iterator[Finding]:
    name, spf = domain.domain, domain.spf
    if isinstance(spf, Unknown):
        yield Finding("spf_exempt", "skipped", spf.why, name)
        return
    for each in spf:
        about = name if each.domain == name else f"{each.domain} to {name}"
        yield _exempt(about, each, domain.primary)


def _exempt(about: str, spf: Spf, primary: Heard | Unknown) -> Finding:
    if spf.result != "fail":
        said = {
            "none": "no SPF record",
            "pass": f"{spf.record} names us",
            "unclear": f"{spf.record or 'SPF'}: {spf.why}",
        }.get(spf.result, f"{spf.record} only marks what comes from us ({spf.result})")
        return Finding("spf_exempt", "skipped" if spf.result == "unclear" else "pass", said, about)
    strict = f"{spf.record} refuses what comes from {spf.address}"
    if isinstance(primary, Unknown):
        return Finding("spf_exempt", "skipped", f"{strict}; the primary cannot be asked: {primary.why}", about)
    answer, plain = primary.answers.get(spf.domain, ""), primary.answers.get("", "")
    fix = (
        f"; on {primary.host}, before its SPF check (Postfix: check_client_access): {spf.address} OK",
        f"; or in the zone of {spf.domain}: ip4 or ip6:{spf.address} in its SPF record",
    )
    if not answer:
        return Finding("spf_exempt", "skipped", f"{strict}; the primary was not asked", about)
    if answer.startswith("2"):
        return Finding("spf_exempt", "pass", f"{strict}, and {primary.host} takes it from us: {answer}", about)
    if not plain.startswith("2"):
        said = f"{strict}; {primary.host} refuses {primary.recipient} from anybody: {plain or 'no answer'}"
        return Finding("spf_exempt", "skipped", said, about, (_TESTER,))
    return Finding("spf_exempt", "fail", f"{strict}, and {primary.host} answers us: {answer}", about, fix)


_TESTER = 'mxtui.toml, [probe.recipients]: "DOMAIN" = "AN-ADDRESS-THAT-EXISTS"'


# -- MTA-STS ----------------------------------------------------------------------------------------------------------


def _sts(facts: Facts, domain: DomainFacts) -> Iterator[Finding]:
    name, sts, hostname = domain.domain, domain.sts, facts.ourselves.hostname
    if isinstance(sts, Unknown):
        yield Finding("sts_policy", "skipped", sts.why, name)
        yield Finding("sts_certificate", "skipped", "the policy is not known", name)
        return
    if not sts.record:
        yield Finding("sts_policy", "skipped", "the domain has no policy", name)
        yield Finding("sts_certificate", "skipped", "the domain has no policy", name)
        return
    where = f"https://mta-sts.{name}/.well-known/mta-sts.txt"
    if sts.problem:
        yield Finding("sts_policy", "fail", f"{where}: {sts.problem}", name, (command("curl", "-v", where),))
        yield Finding("sts_certificate", "skipped", "the policy cannot be read", name)
        return
    if sts.mode == "none":
        yield Finding("sts_policy", "pass", "mode: none asks for nothing", name)
        yield Finding("sts_certificate", "skipped", "mode: none asks for nothing", name)
        return
    enforced = sts.mode == "enforce"
    if any(covers(pattern, hostname) for pattern in sts.patterns):
        yield Finding("sts_policy", "pass", f"mode: {sts.mode}, {hostname} is named", name)
    else:
        said = f"mode: {sts.mode}, and {hostname} is not among {', '.join(sts.patterns[:4]) or 'no mx at all'}"
        stamp = datetime.fromtimestamp(facts.now, UTC).strftime("%Y%m%d%H%M%S")
        fix = (f"; {where}, one line more:", f"mx: {hostname}", f'_mta-sts.{name}. IN TXT "v=STSv1; id={stamp}"')
        yield Finding("sts_policy", "fail" if enforced else "warn", said, name, fix)
    yield _certificate(facts, name, enforced=enforced)


def covers(pattern: str, host: str) -> bool:
    """Whether an `mx:` of a policy names a host; `*.` stands for one label (RFC 8461 4.1).

    >>> covers("*.example.net", "mx2.example.net"), covers("*.example.net", "a.mx2.example.net")
    (True, False)
    """
    pattern, host = pattern.lower().rstrip("."), host.lower().rstrip(".")
    return pattern == host or (pattern.startswith("*.") and host.partition(".")[2] == pattern[2:])


def _certificate(facts: Facts, name: str, *, enforced: bool) -> Finding:
    here = facts.here
    if isinstance(here, Unknown):
        return Finding("sts_certificate", "skipped", f"our own server cannot be asked: {here.why}", name)
    hostname = facts.ourselves.hostname
    fix = (f"certbot certonly --standalone -d {hostname}",)
    if here.certificate is None:
        said = "we do not offer STARTTLS"
    elif here.distrust:
        said = f"the policy demands a valid one for {hostname}: {here.distrust}"
    else:
        return Finding("sts_certificate", "pass", f"valid for {hostname}", name)
    return Finding("sts_certificate", "fail" if enforced else "warn", said, name, fix)


# -- DANE -------------------------------------------------------------------------------------------------------------


def host_rules(facts: Facts) -> Iterator[Finding]:
    """On our TLSA records."""
    name, hostname = facts.name, facts.ourselves.hostname
    if isinstance(name, Unknown) or isinstance(name.tlsa, Unknown):
        why = name.why if isinstance(name, Unknown) else f"{name.tlsa.why}"  # type: ignore[union-attr]
        yield Finding("tlsa", "skipped", why, hostname)
    elif not name.tlsa:
        yield Finding("tlsa", "skipped", "there are none", hostname)
    else:
        yield _tlsa(facts, name)


def _tlsa(facts: Facts, name: OurName) -> Finding:
    hostname, here, records = name.hostname, facts.here, name.tlsa
    assert not isinstance(records, Unknown)
    if isinstance(here, Unknown):
        return Finding("tlsa", "skipped", f"our own server cannot be asked: {here.why}", hostname)
    leaf = here.certificate
    if leaf is None:
        said = "there are TLSA records, and we do not offer STARTTLS: senders with DANE defer"
        return Finding("tlsa", "fail", said, hostname, ("smtpd_tls_security_level = may, and a certificate",))
    if not isinstance(leaf, Certificate):
        return Finding("tlsa", "skipped", leaf.why, hostname)
    usable = [record for record in records if record.usable]
    fix = (f"_25._tcp.{hostname}. IN TLSA {record_for(leaf)}",)
    if not usable:
        said = f"none of {len(records)} is of a kind for mail servers (usage 2 or 3)"
        return Finding("tlsa", "warn", said, hostname, fix)
    if not any(matches(record, leaf, facts.chain) for record in usable):
        if any(record.usage == 2 for record in usable) and not facts.chain:
            said = "a record is about the authority, and our chain of certificates cannot be read from here"
            return Finding("tlsa", "skipped", said, hostname)
        return Finding("tlsa", "fail", f"none of {len(records)} matches our certificate", hostname, fix)
    if not name.secure:
        said = "they match, but the resolver does not vouch for them (DNSSEC): senders will not look at them"
        return Finding(
            "tlsa", "warn", said, hostname, (f"; sign the zone of {hostname}, or ask a validating resolver",)
        )
    return Finding("tlsa", "pass", f"{len(records)} of them, and our certificate matches", hostname)
