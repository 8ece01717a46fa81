"""One Postfix's settings (postconf(5))."""

from collections.abc import Iterator, Mapping
from typing import Final

from mxtui.doctor.facts import Facts, PostfixFacts, Table, Unknown
from mxtui.doctor.finding import Finding, Verdict, command
from mxtui.model.words import counted, duration
from mxtui.queues.postfix.layout import seconds

DAY: Final = 86400.0
HOUR: Final = 3600.0

UNITS: Final[Mapping[str, str]] = {
    "maximal_queue_lifetime": "d",
    "bounce_queue_lifetime": "d",
    "delay_warning_time": "h",
}
"""Of a bare number; all others are in seconds."""


def rules(facts: Facts, system: PostfixFacts) -> Iterator[Finding]:
    """All of them."""
    yield from _recipients(facts, system)
    yield from _once(facts, system)
    yield _lifetimes(system)
    yield _backoff(system)
    yield _warning(system)
    yield from _switches(system)
    yield _smuggling(system)
    yield from _tools(system)


def _fix(system: PostfixFacts, *settings: str) -> tuple[str, ...]:
    quoted = " ".join(f"'{setting}'" for setting in settings)
    return (f"postconf -c {system.config_directory} -e {quoted}", f"postfix -c {system.config_directory} reload")


# -- recipients -------------------------------------------------------------------------------------------------------


def _recipients(facts: Facts, system: PostfixFacts) -> Iterator[Finding]:
    restrictions = " ".join(
        system.settings.get(name, "") for name in ("smtpd_recipient_restrictions", "smtpd_relay_restrictions")
    )
    verified = "reject_unverified_recipient" in restrictions
    table = f"hash:{system.config_directory}/relay_recipients"
    if not system.tables:
        if verified:
            yield Finding("recipients_known", "pass", "asked of the primary (reject_unverified_recipient)")
            yield Finding("recipients_fresh", "pass", "asked of the primary as they come")
            return
        said = "relay_recipient_maps is empty: every address of a relay domain is taken"
        yield Finding("recipients_known", "fail", said, fix=(f"; {table[5:]}: one line `anna@example.org OK` each",
                      command("postmap", table), *_fix(system, f"relay_recipient_maps = {table}")))  # fmt: skip
        yield Finding("recipients_fresh", "skipped", "no recipient is known")
        return
    if isinstance(system.anybody, Unknown):
        yield Finding("recipients_known", "skipped", system.anybody.why)
    elif system.anybody and not verified:
        domain, said = next(iter(system.anybody.items()))
        more = f", and for {len(system.anybody) - 1} more domains" if len(system.anybody) > 1 else ""
        words = f"{said} is in the list: everybody at {domain} is taken{more}"
        yield Finding("recipients_known", "fail", words, fix=(f"; take @{domain} out of {system.tables[0].name}",))
    else:
        yield Finding("recipients_known", "pass", ", ".join(table.name for table in system.tables))
    yield from (_fresh(facts, table) for table in system.tables)


def _fresh(facts: Facts, table: Table) -> Finding:
    check, name = "recipients_fresh", table.name
    if table.problem:
        return Finding(check, "fail", table.problem, name, (command("postmap", name),))
    if table.live:
        return Finding(check, "pass", "looked up live", name)
    if table.indexed is not None and table.written is not None and table.indexed < table.written:
        said = f"its text was changed {duration(table.written - table.indexed)} after postmap(1) ran"
        return Finding(check, "fail", said, name, (command("postmap", name),))
    times = [each for each in (table.written, table.indexed) if each is not None]
    if not times:
        return Finding(check, "skipped", "it cannot be told how old it is", name)
    age = facts.now - max(times)
    if age > facts.limits.recipients:
        said = f"last written {duration(age)} ago"
        fix = (f"; export the primary's recipients every hour, then: {command('postmap', name)}",)
        return Finding(check, "warn", said, name, fix)
    return Finding(check, "pass", f"written {duration(age)} ago", name)


def _once(facts: Facts, system: PostfixFacts) -> Iterator[Finding]:
    if isinstance(system.also, Unknown):
        yield Finding("domain_once", "skipped", system.also.why)
        return
    for domain in facts.domains:
        also = system.also.get(domain.domain, ())
        if also:
            listed = " and ".join(also)
            fix = (f"; take {domain.domain} out of {listed}", f"postfix -c {system.config_directory} reload")
            yield Finding("domain_once", "fail", f"it is in {listed}, too", domain.domain, fix)
        else:
            yield Finding("domain_once", "pass", "a relay domain only", domain.domain)


# -- times ------------------------------------------------------------------------------------------------------------


def _time(system: PostfixFacts, name: str) -> float:
    try:
        return seconds(system.settings.get(name, "0s"), UNITS.get(name, "s"))
    except ValueError:
        return 0.0


def _lifetimes(system: PostfixFacts) -> Finding:
    mail, bounces = (_time(system, name) for name in ("maximal_queue_lifetime", "bounce_queue_lifetime"))
    said = f"mail {duration(mail)}, bounces {duration(bounces)}"
    fix = _fix(system, "maximal_queue_lifetime = 5d", "bounce_queue_lifetime = 5d")
    if mail < 4 * DAY or bounces < DAY:
        verdict: Verdict = "fail" if mail < DAY else "warn"
        return Finding("lifetimes", verdict, said, fix=fix)
    if mail > 30 * DAY:
        return Finding("lifetimes", "warn", f"{said}: senders hear of a failure after a month", fix=fix)
    return Finding("lifetimes", "pass", said)


def _backoff(system: PostfixFacts) -> Finding:
    names = ("minimal_backoff_time", "maximal_backoff_time", "queue_run_delay")
    least, most, run = (_time(system, name) for name in names)
    said = f"from {duration(least)} to {duration(most)}, the queue is looked at every {duration(run)}"
    fix = _fix(system, "minimal_backoff_time = 300s", "maximal_backoff_time = 4000s", "queue_run_delay = 300s")
    if least > most:
        return Finding("backoff", "fail", f"{said}: the shortest is longer than the longest", fix=fix)
    if most > 4 * HOUR:
        return Finding("backoff", "warn", f"{said}: mail may wait so long after the primary is back", fix=fix)
    if most < 300 or least < 60:
        return Finding("backoff", "warn", f"{said}: that is a flood for a primary that is ill", fix=fix)
    if run > least:
        return Finding("backoff", "warn", f"{said}: less often than the shortest pause", fix=fix)
    return Finding("backoff", "pass", said)


def _warning(system: PostfixFacts) -> Finding:
    after, lifetime = _time(system, "delay_warning_time"), _time(system, "maximal_queue_lifetime")
    if not after:
        return Finding("warning_time", "pass", "senders are not warned")
    said = f"senders are warned after {duration(after)}"
    if after < HOUR:
        return Finding("warning_time", "warn", said, fix=_fix(system, "delay_warning_time = 4h"))
    if lifetime and after >= lifetime:
        words = f"{said}, when the mail was returned already ({duration(lifetime)})"
        return Finding("warning_time", "warn", words, fix=_fix(system, "delay_warning_time = 4h"))
    return Finding("warning_time", "pass", said)


# -- switches ---------------------------------------------------------------------------------------------------------


def _switches(system: PostfixFacts) -> Iterator[Finding]:
    settings = system.settings
    soft = settings.get("soft_bounce", "no")
    if soft == "yes":
        yield Finding("soft_bounce", "fail", "soft_bounce = yes", fix=_fix(system, "soft_bounce = no"))
    else:
        yield Finding("soft_bounce", "pass", "off")
    if left := settings.get("defer_transports", ""):
        fix = _fix(system, "defer_transports =")
        yield Finding("deferred_transports", "fail", f"defer_transports = {left}", fix=fix)
    else:
        yield Finding("deferred_transports", "pass", "none")
    if settings.get("enable_long_queue_ids", "no") == "yes":
        yield Finding("queue_ids", "pass", "long")
    else:
        fix = _fix(system, "enable_long_queue_ids = yes")
        yield Finding("queue_ids", "warn", "short, and used again", fix=fix)


def _smuggling(system: PostfixFacts) -> Finding:
    settings = system.settings
    version = settings.get("mail_version", "")
    bare = settings.get("smtpd_forbid_bare_newline")
    stray = settings.get("cleanup_replace_stray_cr_lf")
    if bare is None:
        said = f"Postfix {version} has no smtpd_forbid_bare_newline: it is older than December 2023"
        fix = ("apt-get install --only-upgrade postfix", *_fix(system, *_STOPGAP))
        if "reject_unauth_pipelining" in settings.get("smtpd_data_restrictions", ""):
            return Finding("smuggling", "warn", f"{said}; reject_unauth_pipelining stops the usual form", fix=fix)
        return Finding("smuggling", "fail", said, fix=fix)
    if bare not in ("yes", "normalize", "reject"):
        fix = _fix(system, "smtpd_forbid_bare_newline = normalize")
        return Finding("smuggling", "fail", f"smtpd_forbid_bare_newline = {bare}", fix=fix)
    if stray == "no":
        fix = _fix(system, "cleanup_replace_stray_cr_lf = yes")
        return Finding("smuggling", "warn", "cleanup_replace_stray_cr_lf = no: we pass on what others smuggle", fix=fix)
    return Finding("smuggling", "pass", f"smtpd_forbid_bare_newline = {bare}")


_STOPGAP: Final = (
    "smtpd_data_restrictions = reject_unauth_pipelining",
    "smtpd_discard_ehlo_keywords = chunking, silent-discard",
)


# -- tools ------------------------------------------------------------------------------------------------------------


def _tools(system: PostfixFacts) -> Iterator[Finding]:
    directory = system.config_directory
    if isinstance(system.log, Unknown):
        fix = (f"postconf -c {directory} -e 'maillog_file = /var/log/postfix.log'", f"postfix -c {directory} reload",
               "usermod -a -G adm OPERATOR")  # fmt: skip
        yield Finding("log", "warn", system.log.why, fix=fix)
    else:
        yield Finding("log", "pass", system.log)
    yield _sudo(system)
    if isinstance(system.catching, Unknown):
        yield Finding("migration_table", "skipped", system.catching.why)
    elif system.catching.works:
        yield Finding("migration_table", "pass", "it is asked")
    else:
        grave: Verdict = "fail" if system.catching.defers_all else "warn"
        yield Finding("migration_table", grave, system.catching.why_not, fix=system.catching.lines)


def _sudo(system: PostfixFacts) -> Finding:
    if system.root:
        return Finding("sudo", "skipped", "root needs none; ask as the user who operates")
    if system.all_of_sudo:
        return Finding("sudo", "pass", "an administrator: sudo would run anything")
    fix = ("visudo -f /etc/sudoers.d/mxtui", *system.rules)
    if system.too_much:
        return Finding("sudo", "fail", f"sudo would run {system.too_much}", fix=fix)
    missing = [command for command, may in system.commands.items() if not may]
    if missing:
        said = f"sudo refuses {counted(len(missing), 'command')} of {len(system.commands)}: {missing[0]}"
        return Finding("sudo", "warn", said, fix=fix)
    return Finding("sudo", "pass", f"all {len(system.commands)} commands, and no more")
