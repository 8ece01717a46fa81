"""Top and bottom of every screen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.style import Style
from textual import events
from textual.app import ComposeResult
from textual.message import Message

from mxtui.tui import format as fmt
from mxtui.tui.draw import chrome
from mxtui.tui.draw.scene import Scene
from mxtui.tui.host import Host, host_of
from mxtui.tui.line import Line, Spans
from mxtui.tui.verdict import judge
from mxtui.tui.widgets.painted import Painted

ROOMY = 30
"""Lines of the terminal from which blank lines and alert lines are affordable."""


class Chrome(Painted):
    """Header, verdict, totals and tabs. As high as what it has to say."""

    @dataclass
    class TabClicked(Message):
        """A tab was clicked."""

        name: str

    def __init__(self, name: str, *, totals: bool = False) -> None:
        super().__init__("chrome")
        self._tab = name
        self._totals = totals
        self._places: Sequence[tuple[int, int, str]] = ()
        self._tabs_at = 0
        self.notes: Mapping[str, Spans] = {}
        self.several = False
        """Whether there is a tab for hosts."""
        self.trail: Spans = ()
        """Shown instead of the tabs, when there is one."""
        self.aside: Spans = ()

    def compose(self) -> ComposeResult:
        """The clock is a widget of its own: Textual sends a line from a widget's left edge, and this changes always."""
        yield Painted("clock")

    def update(self) -> None:
        """Say how things are now."""
        host, size = host_of(self), self.screen.size
        look = host.look
        scene = Scene(look, host.now(), size.width, size.height)
        roomy = size.height >= ROOMY
        lines, grounds = self._said(scene, host, roomy=roomy)
        if roomy and scene.wide:
            lines.append(Line())
        self._tabs_at = len(lines)
        if self.trail:
            lines += chrome.crumbs(scene, self.trail, self.aside)
        else:
            tabs, self._places = chrome.tabs(scene, self._tab, self.notes, several=self.several)
            lines += tabs if size.height >= 14 else tabs[:1]
        self.grow(lines, look.ground, grounds)
        clock = Line((fmt.time_of_day(scene.now), look.text))
        self.query_one("#clock", Painted).paint([clock], look.bar)

    def _said(self, scene: Scene, host: Host, *, roomy: bool) -> tuple[list[Line], dict[int, Style]]:
        """What stands over the tabs, and the lines of it that have a ground of their own."""
        look, overview = scene.look, host.overview
        lines, grounds = [chrome.header(scene, overview, paused=host.paused)], {0: look.bar}
        if overview is not None and scene.height >= 8:
            if overview.reading is not None and not overview.fault:
                lines.append(chrome.reading(scene, overview))
            else:
                said = judge(overview, scene.now)
                listed = roomy and self._totals
                if said.severity == "critical":
                    grounds[len(lines)] = look.band
                lines.append(chrome.verdict(scene, said, listed=listed))
                if listed:
                    lines += chrome.alert_lines(scene, said)
            if self._totals and scene.height >= 18:
                lines += [Line()] if roomy and scene.wide else []
                lines += chrome.totals(scene, overview)
        return lines, grounds

    def on_click(self, event: events.Click) -> None:
        """A tab opens its screen."""
        if event.y == self._tabs_at and not self.trail:
            for start, end, name in self._places:
                if start <= event.x < end:
                    self.post_message(self.TabClicked(name))
