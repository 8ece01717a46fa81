"""What the inspector shows, as it comes in: the message at once, what is in it and what it is worth a little later."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rich.style import Style

from mxtui.message.differences import Remark
from mxtui.message.handover import Encryption
from mxtui.message.inspect import Inspection
from mxtui.model.envelope import Client
from mxtui.model.evidence import CampaignFacts, Judgement
from mxtui.model.message import QueuedMessage
from mxtui.tui.draw.scene import Scene
from mxtui.tui.line import Line, Span

_HIDDEN = re.compile(r"(<U\+[0-9A-F]{4,6}(?: \+\d+)?>)")


@dataclass(frozen=True, slots=True)
class Opened:
    """A message and what is known of it so far."""

    message: QueuedMessage
    seen: Inspection | None = None
    remarks: Sequence[Remark] = ()
    client: Client | None = None
    """Who handed it in."""
    encryption: Encryption | None = None
    """Of the connection that it came by; None where nobody is known who handed it in."""
    fault: str = ""
    """Why it cannot be read."""
    judging: Literal["none", "busy", "done"] = "none"
    """Whether somebody judges it; `none` where nobody does."""
    judgement: Judgement | None = None
    unjudged: str = ""
    """Why there is no judgement."""
    campaign: CampaignFacts | None = None
    suspect: float = 10.0
    """Points from which it is suspect."""

    def remark(self, header: str) -> Remark | None:
        """What to say beside a header."""
        return next((remark for remark in self.remarks if remark.header.lower() == header.lower()), None)

    @property
    def is_suspect(self) -> bool:
        """Its points reach the threshold, and nobody cleared it."""
        judged = self.judgement
        return judged is not None and not judged.cleared and judged.score >= self.suspect


def title(scene: Scene, name: str, words: str = "") -> Line:
    """A pane begins."""
    return Line((name, scene.look.strong), ("  " + words if words else "", scene.look.label))


def named(scene: Scene, name: str, *spans: Span, sign: str = " ", width: int = 11) -> Line:
    """A value with its name, and a sign before it where something is wrong with it."""
    look = scene.look
    return Line((sign, look.warning), (f" {name}", look.text if sign.strip() else look.label)).to(width).extend(spans)


def spotted(scene: Scene, text: str, style: Style) -> list[Span]:
    """A text in which the codes of hidden characters stand out."""
    ground = scene.look.heat[5][0].bgcolor
    mark = scene.look.warning + Style(bgcolor=ground)
    return [(piece, mark if _HIDDEN.fullmatch(piece) else style) for piece in _HIDDEN.split(text) if piece]
