"""What widgets and screens may ask of the app: its look, its clock, what is known, and what was marked."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from textual.widget import Widget

from mxtui.model.drain.standing import Standing
from mxtui.model.filter import JUDGED_WORDS
from mxtui.model.overview import Overview
from mxtui.model.plan import Plan
from mxtui.tui.keys import OneByOne
from mxtui.tui.look import Look, make_look
from mxtui.tui.services import Services

if TYPE_CHECKING:
    from mxtui.doctor.finding import Report


class Host(OneByOne):
    """The app as its parts see it."""

    services: Services
    overview: Overview | None = None
    """The latest that is shown."""
    marks: set[str]
    """Queue IDs, whatever the filter; the same on all screens."""
    drain: Standing | None = None
    """The drain that runs, or the last one that did, whoever started it."""
    preparing: tuple[Plan, float] | None = None
    """The drain that was begun here and is not on the register yet, and since when (epoch seconds)."""
    examined: "Report | None" = None
    """What the doctor found last in this session."""
    paused: bool = False
    forget_screen: Callable[[int, int], None] | None = None
    """Takes nothing for granted of what the terminal shows, which has so many columns and lines."""

    def now(self) -> float:
        """The time by the clock that was given."""
        return self.services.clock()

    @property
    def words(self) -> Sequence[str]:
        """Words of the filter language beyond those that a queue alone can answer."""
        return JUDGED_WORDS if self.services.sifting is not None else ()

    @property
    def look(self) -> Look:
        """Styles of the current theme."""
        theme = self.current_theme
        return make_look(
            self.theme_variables,
            dark=theme.dark,
            native=theme.ansi,
            mono=self.no_color,
            ascii_only=self.services.settings.ascii,
        )

    @abstractmethod
    async def open_messages(self, text: str | None, *, filtering: bool = False) -> None:
        """Messages, with this filter; None leaves the filter as it is. `filtering` puts the cursor in its bar.

        Over when the screen is there to be typed on.
        """

    @abstractmethod
    def open_alerts(self) -> None:
        """All alerts in full."""

    @abstractmethod
    def open_doctor(self) -> None:
        """Whether this backup MX is set up right."""

    @abstractmethod
    def open_help(self) -> None:
        """What the screen shows, and its keys."""

    @abstractmethod
    def toggle_pause(self) -> None:
        """Stop or resume showing what changes."""

    @abstractmethod
    def draw_anew(self) -> None:
        """All of the screen, whatever the terminal shows."""

    @abstractmethod
    def leave(self) -> None:
        """Quit. A drain goes on."""

    @abstractmethod
    def start_drain(self, plan: Plan, reason: str, ends: str = "") -> None:
        """Have a drain begun, and show it. It ends the migration of a domain, where one is named."""


def host_of(widget: Widget) -> Host:
    """The app a widget belongs to."""
    app = widget.app
    assert isinstance(app, Host)
    return app
