"""Which primary each message of a drain goes to, and how much of it each may get at most."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from mxtui.model.drain.machine import Primaries
from mxtui.model.drain.pace import Pace
from mxtui.model.drain.settings import DrainSettings
from mxtui.model.guard import Known, down, in_a_sentence
from mxtui.model.plan import Target
from mxtui.model.route import Routed


def primary_of(domain: str, routed: Routed | None) -> str:
    """As a drain names it: `mx1.example.org:25`; a domain without a route is a primary of its own."""
    if routed is None or routed.primary is None:
        return domain
    return f"{routed.primary.host.lower()}:{routed.primary.port}"


class ByPrimary:
    """The primaries of some domains. What has recipients at several of them is paced as another one, by the least."""

    def __init__(self, routes: Mapping[str, Routed], caps: Mapping[str, int]) -> None:
        """`caps`: connections at most, by a primary's host or by a domain whose mail it takes."""
        self._names = {domain: primary_of(domain, routed) for domain, routed in routes.items()}
        self._caps = caps

    def primaries(self, settings: DrainSettings, pace: Callable[[DrainSettings], Pace]) -> Primaries:
        """For a drain."""
        return Primaries(self.of, lambda primary: pace(self.settings(primary, settings)))

    def of(self, target: Target) -> str:
        """Whom it goes to."""
        return "+".join(sorted({self.name(domain) for domain in target.domains}))

    def name(self, domain: str) -> str:
        """Of the primary that takes a domain's mail."""
        return self._names.get(domain, domain)

    def domains(self, primary: str) -> list[str]:
        """Those that go to a primary, or to one of several."""
        names = primary.split("+")
        found = [domain for domain, name in self._names.items() if name in names]
        return found or names

    def unwell(self, primary: str, known: Known) -> str:
        """Why not to drain to it now, by what a probe of its domains found; empty when nothing speaks against it.

        What goes to several may go as long as one of them takes its part: the rest of its recipients waits on.
        """
        sick = down(known)
        well = {self.name(domain) for domain in known.keys() - sick.keys()}
        return "" if well.intersection(primary.split("+")) else in_a_sentence(sick)

    def learn(self, routes: Mapping[str, Routed]) -> None:
        """Of more domains."""
        # Another one, for others may be going through it in their threads.
        self._names = self._names | {domain: primary_of(domain, routed) for domain, routed in routes.items()}

    def settings(self, primary: str, settings: DrainSettings) -> DrainSettings:
        """Those of one primary: an engine that is not ours gets no more messages than it may have connections."""
        cap = min(self._capped(primary), default=None)
        if cap is None:
            return settings
        most = min(cap, settings.most_connections)
        return replace(
            settings,
            most_connections=most,
            connections=min(settings.connections, most),
            most_in_batch=min(cap, settings.most_in_batch),
        )

    def _capped(self, primary: str) -> Iterable[int]:
        hosts = [name.rpartition(":")[0] for name in primary.split("+")]
        for name in (*hosts, *primary.split("+"), *self.domains(primary)):
            if name in self._caps:
                yield self._caps[name]
