"""Which primary a domain has: as configured, else as the mail system routes it, else by MX."""

from collections.abc import Mapping, Sequence

from mxtui.errors import MxtuiError
from mxtui.model.health import Primary
from mxtui.model.next_hop import NextHop
from mxtui.model.route import Ourselves, Routed, Router, by_next_hop


class ConfiguredRouter:
    """Our own configuration first; the rest is left to another router."""

    def __init__(self, primaries: Mapping[str, NextHop], others: Router) -> None:
        self._primaries = {domain.lower(): hop for domain, hop in primaries.items()}
        self._others = others

    def ourselves(self) -> Ourselves:
        """As the other router knows it."""
        return self._others.ourselves()

    def route(self, domains: Sequence[str]) -> Mapping[str, Routed]:
        """Each domain's route. When the other router fails, those that it was to tell have the reason instead."""
        known = {
            domain: Routed(Primary(hop.host, hop.port, "config"))
            for domain in domains
            if (hop := self._primaries.get(domain.lower())) is not None
        }
        rest = [domain for domain in domains if domain not in known]
        if not rest:
            return known
        try:
            return {**known, **self._others.route(rest)}
        except MxtuiError as error:
            return {**known, **dict.fromkeys(rest, Routed(None, error.message))}


class MxRouter:
    """No mail system to ask: MX records decide."""

    def __init__(self, ourselves: Ourselves) -> None:
        self._ourselves = ourselves

    def ourselves(self) -> Ourselves:
        """As given."""
        return self._ourselves

    def route(self, domains: Sequence[str]) -> Mapping[str, Routed]:
        """Each domain is its own next hop."""
        return {domain: by_next_hop(NextHop(domain, 25, lookup_mx=True)) for domain in domains}


class SingleRouter:
    """Everything goes to one host, as an operator says; who we are is left to another router."""

    def __init__(self, hop: NextHop, others: Router) -> None:
        self._primary = Primary(hop.host, hop.port, "config")
        self._others = others

    def ourselves(self) -> Ourselves:
        """As the other router knows it."""
        return self._others.ourselves()

    def route(self, domains: Sequence[str]) -> Mapping[str, Routed]:
        """The same for all."""
        return dict.fromkeys(domains, Routed(self._primary))
