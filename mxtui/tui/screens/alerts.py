"""Everything that needs an operator, in full; and what one knows of it."""

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType

from mxtui.errors import MxtuiError
from mxtui.model.alerts.storms import storms
from mxtui.model.overview import Alert
from mxtui.tui.draw.alerts import alert_block, resolved_lines
from mxtui.tui.line import Line
from mxtui.tui.screens.asking import Asked, AskingScreen
from mxtui.tui.screens.dialog import Dialog

LASTING = "4h"

REDRAWN = 1.0
"""Seconds after which alerts are drawn as they are by then."""


class AckScreen(AskingScreen):
    """Enter acknowledges."""

    SHOWN = "both are shown with the alert, and are in the audit"

    def __init__(self, alert: Alert) -> None:
        super().__init__("Acknowledge", LASTING)
        self._alert = alert

    def about(self) -> Sequence[Line]:
        """The alert."""
        return [*alert_block(self.scene, self._alert, chosen=False), Line()]


class AlertsScreen(Dialog[None]):
    """All alerts, gravest first, with a cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "choose(1)", "Down", show=False, id="alerts.down"),
        Binding("up,k", "choose(-1)", "Up", show=False, id="alerts.up"),
        Binding("home,g", "choose(-1000000)", "First", show=False, id="alerts.first"),
        Binding("end,G", "choose(1000000)", "Last", show=False, id="alerts.last"),
        Binding("a", "acknowledge", "Acknowledge", show=False, id="alerts.acknowledge"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._chosen: tuple[str, str, str | None] | None = None

    def on_mount(self) -> None:
        """Alerts come and go while one reads."""
        super().on_mount()
        self.set_interval(REDRAWN, self.draw)

    @property
    def alerts(self) -> Sequence[Alert]:
        """As they are now, storms in one."""
        return storms(self.host.overview.alerts) if self.host.overview is not None else ()

    @property
    def chosen(self) -> Alert | None:
        """Under the cursor: the same one as before, wherever it is by now."""
        alerts = self.alerts
        return next((alert for alert in alerts if _key(alert) == self._chosen), alerts[0] if alerts else None)

    def draw(self) -> None:
        """Each with its whole sentence."""
        scene, look, chosen = self.scene, self.host.look, self.chosen
        lines: list[Line] = []
        top = bottom = 0
        for alert in self.alerts:
            if alert is chosen or (chosen is not None and _key(alert) == _key(chosen)):
                top = len(lines)
            lines += alert_block(scene, alert, chosen=chosen is not None and _key(alert) == _key(chosen))
            if chosen is not None and _key(alert) == _key(chosen):
                bottom = len(lines)
            lines.append(Line())
        if not lines:
            lines = [Line((scene.glyphs.passed, look.ok), (" nothing needs you", look.text)), Line()]
        if self.host.overview is not None and (over := resolved_lines(scene, self.host.overview.resolved)):
            lines += [*over, Line()]
        keys = Line(("Esc", look.key), (" Close", look.text))
        if chosen is not None and self.host.services.acknowledging is not None:
            words = " Take it back" if chosen.acknowledged else " Acknowledge"
            keys.add("   ", look.text).add("a", look.key).add(words, look.text)
        self.show("Alerts", [*lines, keys])
        self._keep_in_sight(top, bottom)

    def _keep_in_sight(self, top: int, bottom: int) -> None:
        scroll = self.query_one("#scroll")
        height = scroll.size.height
        if height and bottom > scroll.scroll_offset.y + height:
            scroll.scroll_to(y=bottom - height, animate=False)
        elif top < scroll.scroll_offset.y:
            scroll.scroll_to(y=top, animate=False)

    def action_choose(self, step: int) -> None:
        """So many further down, or up; at most the last, or the first."""
        alerts, chosen = self.alerts, self.chosen
        if chosen is None:
            return
        place = next(number for number, alert in enumerate(alerts) if _key(alert) == _key(chosen)) + step
        self._chosen = _key(alerts[max(0, min(place, len(alerts) - 1))])
        self.draw()

    def action_acknowledge(self) -> None:
        """Say that one knows of it, and for how long; or take that back."""
        chosen = self.chosen
        if chosen is None or self.host.services.acknowledging is None:
            return
        self._chosen = _key(chosen)
        if chosen.acknowledged is not None:
            self._change(chosen, None)
            return

        def decided(asked: Asked | None) -> None:
            if asked is not None:
                self._change(chosen, asked)

        self.app.push_screen(AckScreen(chosen), decided)

    @work(exclusive=True, group="acknowledge")
    async def _change(self, alert: Alert, asked: Asked | None) -> None:
        acknowledging, overview = self.host.services.acknowledging, self.host.overview
        if acknowledging is None or overview is None:
            return
        known = alert.acknowledged is not None
        meant = [each for each in overview.alerts if _is_of(each, alert) and (each.acknowledged is not None) == known]
        try:
            if asked is None:
                await asyncio.to_thread(acknowledging.withdraw, meant)
            else:
                await asyncio.to_thread(acknowledging.acknowledge, meant, asked.reason, asked.seconds)
        except MxtuiError as error:
            self.notify(f"{error.message}. {error.hint}".strip(), severity="error", markup=False)
            return
        self.host.services.monitor.nudge()


def _key(alert: Alert) -> tuple[str, str, str | None]:
    return alert.name, alert.severity, alert.domain


def _is_of(alert: Alert, shown: Alert) -> bool:
    """Whether it is the one that is shown, or one of the storm that is."""
    if (alert.name, alert.severity) != (shown.name, shown.severity):
        return False
    return alert.domain in shown.domains if shown.domains else alert.domain == shown.domain
