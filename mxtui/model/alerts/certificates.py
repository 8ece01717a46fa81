"""Certificates that expire: the primaries', as the ladder of checks saw them, and our own."""

from collections.abc import Iterator
from typing import Final

from mxtui.model.alerts.thresholds import Thresholds
from mxtui.model.health import Health
from mxtui.model.overview import Alert, Severity
from mxtui.model.words import clock, duration

CRITICAL: Final = 3 * 86_400.0
"""Seconds; a renewal that has not come by then will not come by itself."""


def expires(health: Health | None) -> float | None:
    """When a primary's certificate expires; None where it has none, or none was seen yet."""
    return health.climb.expires if health is not None and health.climb is not None else None


def of_certificate(domain: str | None, host: str, at: float, now: float, thresholds: Thresholds) -> Iterator[Alert]:
    """Where one expires soon: a primary's, or our own, which is no domain's."""
    if at - now >= thresholds.certificate:
        return
    whose = "our own certificate" if domain is None else f"the certificate of {host}"
    severity: Severity = "critical" if at - now < CRITICAL else "warning"
    when = f"expires in {duration(at - now)}, at {clock(at, now)}" if at > now else f"expired at {clock(at, now)}"
    yield Alert("certificate", severity, domain, f"{whose} {when}", at - thresholds.certificate, "TLS")
