"""What this server itself knows of a message, and the way it says that it took."""

from collections.abc import Sequence

from mxtui.message.hops import Hop
from mxtui.model.message import written_sender
from mxtui.model.reason import summarise
from mxtui.model.words import clock, span
from mxtui.tui import format as fmt
from mxtui.tui.draw.inspector.opened import Opened, named, title
from mxtui.tui.draw.scene import Scene
from mxtui.tui.line import Line, fit_address

RECIPIENTS = 12
"""Listed; a list server's message may have ten thousand."""


def envelope(scene: Scene, opened: Opened, room: int) -> list[Line]:
    """Sender, recipients, client."""
    look, message = scene.look, opened.message
    sender = fit_address(written_sender(message.sender, message.fault), room - 12)
    lines = [title(scene, "Envelope"), named(scene, "from", (sender, look.text))]
    for number, recipient in enumerate(message.recipients[:RECIPIENTS]):
        why = f"{scene.glyphs.down} {summarise(recipient.reason)}" if recipient.reason else ""
        shown = fit_address(recipient.address, max(16, room - 12 - min(len(why) + 2, room // 2)))
        line = named(scene, "to" if not number else "", (shown, look.text))
        lines.append(line.add("  " + scene.fit(why, room - line.width - 3), look.label) if why else line)
    if len(message.recipients) > RECIPIENTS:
        lines.append(named(scene, "", (f"and {len(message.recipients) - RECIPIENTS:,} more", look.label)))
    if message.done:
        lines.append(named(scene, "", (f"{message.done:,} delivered already", look.label)))
    return lines + _client(scene, opened, room)


def _client(scene: Scene, opened: Opened, room: int) -> list[Line]:
    """Who handed it in: by the queue's own record, else by the topmost Received, which is ours."""
    look, message = scene.look, opened.message
    ours = opened.seen.hops[-1] if opened.seen is not None and opened.seen.hops else None
    client = opened.client
    address = client.address if client else message.client_address or (ours.address if ours else "")
    name = client.name if client else (ours.name if ours else "")
    name = "" if name == "unknown" else name
    helo = client.helo if client else (ours.helo if ours else "")
    lines = []
    if address:
        line = named(scene, "client", (address, look.text), ("   ", look.text))
        words = scene.fit(name or "no reverse name", room - line.width)
        lines.append(line.add(words, look.text if name else look.label))
    if helo:
        remark = opened.remark("helo")
        sign = scene.glyphs.differs if remark is not None else " "
        line = named(scene, "helo", (scene.fit(helo, room - 12), look.text), sign=sign)
        lines.append(line.add(f"   {remark.words}", look.warning) if remark is not None else line)
    line = named(scene, "arrived", (clock(message.arrival, scene.now), look.text))
    how = client.protocol if client is not None else ours.protocol if ours is not None else ""
    if how:
        line.add("   ", look.text).add(scene.fit(how, room - line.width), look.label)
    lines.append(line)
    if opened.encryption is not None:
        line = named(scene, "tls", (scene.fit(opened.encryption.words, room - 12), look.label))
        words = scene.fit(opened.encryption.beside, max(0, room - line.width - 4))
        lines.append(line.add(f"   {words}" if words else "", look.label))
    return lines


def hops(scene: Scene, listed: Sequence[Hop], room: int) -> list[Line]:
    """The pane: oldest first, each with its delay."""
    look = scene.look
    lines = [title(scene, "Hops", f"{len(listed)}, oldest first; only the last line is ours" if listed else "none")]
    for number, hop in enumerate(listed, 1):
        style = look.text if number == len(listed) else look.label
        line = Line((f"{number:>3}  ", look.label), (fmt.time_of_day(hop.time) if hop.time else " " * 8, style))
        delay = "" if hop.delay is None else f"+{span(hop.delay)}" if hop.delay >= 0 else "earlier?"
        line.add(f"  {delay:<8} ", look.label if delay != "earlier?" else look.warning)
        way = f"{hop.origin or '?'} {scene.glyphs.arrow} {hop.by or '?'}"
        lines.append(line.add(scene.fit(way, room - line.width), style))
    return lines
