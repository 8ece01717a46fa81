"""All rules over all facts."""

from collections.abc import Iterator

from mxtui.doctor.catalogue import CATALOGUE
from mxtui.doctor.facts import Facts, PostfixFacts
from mxtui.doctor.finding import Finding
from mxtui.doctor.rules import dns, host, names, policy, postfix, smtp, spool, tls


def judge(facts: Facts) -> tuple[Finding, ...]:
    """Every finding, in the order of the catalogue; what passed as well."""
    found = list(_all(facts))
    order = {name: number for number, name in enumerate(CATALOGUE)}
    return tuple(sorted(found, key=lambda finding: order[finding.check]))


def _all(facts: Facts) -> Iterator[Finding]:
    for domain in facts.domains:
        yield from dns.rules(facts, domain)
        yield from policy.rules(facts, domain)
    yield from policy.host_rules(facts)
    yield from names.rules(facts)
    yield from tls.rules(facts)
    yield from smtp.rules(facts)
    if isinstance(facts.system, PostfixFacts):
        yield from postfix.rules(facts, facts.system)
    else:
        yield from spool.rules(facts, facts.system)
    yield from host.rules(facts)
