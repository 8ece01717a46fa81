"""What `serve` is configured to do with its spool."""

from collections.abc import Iterator
from typing import Final

from mxtui.doctor.facts import Facts, SpoolFacts, Unknown
from mxtui.doctor.finding import Finding
from mxtui.model.words import counted, duration

DAY: Final = 86400.0

_BUILT_IN: Final = {
    "domain_once": "serve has no local and no virtual domains",
    "warning_time": "serve warns nobody",
    "soft_bounce": "serve returns nothing by itself",
    "deferred_transports": "serve has no such switch; `mxtui suspend --list` shows what waits",
    "smuggling": "serve ends a message at CR LF . CR LF only, and stores no bare line end",
    "queue_ids": "long, and never used again",
    "log": "serve logs to standard error, and tells the console itself",
    "sudo": "serve's own user needs none",
    "migration_table": "serve asks the holds itself",
}
"""Checks of Postfix's settings that are so by construction."""


def rules(facts: Facts, system: SpoolFacts) -> Iterator[Finding]:
    """All of them."""
    if not system.configured:
        why = "serve was told by flags, not by the configuration"
        for check in ("recipients_known", "recipients_fresh", "lifetimes", "backoff"):
            yield Finding(check, "skipped", why, fix=(f'mxtui.toml, [serve]: spool = "{system.path}"',))
    else:
        yield from _recipients(facts, system)
        yield _lifetimes(system)
        yield _backoff(system)
    for check, said in _BUILT_IN.items():
        yield Finding(check, "pass", said)


def _recipients(facts: Facts, system: SpoolFacts) -> Iterator[Finding]:
    fix = ('mxtui.toml, [serve]: recipients = "callout"', "systemctl reload mxtui")
    if system.recipients == "any":
        yield Finding("recipients_known", "fail", "recipients = any: every address of a domain is taken", fix=fix)
        yield Finding("recipients_fresh", "skipped", "no recipient is known")
        return
    known = system.known
    if isinstance(known, Unknown):
        yield Finding("recipients_known", "fail", known.why, fix=fix)
        yield Finding("recipients_fresh", "skipped", "the list cannot be read")
    elif system.recipients == "callout":
        said = f"asked of the primary; {counted(known, 'address', 'addresses')} learned"
        yield Finding("recipients_known", "pass", said)
        if known:
            yield Finding("recipients_fresh", "pass", "asked of the primary as they come")
        else:
            said = f"none learned yet: in an outage all are told to come again (unknown = {system.unknown})"
            yield Finding("recipients_fresh", "warn", said, fix=(
                'mxtui.toml, [serve]: recipients = "/etc/mxtui.recipients"  # one address a line',))  # fmt: skip
    else:
        yield Finding("recipients_known", "pass", f"{counted(known, 'address', 'addresses')} in {system.recipients}")
        age = facts.now - (system.written or facts.now)
        if age > facts.limits.recipients:
            said = f"{system.recipients} was last written {duration(age)} ago"
            yield Finding("recipients_fresh", "warn", said, fix=("; export the primary's recipients every hour",))
        else:
            yield Finding("recipients_fresh", "pass", f"written {duration(age)} ago")


def _lifetimes(system: SpoolFacts) -> Finding:
    said = f"mail is tried for {duration(system.lifetime)}"
    fix = ('mxtui.toml, [serve]: expire = "5d"', "systemctl reload mxtui")
    if system.lifetime < 4 * DAY:
        return Finding("lifetimes", "fail" if system.lifetime < DAY else "warn", said, fix=fix)
    if system.lifetime > 30 * DAY:
        return Finding("lifetimes", "warn", f"{said}: nobody hears of a failure for a month", fix=fix)
    return Finding("lifetimes", "pass", said)


def _backoff(system: SpoolFacts) -> Finding:
    said = f"from {duration(system.retry)} to {duration(system.retry_longest)}"
    fix = ('mxtui.toml, [serve]: retry = "5m" and retry_longest = "1h"', "systemctl restart mxtui")
    if system.retry_longest > 4 * 3600:
        return Finding("backoff", "warn", f"{said}: mail may wait so long after the primary is back", fix=fix)
    if system.retry < 60:
        return Finding("backoff", "warn", f"{said}: that is a flood for a primary that is ill", fix=fix)
    return Finding("backoff", "pass", said)
