"""The domain's MX records, against what we are and where we send its mail (RFC 5321 5.1)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from mxtui.doctor.facts import DomainFacts, Exchanger, Exchangers, Facts, OurName, Unknown
from mxtui.doctor.finding import Finding, Verdict, command
from mxtui.model.words import counted, duration

GAP: Final = 10

MANY: Final = 10
"""MX records that are worth having; Postfix and others try no more addresses than that."""

QUOTED: Final = 4
"""Records that evidence names; the rest is counted."""

_HOST: Final = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+"
)
_ADDRESS: Final = re.compile(r"[0-9.]+|[0-9a-f:]*:[0-9a-f:.]*")

CHECKS: Final = ("mx_us", "mx_order", "mx_hosts", "mx_addresses", "mx_ttl", "mx_many", "mx_route")


def rules(facts: Facts, domain: DomainFacts) -> Iterator[Finding]:
    """All that is to be said of one domain's records."""
    name, mx = domain.domain, domain.mx
    if isinstance(mx, Unknown):
        yield Finding("dns_answers", "fail", mx.why, name, (command("dig", "MX", name, "+trace"),))
        yield from _skipped(name, ("mx_present", *CHECKS), "its MX records could not be had")
        return
    yield Finding("dns_answers", "pass", _listing(mx) or "no MX record", name)
    if mx.null or not mx.records:
        said = "it says that it takes no mail (null MX)" if mx.null else "there is no MX record"
        yield Finding("mx_present", "fail", said, name, _wanted(facts, domain))
        yield from _skipped(name, CHECKS, "there are no MX records to look at")
        return
    yield Finding("mx_present", "pass", counted(mx.total, "MX record"), name)
    yield from _us(facts, domain, mx)
    yield from _hosts(name, mx.records)
    yield _ttl(facts, name, mx)
    yield _many(name, mx)
    yield _route(facts, domain, mx)


def ours(facts: Facts, mx: Exchangers) -> tuple[list[Exchanger], list[Exchanger]]:
    """Records that name us by our own name, and those that lead to our addresses by another."""
    by_name = [each for each in mx.records if facts.ourselves.named(each.host)]
    own = own_addresses(facts)
    by_address = [
        each for each in mx.records if each not in by_name and any(address.text in own for address in each.addresses)
    ]
    return by_name, by_address


def own_addresses(facts: Facts) -> frozenset[str]:
    """Ours, as DNS and the settings tell."""
    known = facts.name.addresses if isinstance(facts.name, OurName) else ()
    return frozenset({each.address.text for each in known}) | facts.ourselves.addresses


def _us(facts: Facts, domain: DomainFacts, mx: Exchangers) -> Iterator[Finding]:
    name, hostname = domain.domain, facts.ourselves.hostname
    by_name, by_address = ours(facts, mx)
    fix = _wanted(facts, domain, mx)
    if not by_name and not by_address:
        yield Finding("mx_us", "fail", f"{hostname} is not among them: {_listing(mx)}", name, fix)
        yield Finding("mx_order", "skipped", "this host is not among them", name)
        return
    if by_name:
        yield Finding("mx_us", "pass", f"{by_name[0].preference} {by_name[0].host}", name)
    else:
        other = by_address[0].host
        said = f"{other} leads to this host, which calls itself {hostname}"
        yield Finding("mx_us", "fail", said, name, (f"{name}. IN MX {by_address[0].preference} {hostname}.",))
    mine = min(each.preference for each in by_name or by_address)
    better = [each for each in mx.records if each.preference < mine]
    if not better:
        same = [each.host for each in mx.records if each.preference == mine and each not in by_name + by_address]
        said = f"{same[0]} has the same number, {mine}" if same else f"no other host has a lower number than {mine}"
        yield Finding("mx_order", "fail", said, name, fix)
    elif (gap := mine - better[0].preference) < GAP:
        said = f"{better[0].preference} {better[0].host}, we have {mine}: a gap of {gap}"
        yield Finding("mx_order", "warn", said, name, fix)
    else:
        yield Finding("mx_order", "pass", f"{better[0].preference} {better[0].host}, we have {mine}", name)


def _hosts(name: str, records: Sequence[Exchanger]) -> Iterator[Finding]:
    bad: dict[str, tuple[str, ...]] = {}
    unreachable: dict[str, tuple[str, ...]] = {}
    for each in records:
        if _ADDRESS.fullmatch(each.host):
            kind = "AAAA" if ":" in each.host else "A"
            record = f"{name}. IN MX {each.preference} mx{each.preference}.{name}."
            bad[f"{each.host} is an address, not a name"] = (
                record,
                f"mx{each.preference}.{name}. IN {kind} {each.host}",
            )
        elif not _HOST.fullmatch(each.host):
            bad[f"{each.host} is not the name of a host"] = (f"; zone of {name}: without MX {each.preference}",)
        elif each.alias:
            record = f"{name}. IN MX {each.preference} {_safe(each.alias)}."
            bad[f"{each.host} is an alias (CNAME) of {each.alias}"] = (record,)
        elif each.problem:
            unreachable[each.problem] = (f"{each.host}. IN A ITS-PUBLIC-ADDRESS",)
        elif private := [address.text for address in each.addresses if not address.public]:
            said = f"{each.host} leads to {private[0]}, which is not public"
            unreachable[said] = (f"{each.host}. IN A ITS-PUBLIC-ADDRESS",)
    yield _told("mx_hosts", name, bad, "names of hosts")
    yield _told("mx_addresses", name, unreachable, "public addresses")


def _told(check: str, name: str, wrong: Mapping[str, tuple[str, ...]], well: str) -> Finding:
    """`wrong` is what was seen, with its fix."""
    if not wrong:
        return Finding(check, "pass", well, name)
    more = f", and {len(wrong) - QUOTED} more" if len(wrong) > QUOTED else ""
    fixes = [line for lines in list(wrong.values())[:QUOTED] for line in lines]
    return Finding(check, "fail", "; ".join(list(wrong)[:QUOTED]) + more, name, tuple(dict.fromkeys(fixes)))


def _ttl(facts: Facts, name: str, mx: Exchangers) -> Finding:
    longest = facts.limits.ttl
    long = [f"MX {duration(mx.ttl)}"] if mx.ttl > longest else []
    for each in mx.records:
        ttl = max((address.ttl for address in each.addresses), default=0)
        if ttl > longest:
            long.append(f"{each.host} {duration(ttl)}")
    if not long:
        return Finding("mx_ttl", "pass", f"MX {duration(mx.ttl)}", name)
    fix = (f"; zone of {name}: $TTL {int(min(longest, 3600))}",)
    return Finding("mx_ttl", "warn", f"cached for {', '.join(long[:QUOTED])}", name, fix)


def _many(name: str, mx: Exchangers) -> Finding:
    if mx.total <= MANY:
        return Finding("mx_many", "pass", f"{mx.total}", name)
    looked = f"; the best {len(mx.records)} were looked at" if len(mx.records) < mx.total else ""
    return Finding("mx_many", "warn", f"{mx.total} MX records{looked}", name, (f"; zone of {name}: keep two or three",))


def _route(facts: Facts, domain: DomainFacts, mx: Exchangers) -> Finding:
    name, primary = domain.domain, domain.routed.primary
    if primary is None:
        return Finding("mx_route", "fail", f"mail goes nowhere: {domain.routed.why}", name, _transport(facts, name, mx))
    if primary.lookup_mx and primary.host.lower() == name:
        return Finding("mx_route", "pass", "by the MX records themselves", name)
    by_name, by_address = ours(facts, mx)
    others = [each for each in mx.records if each not in by_name + by_address]
    best = [each for each in others if each.preference == others[0].preference] if others else []
    where = f"{primary.host}:{primary.port}"
    if not best:
        return Finding("mx_route", "skipped", f"{where}; DNS names no other host", name)
    addresses = {address.text for each in best for address in each.addresses} | {each.host for each in best}
    if primary.host.lower() in addresses or addresses.intersection(domain.primary_addresses):
        return Finding("mx_route", "pass", f"{where} ({primary.source})", name)
    if any(primary.host.lower() == each.host or _shares(domain, each) for each in others):
        said = f"mail goes to {where}, and DNS names {best[0].host} before it"
    else:
        said = f"mail goes to {where}, and DNS names {', '.join(each.host for each in best[:QUOTED])}"
    return Finding("mx_route", "warn", said, name, _transport(facts, name, mx))


def _shares(domain: DomainFacts, exchanger: Exchanger) -> bool:
    return any(address.text in domain.primary_addresses for address in exchanger.addresses)


def _transport(facts: Facts, name: str, mx: Exchangers) -> tuple[str, ...]:
    best = next(
        (each for each in mx.records if not facts.ourselves.named(each.host) and _HOST.fullmatch(each.host)), None
    )
    if best is None:
        return ()
    return (f"transport(5): {name} smtp:[{best.host}]", f'mxtui.toml, [primaries]: "{name}" = "{best.host}:25"')


def _wanted(facts: Facts, domain: DomainFacts, mx: Exchangers | None = None) -> tuple[str, ...]:
    """The records as they should be."""
    name, hostname = domain.domain, facts.ourselves.hostname
    others = [each for each in mx.records if not facts.ourselves.named(each.host)] if mx is not None else []
    primary = domain.routed.primary
    best = _safe(others[0].host) if others else primary.host if primary is not None else f"mx1.{name}"
    lowest = min(others[0].preference if others else GAP, 65535 - GAP)
    return (f"{name}. IN MX {lowest} {best}.", f"{name}. IN MX {lowest + GAP} {hostname}.")


def _safe(host: str) -> str:
    """A host of somebody's DNS in a line that is to be copied: nothing but a name gets there."""
    return host if _HOST.fullmatch(host) else "THE-NAME-OF-THE-HOST"


def _listing(mx: Exchangers) -> str:
    more = f", and {mx.total - QUOTED} more" if mx.total > QUOTED else ""
    return ", ".join(f"{each.preference} {each.host}" for each in mx.records[:QUOTED]) + more


def _skipped(name: str, checks: Sequence[str], why: str) -> Iterator[Finding]:
    verdict: Verdict = "skipped"
    for check in checks:
        yield Finding(check, verdict, why, name)
