"""The conversations: ours with strangers, and the primary's with us."""

from collections.abc import Iterator

from mxtui.doctor.facts import DomainFacts, Facts, Heard, PostfixFacts, SpoolFacts, Unknown
from mxtui.doctor.finding import Finding, command
from mxtui.doctor.relaying import networks_too_wide, open_by_settings
from mxtui.doctor.rules.dns import own_addresses
from mxtui.model.next_hop import SMTP_PORT
from mxtui.model.units import format_size


def rules(facts: Facts) -> Iterator[Finding]:
    """On our own server, and on each primary."""
    here = facts.here
    if isinstance(here, Unknown) and isinstance(facts.system, SpoolFacts) and not facts.system.configured:
        yield Finding("answers", "skipped", here.why)
    elif isinstance(here, Unknown):
        start = (
            (f"postfix -c {facts.system.config_directory} start",)
            if isinstance(facts.system, PostfixFacts)
            else ("systemctl start mxtui",)
        )
        yield Finding("answers", "fail", here.why, fix=start)
    else:
        yield Finding("answers", "pass", f"{here.address} port {here.port}")
    yield _relay(facts)
    for domain in facts.domains:
        yield _primary(domain)
        yield from _offers(facts, domain)
        yield _loop(facts, domain)


# -- relaying ---------------------------------------------------------------------------------------------------------


def _relay(facts: Facts) -> Finding:
    probe = facts.relay
    fix: tuple[str, ...] = ()
    settings = facts.system.settings if isinstance(facts.system, PostfixFacts) else None
    if settings is not None:
        directory = facts.system.config_directory if isinstance(facts.system, PostfixFacts) else ""
        fix = (
            f"postconf -c {directory} -e 'smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination'",
            f"postfix -c {directory} reload",
        )
        if wide := networks_too_wide(settings.get("mynetworks", "")):
            narrow = (f"postconf -c {directory} -e 'mynetworks = 127.0.0.0/8 [::1]/128'", fix[1])
            return Finding("relay_only", "fail", f"mynetworks trusts {', '.join(wide[:4])}", fix=narrow)
        if why := open_by_settings(settings):
            return Finding("relay_only", "fail", why, fix=fix)
    if isinstance(probe, Unknown) or probe.why:
        why = probe.why
        if settings is not None:
            return Finding("relay_only", "pass", f"by its settings; it could not be tried: {why}")
        return Finding("relay_only", "skipped", why)
    taken = [(recipient, reply) for recipient, reply in probe.replies if reply.startswith("2")]
    if not taken:
        recipient, reply = probe.replies[0]
        return Finding("relay_only", "pass", f"{recipient} from {_whom(probe.stranger, probe.client)}: {reply}")
    said = f"{taken[0][0]} from {_whom(probe.stranger, probe.client)}: {taken[0][1]}"
    if not probe.stranger and settings is not None:
        return Finding("relay_only", "pass", f"by its settings; we cannot be a stranger to it from here ({said})")
    return Finding("relay_only", "fail", said, fix=fix)


def _whom(stranger: bool, client: str) -> str:
    return f"a stranger ({client})" if stranger else client


# -- the primary ------------------------------------------------------------------------------------------------------


def _primary(domain: DomainFacts) -> Finding:
    primary = domain.primary
    if domain.routed.primary is None:
        return Finding("primary_answers", "skipped", domain.routed.why, domain.domain)
    if isinstance(primary, Unknown):
        return Finding(
            "primary_answers", "warn", primary.why, domain.domain, (command("mxtui", "probe", domain.domain),)
        )
    return Finding("primary_answers", "pass", f"{primary.host} ({primary.address}:{primary.port})", domain.domain)


def _offers(facts: Facts, domain: DomainFacts) -> Iterator[Finding]:
    here, primary = facts.here, domain.primary
    if isinstance(here, Unknown) or isinstance(primary, Unknown):
        why = (
            f"our own server cannot be asked: {here.why}"
            if isinstance(here, Unknown)
            else "its primary cannot be asked"
        )
        yield Finding("offers_size", "skipped", why, domain.domain)
        yield Finding("offers_smtputf8", "skipped", why, domain.domain)
        return
    yield _size(facts, domain.domain, here, primary)
    ours = "SMTPUTF8" in here.offers.extensions
    if ours and "SMTPUTF8" not in primary.offers.extensions:
        said = f"we offer SMTPUTF8, and {primary.host} does not"
        yield Finding("offers_smtputf8", "warn", said, domain.domain, _setting(facts, "smtputf8_enable = no"))
    else:
        yield Finding("offers_smtputf8", "pass", "offered by both" if ours else "not offered here", domain.domain)


def _size(facts: Facts, name: str, here: Heard, primary: Heard) -> Finding:
    mine, theirs = here.offers.size, primary.offers.size
    said = f"we take {_words(mine)}, {primary.host} {_words(theirs)}"
    if theirs and (not mine or mine > theirs):
        return Finding("offers_size", "warn", said, name, _setting(facts, f"message_size_limit = {theirs}"))
    return Finding("offers_size", "pass", said, name)


def _words(size: int) -> str:
    return format_size(size) if size else "any size"


def _setting(facts: Facts, line: str) -> tuple[str, ...]:
    if isinstance(facts.system, PostfixFacts):
        directory = facts.system.config_directory
        return (f"postconf -c {directory} -e '{line}'", f"postfix -c {directory} reload")
    return ("systemctl reload mxtui", "; serve promises no more than the primaries it last heard")


# -- loops ------------------------------------------------------------------------------------------------------------


def _loop(facts: Facts, domain: DomainFacts) -> Finding:
    name, primary, ourselves = domain.domain, domain.routed.primary, facts.ourselves
    if primary is None:
        return Finding("loop", "skipped", domain.routed.why, name)
    fix = (f"transport(5): {name} smtp:[THE-PRIMARY]",)
    if ourselves.named(primary.host) and not primary.lookup_mx:
        return Finding("loop", "fail", f"its mail is sent to {primary.host}, and that is us", name, fix)
    own = sorted(own_addresses(facts).intersection(domain.primary_addresses)) or [domain.primary_here]
    # On another port of this host there may well be a primary.
    if own[0] and primary.port == (SMTP_PORT if isinstance(facts.here, Unknown) else facts.here.port):
        return Finding("loop", "fail", f"{primary.host} is {own[0]}, an address of ours", name, fix)
    heard = domain.primary
    if not isinstance(heard, Unknown) and ourselves.named(heard.greeting):
        said = f"{heard.host} greets with our own name, {heard.greeting}: mail would be refused as a loop"
        return Finding("loop", "fail", said, name, fix)
    if isinstance(facts.system, PostfixFacts):
        fallback = facts.system.settings.get("smtp_fallback_relay", "")
        hosts = [item.strip("[]").partition("]")[0].partition(":")[0] for item in fallback.replace(",", " ").split()]
        if mine := [host for host in hosts if ourselves.named(host) or host in own_addresses(facts)]:
            said = f"smtp_fallback_relay leads to {mine[0]}, and that is us"
            return Finding("loop", "fail", said, name, _setting(facts, "smtp_fallback_relay ="))
        if hosts:
            said = f"while the primary is down mail goes to {hosts[0]} (smtp_fallback_relay), which may send it back"
            return Finding("loop", "warn", said, name, _setting(facts, "smtp_fallback_relay ="))
    return Finding("loop", "pass", f"{primary.host} is another host", name)
