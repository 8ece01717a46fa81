"""How long certificates live, here and at the primary."""

from collections.abc import Iterator

from mxtui.certificates import Certificate
from mxtui.doctor.facts import Facts, Heard, PostfixFacts, Unknown
from mxtui.doctor.finding import Finding, Verdict
from mxtui.model.alerts.certificates import CRITICAL
from mxtui.model.words import duration


def rules(facts: Facts) -> Iterator[Finding]:
    """Ours, then each primary's once, however many domains it has."""
    here = facts.here
    if isinstance(here, Unknown):
        yield Finding("certificate_here", "skipped", f"our own server cannot be asked: {here.why}")
    elif here.certificate is None:
        yield Finding("certificate_here", "warn", "we do not offer STARTTLS: mail comes in the clear", fix=_here(facts))
    else:
        yield _expiry("certificate_here", "", here, facts, _here(facts))
    seen: set[tuple[str, int]] = set()
    for domain in facts.domains:
        primary = domain.primary
        if isinstance(primary, Unknown):
            yield Finding("certificate_primary", "skipped", primary.why, domain.domain)
        elif (primary.host, primary.port) not in seen:
            seen.add((primary.host, primary.port))
            where = primary.host if primary.port == 25 else f"{primary.host}:{primary.port}"
            if primary.certificate is None:
                yield Finding("certificate_primary", "skipped", "it does not offer STARTTLS", where)
            else:
                yield _expiry("certificate_primary", where, primary, facts, (f"; renew it on {primary.host}",))


def _expiry(check: str, subject: str, heard: Heard, facts: Facts, fix: tuple[str, ...]) -> Finding:
    found = heard.certificate
    if not isinstance(found, Certificate):
        assert found is not None
        return Finding(check, "fail", found.why, subject, fix)
    left = found.not_after - facts.now
    verdict: Verdict = "pass" if left > facts.limits.certificate else "warn" if left > CRITICAL else "fail"
    said = f"expires in {duration(left)}" if left > 0 else f"expired {duration(-left)} ago"
    if found.not_before > facts.now:
        verdict, said = "fail", f"not valid before {duration(found.not_before - facts.now)} from now"
    names = f", for {', '.join(found.names[:3])}" if found.names else ""
    return Finding(check, verdict, said + names, subject, () if verdict == "pass" else fix)


def _here(facts: Facts) -> tuple[str, ...]:
    hostname = facts.ourselves.hostname
    folder = f"/etc/letsencrypt/live/{hostname}"
    get = f"certbot certonly --standalone -d {hostname}"
    if isinstance(facts.system, PostfixFacts):
        directory = facts.system.config_directory
        settings = f"'smtpd_tls_chain_files = {folder}/privkey.pem, {folder}/fullchain.pem'"
        set_ = f"postconf -c {directory} -e 'smtpd_tls_security_level = may' {settings}"
        return (get, set_, f"postfix -c {directory} reload")
    lines = (f'certificate = "{folder}/fullchain.pem"', f'key = "{folder}/privkey.pem"')
    return (get, "; mxtui.toml, below [serve]:", *lines, "systemctl reload mxtui")
