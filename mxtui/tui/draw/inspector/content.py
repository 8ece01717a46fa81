"""What a message says: its headers, its text, and where its links go."""

from collections.abc import Mapping

from mxtui.message.inspect import Inspection
from mxtui.message.text import Text
from mxtui.tui.draw.domains import NORMAL
from mxtui.tui.draw.inspector.opened import Opened, spotted, title
from mxtui.tui.draw.scene import Scene
from mxtui.tui.line import Line, wrap

SHOWN_FIRST = (
    "from", "reply-to", "return-path", "to", "cc", "date", "message-id", "subject", "authentication-results",
)  # fmt: skip

# No more of a kind: who writes two hundred Authentication-Results wants to push the others off the screen.
_OF_A_KIND = 3

LINKS = 20
"""Listed; `mxtui show` lists more."""

_SHORT = {"authentication-results": "Auth-Results"}


def headers(scene: Scene, opened: Opened, seen: Inspection, room: int) -> list[Line]:
    """The pane."""
    look = scene.look
    lines = [title(scene, "Headers", f"{scene.glyphs.differs} differs from what this server saw")]
    shown = [header for name in SHOWN_FIRST for header in seen.named(name)[:_OF_A_KIND]]
    for header in shown:
        remark = opened.remark(header.name)
        differs = remark is not None and remark.differs
        name = _SHORT.get(header.name.lower(), header.name)
        line = Line(
            (scene.glyphs.differs if differs else " ", look.warning),
            (f" {scene.fit(name, 14)}", look.text if differs else look.label),
        )
        words = remark.words if remark is not None else ""
        line.to(15)
        value = scene.fit(header.value, room - 15 - (len(words) + 2 if words else 0))
        line.extend(spotted(scene, value, look.text))
        lines.append(line.right([(words, look.warning + NORMAL if differs else look.label)], room) if words else line)
    if rest := len(seen.headers) - len(shown):
        lines.append(
            Line(("  ", look.text), (f"{rest:,} more   ", look.label), ("v", look.key), (" raw source", look.text))
        )
    return lines


def text(scene: Scene, said: Text, room: int) -> list[Line]:
    """The pane."""
    look = scene.look
    kinds: Mapping[str, str] = {"plain": "plain, links shown inactive", "html": "from HTML, links shown inactive",
                                "none": "none"}  # fmt: skip
    lines = [title(scene, "Text", kinds[said.kind])]
    for line in said.lines:
        lines += [Line(("  ", look.text), *spotted(scene, part, look.text)) for part in wrap(line, room - 2)]
    if said.omitted:
        lines += [Line(), Line((f"  {scene.glyphs.ellipsis} {said.omitted:,} bytes more", look.label))]
    return lines


def links(scene: Scene, said: Text, room: int) -> list[Line]:
    """The pane: true targets, inactive; first those whose words name another server. Empty where there are none."""
    look = scene.look
    # In plain text the target is what is read, and it has been read above.
    listed = [(number, link) for number, link in enumerate(said.links, 1) if link.shown or said.kind == "html"]
    if not listed:
        return []
    listed.sort(key=lambda each: not each[1].differs)
    lines = [title(scene, "Links", f"{said.links_seen:,}, by their true targets")]
    for number, link in listed[:LINKS]:
        line = Line((scene.glyphs.differs if link.differs else " ", look.warning), (f"{number:>3} ", look.label))
        line.extend(spotted(scene, scene.fit(link.target, room - line.width), look.text))
        lines.append(line)
        if link.differs:
            lines.append(Line(("     shows ", look.label), (scene.fit(link.shown, room - 12), look.warning)))
    if len(listed) > LINKS:
        lines.append(Line((f"     and {len(listed) - LINKS:,} more", look.label)))
    return lines


def notes(scene: Scene, seen: Inspection, room: int) -> list[Line]:
    """The pane: each limit that was hit. Empty where none was."""
    if not seen.notes:
        return []
    lines = [title(scene, "Notes", "what was left out, or could not be read")]
    return lines + [Line(("  " + part, scene.look.warning)) for note in seen.notes for part in wrap(note, room - 3)]
