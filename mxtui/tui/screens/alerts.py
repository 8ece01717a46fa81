"""Everything that needs an operator, in full."""

from mxtui.model.words import clock
from mxtui.tui.line import Line, wrap
from mxtui.tui.screens.dialog import Dialog


class AlertsScreen(Dialog[None]):
    """All alerts, gravest first."""

    def draw(self) -> None:
        """Each with its whole sentence."""
        scene, look = self.scene, self.host.look
        alerts = self.host.overview.alerts if self.host.overview is not None else ()
        lines: list[Line] = []
        for alert in alerts:
            style = look.danger if alert.severity == "critical" else look.warning
            line = Line((scene.glyphs.down if alert.severity == "critical" else scene.glyphs.warning, style))
            line.add(f" {alert.badge or alert.name}", style)
            line.add(f"  {alert.domain}" if alert.domain else "", look.strong)
            lines.append(line.right([(f"since {clock(alert.since, scene.now)}", look.label)], scene.width))
            lines += [Line(("  " + part, look.text)) for part in wrap(alert.text, scene.width - 2)]
            lines.append(Line())
        if not lines:
            lines = [Line((scene.glyphs.passed, look.ok), (" nothing needs you", look.text)), Line()]
        self.show("Alerts", [*lines, Line(("Esc", look.key), (" Close", look.text))])
