"""One queue of the console, and what the operator has before them of it."""

from typing import TYPE_CHECKING

from mxtui.errors import MxtuiError
from mxtui.model.drain.standing import Standing
from mxtui.model.fleet import HostStatus
from mxtui.model.overview import Overview
from mxtui.model.plan import Plan
from mxtui.tui.services import Services

if TYPE_CHECKING:
    from mxtui.doctor.finding import Report


class Desk:
    """A console of one queue has one; a console of several has one for each, and shows one of them."""

    def __init__(self, name: str = "", services: Services | None = None) -> None:
        self.name = name
        """As the host was named; empty where there is but one."""
        self.services = services
        """None until it has been reached for the first time."""
        self.fault: MxtuiError | None = None
        """Why it has not been."""
        self.overview: Overview | None = None
        """The latest that is shown."""
        self.marks: set[str] = set()
        """Queue IDs, whatever the filter; the same on all screens."""
        self.drain: Standing | None = None
        """The drain that runs, or the last one that did, whoever started it."""
        self.preparing: tuple[Plan, float] | None = None
        """The drain that was begun here and is not on the register yet, and since when (epoch seconds)."""
        self.examined: Report | None = None
        """What the doctor found last in this session."""

    @property
    def status(self) -> HostStatus:
        """As it stands among the others."""
        fault, services = self.fault, self.services
        return HostStatus(
            self.name,
            self.overview,
            "" if fault is None else fault.message,
            "" if fault is None else fault.hint,
            services.lag() if services is not None else None,
            services.version() if services is not None else "",
        )
