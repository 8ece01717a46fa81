"""From settings to what the parts of the service are told."""

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import cast

from mxtui.config import Drain, Serve
from mxtui.delivery.policy import Policy as Delivery
from mxtui.delivery.policy import TlsPolicy
from mxtui.errors import ConfigError
from mxtui.model.hysteresis import Policy as Hysteresis
from mxtui.model.next_hop import NextHop
from mxtui.model.offers import Offers, least
from mxtui.model.route import Ourselves, Routed
from mxtui.model.standby import StandbyPolicy
from mxtui.primary.probe import Limits as ProbeLimits
from mxtui.primary.route import ConfiguredRouter, MxRouter
from mxtui.receiver.settings import CONSERVATIVE, CertificateFiles, Limits, ReceiverSettings
from mxtui.service.wanted import Wanted


class RelayRouter:
    """Primaries as `[serve.relay]` names them, then as `[primaries]` does; a domain taken out meanwhile goes by MX.

    `follow` replaces the table; it is asked from threads.
    """

    def __init__(self, wanted: Wanted, ourselves: Ourselves) -> None:
        self._ourselves = ourselves
        self._hops: Mapping[str, NextHop] = {}
        self.follow(wanted)

    def follow(self, wanted: Wanted) -> None:
        """Other settings are in force."""
        self._hops = {**wanted.settings.primaries, **wanted.serve.relay}
        self._router = ConfiguredRouter(self._hops, MxRouter(self._ourselves))

    def ourselves(self) -> Ourselves:
        """How this host is known."""
        return self._ourselves

    def route(self, domains: Sequence[str]) -> Mapping[str, Routed]:
        """Each domain's route."""
        return self._router.route(domains)

    def where(self, domain: str) -> tuple[str, int] | None:
        """Host and port of a relayed domain's primary."""
        hop = self._hops.get(domain)
        return (hop.host, hop.port) if hop is not None else None


def hostname_of(serve: Serve) -> str:
    """Our name: as configured, else this host's own."""
    return serve.hostname or socket.getfqdn()


def ourselves_of(wanted: Wanted, listening: Sequence[socket.socket]) -> Ourselves:
    """How this host is known, so that it is never its own primary."""
    named = {str(made.getsockname()[0]) for made in listening} - {"0.0.0.0", "::"}  # noqa: S104
    hostname = hostname_of(wanted.serve)
    return Ourselves(hostname, frozenset({hostname.lower()}), frozenset(named))


def receiver_settings(wanted: Wanted, hostname: str) -> ReceiverSettings:
    """What the receiver is told. `hostname` is the one that the whole service began with."""
    serve, limits = wanted.serve, wanted.serve.limits
    return ReceiverSettings(
        hostname=hostname,
        domains=frozenset(serve.relay),
        limits=Limits(
            connections=limits.clients,
            connections_per_client=limits.clients_per_address,
            errors=limits.errors,
            recipients=limits.recipients,
            message_size=limits.message,
            memory=serve.memory,
            memory_per_client=max(limits.message, serve.memory // 2),
            idle=limits.idle,
            received=limits.hops,
        ),
        certificate=(
            CertificateFiles(serve.certificate, serve.key or serve.certificate) if serve.certificate else None
        ),
        lifetime=serve.expire,
        undecided="hold" if serve.unknown == "hold" else "defer",
    )


def delivery_policy(serve: Serve, drain: Drain) -> Delivery:
    """What the forwarder is told."""
    # The reader of the setting lets nothing else through.
    tls = cast("TlsPolicy", serve.tls)
    return Delivery(
        connections=serve.connections,
        caps=drain.primaries,
        trial=drain.trial,
        retry=serve.retry,
        retry_longest=serve.retry_longest,
        tls=tls,
        xclient=serve.xclient,
        evidence=serve.scan.header,
    )


def standby_policy(serve: Serve) -> StandbyPolicy:
    """When to stand by."""
    return StandbyPolicy(enabled=serve.standby, patience=serve.standby_patience)


def hysteresis(wanted: Wanted) -> Hysteresis:
    """When a primary counts as down, and as up again."""
    probe = wanted.settings.probe
    return Hysteresis(interval=probe.interval, transition=probe.transition, fall=probe.fall, rise=probe.rise)


def probe_limits(wanted: Wanted) -> ProbeLimits:
    """How long a check may take."""
    return ProbeLimits(rung=wanted.settings.probe.timeout, total=wanted.settings.probe.total)


def offered(domains: Sequence[str], known: Mapping[str, Offers]) -> Offers:
    """What may be promised to clients, who do not say for which domain before they say what they need: the least.

    A primary never heard of has what every server has, and the usual limit.
    """
    return least(known.get(domain, CONSERVATIVE) for domain in domains) or CONSERVATIVE


@contextmanager
def naming(wanted: Wanted, setting: str) -> Iterator[None]:
    """A part's complaint, with the flag or the file, line and key that caused it."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"{wanted.said_by(setting)}: {error.message}", error.hint) from error


def only_at_start(before: Wanted, after: Wanted) -> list[str]:
    """Settings that differ, and that a running service cannot follow."""
    names = (
        "spool",
        "listen",
        "hostname",
        "user",
        "tls",
        "xclient",
        "retry",
        "retry_longest",
        "connections",
        "notices",
    )
    changed = [f"serve.{name}" for name in names if getattr(before.serve, name) != getattr(after.serve, name)]
    changed += ["drain.primaries"] if before.settings.drain.primaries != after.settings.drain.primaries else []
    changed += ["serve.scan.header"] if before.serve.scan.header != after.serve.scan.header else []
    return changed + (["probe"] if before.settings.probe != after.settings.probe else [])
