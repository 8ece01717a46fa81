"""Our name and our addresses, as strangers look them up."""

from collections.abc import Iterator

from mxtui.doctor.facts import Facts, Named, PostfixFacts, Unknown
from mxtui.doctor.finding import Finding, command


def rules(facts: Facts) -> Iterator[Finding]:
    """On our own name."""
    ourselves, name = facts.ourselves, facts.name
    hostname = ourselves.hostname
    if isinstance(name, Unknown):
        fix = f"{hostname}. IN A ADDRESS" if name.denied else command("getent", "ahosts", hostname)
        yield Finding("name_address", "fail", name.why, hostname, (fix,))
        yield Finding("name_reverse", "skipped", "no address of ours is known", hostname)
    else:
        yield _address(facts, hostname, name.addresses)
        yield from (_reverse(hostname, each) for each in name.addresses)
    yield _greeting(facts)


def _address(facts: Facts, hostname: str, addresses: tuple[Named, ...]) -> Finding:
    listed = ", ".join(each.address.text for each in addresses)
    if "." not in hostname.strip("."):
        return Finding("name_address", "fail", f"{hostname} is not a full name", hostname, _hostname_fix(facts))
    if private := [each.address.text for each in addresses if not each.address.public]:
        said = f"{hostname} leads to {private[0]}, which is not public"
        return Finding("name_address", "fail", said, hostname, (f"{hostname}. IN A ADDRESS",))
    foreign = [each for each in addresses if not each.here and each.address.text not in facts.ourselves.addresses]
    if foreign:
        said = f"{foreign[0].address.text} is no address of this host; behind a NAT it has to be told"
        fix = (f"postconf -e 'proxy_interfaces = {' '.join(each.address.text for each in foreign)}'",)
        return Finding("name_address", "warn", said, hostname, fix)
    return Finding("name_address", "pass", listed, hostname)


def _reverse(hostname: str, named: Named) -> Finding:
    address, names = named.address.text, named.names
    fix = (f"; at whoever gave you {address}: PTR {hostname}.",)
    if isinstance(names, Unknown):
        return Finding("name_reverse", "fail", f"{address}: {names.why}", hostname, fix)
    if hostname.lower() in names:
        more = f", of {len(names)} names" if len(names) > 1 else ""
        return Finding("name_reverse", "pass", f"{address} is {hostname}{more}", hostname)
    said = f"{address} leads back to {', '.join(names[:3])}" if names else f"{address} has no name"
    return Finding("name_reverse", "fail", said, hostname, fix)


def _greeting(facts: Facts) -> Finding:
    hostname, here = facts.ourselves.hostname, facts.here
    if isinstance(here, Unknown):
        return Finding("name_greeting", "skipped", f"our own server cannot be asked: {here.why}", hostname)
    wrong = [
        f"{place} {word or 'nothing'}"
        for place, word in (("we greet as", here.greeting), ("we answer EHLO as", here.name))
        if word.lower().rstrip(".") != hostname.lower()
    ]
    if not wrong:
        return Finding("name_greeting", "pass", f"220 {here.greeting}", hostname)
    fix = _hostname_fix(facts)
    if isinstance(facts.system, PostfixFacts):
        directory = facts.system.config_directory
        fix = (f"postconf -c {directory} -e 'smtpd_banner = $myhostname ESMTP'", f"postfix -c {directory} reload")
    return Finding("name_greeting", "fail", f"{', '.join(wrong)}, not {hostname}", hostname, fix)


def _hostname_fix(facts: Facts) -> tuple[str, ...]:
    if isinstance(facts.system, PostfixFacts):
        directory = facts.system.config_directory
        return (
            f"postconf -c {directory} -e 'myhostname = NAME-IN-THE-MX-RECORD' 'smtpd_banner = $myhostname ESMTP'",
            f"postfix -c {directory} reload",
        )
    return ('mxtui.toml, [serve]: hostname = "NAME-IN-THE-MX-RECORD"',)
