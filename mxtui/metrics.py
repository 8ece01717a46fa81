"""What is known now as Prometheus metrics, through the official client library.

Base units, timestamps rather than ages, and no label that is an address: domains only, and no more than a thousand of
them. Source: prometheus.io, "Metric and label naming", "Writing exporters".
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest, write_to_textfile
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from mxtui.errors import MxtuiError, NotPermitted
from mxtui.message.sanitize import one_line
from mxtui.model.alerts import Facts
from mxtui.model.alerts.certificates import expires
from mxtui.model.forecast import Examined
from mxtui.model.overview import Alert, DomainStatus, Overview

MOST_DOMAINS: Final = 1_000
"""Deepest first; whoever sends mail chooses domains, and each is a dozen series for ever."""

STATES: Final = ("up", "down", "degraded", "flapping", "unknown")


@dataclass(frozen=True, slots=True)
class Told:
    """What is exported."""

    overview: Overview
    facts: Facts
    doctor: Examined | None = None
    up_since: Mapping[str, float] = field(default_factory=dict)
    """By domain, since when its primary is up, as far as it is remembered."""


class Metrics(Collector):
    """One look, as metrics."""

    def __init__(self, told: Told) -> None:
        self._told = told

    def collect(self) -> Iterator[Metric]:
        """All families, each once."""
        overview = self._told.overview
        rows = _distinct(overview.domains[:MOST_DOMAINS])
        yield _info(overview)
        yield from _of_queue(overview)
        yield from _of_domains(rows)
        yield from _of_flows(rows)
        yield from _of_primaries(rows, self._told.up_since)
        yield from _of_alerts(overview.alerts)
        yield from _of_facts(self._told)


def text(told: Told) -> bytes:
    """In Prometheus's text format."""
    return generate_latest(_registry(told))


def write(told: Told, path: Path) -> None:
    """To a file for node exporter's textfile collector, in place whole. Raises MxtuiError."""
    try:
        write_to_textfile(str(path), _registry(told))
    except PermissionError:
        raise NotPermitted(f"{path} cannot be written", "Its folder has to be ours to write.") from None
    except OSError as error:
        raise MxtuiError(f"{path} cannot be written: {error.strerror}", "Look what is there.") from None


def _registry(told: Told) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(Metrics(told))
    return registry


def _gauge(name: str, meaning: str, labels: Sequence[str] = ()) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"mxtui_{name}", meaning, labels=labels)


def _one(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    family = _gauge(name, meaning)
    family.add_metric((), value)
    return family


def _info(overview: Overview) -> Metric:
    source = overview.source
    info = {"kind": source.kind, "name": one_line(source.name, 255), "version": one_line(source.version, 40)}
    return InfoMetricFamily("mxtui_mail_system", "The mail system that is looked at.", value=info)


def _of_queue(overview: Overview) -> Iterator[Metric]:
    states = _gauge("queue_messages", "Messages queued, by queue.", ["state"])
    for state in ("incoming", "active", "deferred", "hold", "maildrop", "corrupt", "quarantine", "failed"):
        states.add_metric([state], overview.queue.states.get(state, 0))
    yield states
    yield _one("queue_recipients", "Recipients still to be delivered to.", overview.queue.recipients)
    yield _one("queue_bytes", "Size of all queued messages.", overview.queue.bytes)
    yield _one("looked_timestamp_seconds", "When this was known.", overview.taken_at)
    yield _one("mail_system_running", "Whether the mail system runs.", float(overview.capabilities.running))
    if overview.capabilities.delivers is not None:
        yield _one("forwarder_alive", "Whoever delivers gives a sign of life.", float(overview.capabilities.delivers))
    if overview.capabilities.screened:
        screened = CounterMetricFamily(
            "mxtui_screened_messages", "Messages by what scanning made of them, since serve began.", labels=["outcome"]
        )
        for outcome, messages in sorted(overview.capabilities.screened.items()):
            screened.add_metric([outcome], messages)
        yield screened
    if overview.space is not None:
        space = overview.space
        yield _one("filesystem_size_bytes", "Size of the queue's file system.", space.bytes_total)
        yield _one("filesystem_free_bytes", "Of it, free for whoever is not root.", space.bytes_free)
        if space.inodes_total:
            yield _one("filesystem_inodes", "Inodes of the queue's file system.", space.inodes_total)
            yield _one("filesystem_free_inodes", "Of them, free.", space.inodes_free)


def _of_domains(rows: Sequence[DomainStatus]) -> Iterator[Metric]:
    messages = _gauge("domain_messages", "Messages queued for a domain, by queue.", ["domain", "state"])
    recipients = _gauge("domain_recipients", "Recipients of a domain still to be delivered to.", ["domain"])
    size = _gauge("domain_bytes", "Size of the messages queued for a domain.", ["domain"])
    held = _gauge("domain_kept_back", "An operator keeps a domain's mail back.", ["domain", "kind"])
    moments = {
        "oldest_message": _gauge("domain_oldest_message_timestamp_seconds", "Arrival of the oldest.", ["domain"]),
        "oldest_waiting": _gauge(
            "domain_oldest_waiting_timestamp_seconds", "Arrival of the oldest that is tried.", ["domain"]
        ),
        "oldest_held": _gauge("domain_oldest_held_timestamp_seconds", "Arrival of the oldest in hold.", ["domain"]),
        "next_expiry": _gauge("domain_next_expiry_timestamp_seconds", "When the next is given up.", ["domain"]),
    }
    for row in rows:
        totals, domain = row.totals, _label(row.domain)
        for state, number in totals.states.items():
            messages.add_metric([domain, state], number)
        if not totals.states:
            messages.add_metric([domain, "deferred"], 0)
        recipients.add_metric([domain], totals.recipients)
        size.add_metric([domain], totals.bytes)
        if row.hold is not None:
            held.add_metric([domain, row.hold.kind], 1)
        found = {
            "oldest_message": totals.oldest_arrival,
            "oldest_waiting": totals.oldest_waiting,
            "oldest_held": totals.oldest_held,
            "next_expiry": totals.next_expire,
        }
        for name, moment in found.items():
            if moment is not None:
                moments[name].add_metric([domain], moment)
    yield from (messages, recipients, size, held, *moments.values())


def _of_flows(rows: Sequence[DomainStatus]) -> Iterator[Metric]:
    def counter(name: str, meaning: str) -> CounterMetricFamily:
        return CounterMetricFamily(f"mxtui_{name}", meaning, labels=["domain"])

    arrived = counter("messages_arrived", "Messages seen to arrive; those that left between two looks are missing.")
    left = counter("messages_left", "Messages seen to leave, whatever became of them.")
    sent = counter("recipients_delivered", "Recipients delivered to, as the mail log tells.")
    refused = counter("recipients_refused", "Recipients refused for good, as the mail log tells.")
    for row in rows:
        domain = [_label(row.domain)]
        arrived.add_metric(domain, row.flow.arrived)
        left.add_metric(domain, row.flow.left)
        sent.add_metric(domain, row.flow.sent)
        refused.add_metric(domain, row.flow.refused)
    yield from (arrived, left, sent, refused)


def _of_primaries(rows: Sequence[DomainStatus], up_since: Mapping[str, float]) -> Iterator[Metric]:
    state = _gauge("primary_state", "1 for the state that a domain's primary is in.", ["domain", "state"])
    took = _gauge("primary_probe_duration_seconds", "Of the last check that reached the top.", ["domain"])
    since = _gauge("primary_up_since_timestamp_seconds", "Since when it is up, as far as it was seen.", ["domain"])
    certificate = _gauge("primary_certificate_expiry_timestamp_seconds", "When its certificate expires.", ["domain"])
    for row in rows:
        health, domain = row.health, _label(row.domain)
        if health is None or row.primary is None:
            continue
        for each in STATES:
            state.add_metric([domain, each], float(health.state == each))
        if health.latency_ms is not None:
            took.add_metric([domain], health.latency_ms / 1000)
        if health.state == "up" and health.since is not None:
            since.add_metric([domain], min(health.since, up_since.get(row.domain, health.since)))
        if (until := expires(health)) is not None:
            certificate.add_metric([domain], until)
    yield from (state, took, since, certificate)


def _of_alerts(alerts: Iterable[Alert]) -> Iterator[Metric]:
    each = _gauge("alert", "An alert under way.", ["name", "severity", "domain", "acknowledged"])
    since = _gauge("alert_since_timestamp_seconds", "When it began.", ["name", "domain"])
    standing = {"warning": 0, "critical": 0}
    told: set[tuple[str, str]] = set()
    for alert in alerts:
        domain, known = _label(alert.domain or ""), alert.acknowledged is not None
        standing[alert.severity] += not known
        if (alert.name, domain) in told:
            continue
        told.add((alert.name, domain))
        each.add_metric([alert.name, alert.severity, domain, str(known).lower()], 1)
        since.add_metric([alert.name, domain], alert.since)
    counts = _gauge("alerts", "Alerts that nobody has acknowledged.", ["severity"])
    for severity, number in standing.items():
        counts.add_metric([severity], number)
    yield from (counts, each, since)


def _of_facts(told: Told) -> Iterator[Metric]:
    at = _gauge("drill_timestamp_seconds", "When a domain was drilled last.", ["domain"])
    passed = _gauge("drill_passed", "Whether that drill passed.", ["domain"])
    took = _gauge("drill_duration_seconds", "How long it took.", ["domain"])
    for domain, drill in {_label(domain): drill for domain, drill in told.facts.drills.items()}.items():
        at.add_metric([domain], drill.at)
        passed.add_metric([domain], float(drill.result == "passed"))
        took.add_metric([domain], drill.seconds)
    yield from (at, passed, took)
    if told.facts.certificate is not None:
        yield _one("certificate_expiry_timestamp_seconds", "When our own certificate expires.", told.facts.certificate)
    if (doctor := told.doctor) is not None:
        verdicts = _gauge("doctor_checks", "Verdicts of the last mxtui doctor.", ["verdict"])
        for verdict, number in (("pass", doctor.passed), ("warn", doctor.warned), ("fail", doctor.failed)):
            verdicts.add_metric([verdict], number)
        yield verdicts
        yield _one("doctor_timestamp_seconds", "When that was.", doctor.at)


def _distinct(rows: Sequence[DomainStatus]) -> Sequence[DomainStatus]:
    """Of domains that share a label the first: with one series twice Prometheus takes nothing at all."""
    return list({_label(row.domain): row for row in reversed(rows)}.values())[::-1]


def _label(domain: str) -> str:
    """A recipient without an @ is a domain of its own, and one with two is none: never an address."""
    return one_line(domain, 255).replace("@", "_")
