"""The domains that operators hold mail back for, as a running `serve` goes by them.

What is suspended, or migrates, is left alone by the forwarder; new mail for what migrates is held as it comes in. A
suspension whose time is up is over at once; its file goes, too.
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path

from mxtui.errors import Guarded, MxtuiError
from mxtui.holds import Holds
from mxtui.model.holds import DomainHold, in_force
from mxtui.queues.spool.catch import holds_folder
from mxtui.service.log import Log


class HeldDomains:
    """Belongs to the event loop; what it reads is a few small files, and only when they changed."""

    def __init__(
        self,
        spool: Path,
        leave_alone: Callable[[Collection[str]], None],
        look_for_all: Callable[[], None],
        log: Log,
        clock: Callable[[], float],
    ) -> None:
        """`look_for_all`: what was released as a migration ended may not have been told of, if that was cut short."""
        self._holds = Holds(holds_folder(spool))
        self._leave_alone = leave_alone
        self._look_for_all = look_for_all
        self._log = log
        self._clock = clock
        self._revision = 0
        self._known: Mapping[str, DomainHold] = {}
        self._held: Mapping[str, DomainHold] = {}

    @property
    def domains(self) -> Collection[str]:
        """Those that nothing is delivered for."""
        return self._held.keys()

    def note(self, domain: str) -> str:
        """Why new mail for a domain is held; empty where it is not."""
        hold = self._held.get(domain)
        return hold.note if hold is not None and hold.kind == "migrate" else ""

    def read(self) -> None:
        """Go by what is on disk now. Raises MxtuiError where that cannot be understood: as before, then."""
        self._revision = self._holds.revision()
        before, self._known = self._known, self._holds.all()
        self._follow()
        if any(hold.kind == "migrate" for domain, hold in before.items() if domain not in self._known):
            self._look_for_all()

    def look(self) -> None:
        """As `read`, if anything changed, the time included; a mistake is only logged."""
        try:
            if self._holds.revision() != self._revision:
                self.read()
            self._follow()
            for hold in [each for each in self._known.values() if each.kind == "suspend" and each.over(self._clock())]:
                self._known = {domain: each for domain, each in self._known.items() if each is not hold}
                self._clear_away(hold)
        except MxtuiError as error:
            self._log("holds_unreadable", "error", error=error.message, hint=error.hint)

    def _clear_away(self, over: DomainHold) -> None:
        """Nobody goes by it any more; where somebody is at the files just now, it may as well stay."""
        with suppress(Guarded), self._holds.changing(patience=0.0):
            if self._holds.get(over.domain) == over:  # else somebody made it last longer
                self._holds.remove(over.domain)

    def _follow(self) -> None:
        held = in_force(self._known.values(), self._clock())
        if held == self._held:
            return
        for domain in held.keys() - self._held.keys():
            hold = held[domain]
            self._log("domain_held", domain=domain, kind=hold.kind, by=hold.owner, reason=hold.reason)
        for domain in self._held.keys() - held.keys():
            self._log("domain_free", domain=domain)
        self._held = held
        self._leave_alone(held)
