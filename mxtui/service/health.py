"""What the checks of the primaries mean for the rest of the service."""

from collections.abc import Callable, Iterable

from mxtui.model.health import HealthState
from mxtui.model.standby import Standby, StandbyPolicy, StandbyState
from mxtui.primary.prober import Known
from mxtui.service.log import Log


class HealthWatch:
    """Tells standby of every primary's state, and whoever delivers of those that turned up.

    `heard` is what a `Prober` calls after each climb: it costs a look at each domain of that primary.
    """

    def __init__(
        self, domains: Iterable[str], standby: Standby, turned_up: Callable[[list[str]], None], log: Log
    ) -> None:
        self._domains = frozenset(domains)
        self.standby = standby
        self._turned_up = turned_up
        self._log = log
        self._states: dict[str, HealthState] = {}

    def follow(self, domains: Iterable[str], policy: StandbyPolicy) -> None:
        """Other domains are relayed for from now on, or other rules hold."""
        self._domains = frozenset(domains)
        self.standby.policy = policy

    @property
    def overall(self) -> StandbyState:
        """Of all relayed domains: accepting if mail of any is taken, else draining if any drains."""
        states = {self.standby.state(domain) for domain in self._domains}
        return "accepting" if "accepting" in states else "draining" if "draining" in states else "standing by"

    @property
    def draining(self) -> Iterable[str]:
        """Domains whose mail waits though their primary is up."""
        return [domain for domain in self._domains if self.standby.state(domain) == "draining"]

    def heard(self, known: Known) -> None:
        """What is known now of some domains."""
        up: list[str] = []
        for domain, (primary, health) in known.items():
            before, now = self._states.get(domain, "unknown"), health.state
            if domain in self._domains:
                self.standby.health(domain, now, primary.host if primary is not None else "")
            if now == before:
                continue
            self._states[domain] = now
            host = f"{primary.host}:{primary.port}" if primary is not None else None
            self._log(
                "primary", "warning" if now in ("down", "flapping") else "info",
                domain=domain, host=host, state=now, before=before, rung=health.rung, detail=health.detail,
            )  # fmt: skip
            if now in ("up", "degraded") and before not in ("up", "degraded"):
                up.append(domain)
        if up:
            self._turned_up(up)
