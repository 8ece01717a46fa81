"""Certificates that expire: the primaries', as the ladder of checks saw them, and our own."""

from collections.abc import Iterable, Iterator
from typing import Final

from mxtui.model.alerts.facts import Facts
from mxtui.model.alerts.thresholds import Thresholds
from mxtui.model.health import Health
from mxtui.model.overview import Alert, DomainStatus, Severity
from mxtui.model.words import clock, duration

CRITICAL: Final = 3 * 86_400.0
"""Seconds; a renewal that has not come by then will not come by itself."""


def expires(health: Health | None) -> float | None:
    """When a primary's certificate expires; None where it has none, or none was seen yet."""
    return health.climb.expires if health is not None and health.climb is not None else None


def of_certificates(
    domains: Iterable[DomainStatus], facts: Facts, now: float, thresholds: Thresholds
) -> Iterator[Alert]:
    """Each that expires soon."""
    if facts.certificate is not None and facts.certificate - now < thresholds.certificate:
        yield _alert(None, "our own certificate", facts.certificate, now, thresholds)
    for row in domains:
        at = expires(row.health)
        if at is not None and row.primary is not None and at - now < thresholds.certificate:
            yield _alert(row.domain, f"the certificate of {row.primary.host}", at, now, thresholds)


def _alert(domain: str | None, whose: str, at: float, now: float, thresholds: Thresholds) -> Alert:
    severity: Severity = "critical" if at - now < CRITICAL else "warning"
    when = f"expires in {duration(at - now)}, at {clock(at, now)}" if at > now else f"expired at {clock(at, now)}"
    return Alert("certificate", severity, domain, f"{whose} {when}", at - thresholds.certificate, "TLS")
