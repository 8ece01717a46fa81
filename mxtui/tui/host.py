"""What widgets and screens may ask of the app: its look, its clock, what is known, and what was marked."""

from abc import abstractmethod
from collections.abc import Callable, Sequence

from textual.widget import Widget

from mxtui.model.drain.standing import Standing
from mxtui.model.filter import JUDGED_WORDS
from mxtui.model.overview import Overview
from mxtui.model.plan import Plan
from mxtui.tui.desk import Desk
from mxtui.tui.keys import OneByOne
from mxtui.tui.look import Look, make_look
from mxtui.tui.services import Services, Settings


class Host(OneByOne):
    """The app as its parts see it."""

    desks: Sequence[Desk]
    """One for each queue."""
    desk: Desk
    """The one in front."""
    settings: Settings
    clock: Callable[[], float]
    """For what is of no queue in particular."""
    paused: bool = False
    forget_screen: Callable[[int, int], None] | None = None
    """Takes nothing for granted of what the terminal shows, which has so many columns and lines."""

    @property
    def services(self) -> Services:
        """Of the queue in front, which has been reached."""
        assert self.desk.services is not None
        return self.desk.services

    @property
    def overview(self) -> Overview | None:
        """The latest that is shown of the queue in front."""
        return self.desk.overview

    @property
    def marks(self) -> set[str]:
        """What is marked in it."""
        return self.desk.marks

    @property
    def drain(self) -> Standing | None:
        """Its drain."""
        return self.desk.drain

    @property
    def preparing(self) -> tuple[Plan, float] | None:
        """The drain of it that gets ready."""
        return self.desk.preparing

    @property
    def several(self) -> bool:
        """Whether this is a console of several queues."""
        return len(self.desks) > 1

    def now(self) -> float:
        """The time by the clock of the queue in front."""
        return self.desk.services.clock() if self.desk.services is not None else self.clock()

    @property
    def words(self) -> Sequence[str]:
        """Words of the filter language beyond those that a queue alone can answer."""
        services = self.desk.services
        return JUDGED_WORDS if services is not None and services.sifting is not None else ()

    @property
    def look(self) -> Look:
        """Styles of the current theme."""
        theme = self.current_theme
        return make_look(
            self.theme_variables,
            dark=theme.dark,
            native=theme.ansi,
            mono=self.no_color,
            ascii_only=self.settings.ascii,
        )

    @abstractmethod
    async def open_messages(self, text: str | None, *, filtering: bool = False) -> None:
        """Messages, with this filter; None leaves the filter as it is. `filtering` puts the cursor in its bar.

        Over when the screen is there to be typed on.
        """

    @abstractmethod
    async def open_desk(self, desk: Desk) -> None:
        """Put another queue in front."""

    @abstractmethod
    def try_now(self, desk: Desk) -> None:
        """Do not wait longer before a host is tried again that could not be reached."""

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
