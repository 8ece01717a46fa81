"""One message laid open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from rich.style import Style

from mxtui.message.differences import Remark
from mxtui.message.hops import Hop
from mxtui.message.inspect import Inspection
from mxtui.message.parts import Part
from mxtui.message.sanitize import block
from mxtui.model.message import QueuedMessage, written_sender
from mxtui.model.reason import summarise
from mxtui.model.words import clock, counted, duration
from mxtui.tui import format as fmt
from mxtui.tui.draw.domains import NORMAL
from mxtui.tui.draw.scene import Scene
from mxtui.tui.line import Line, Span, fit_address, wrap

SHOWN_FIRST = ("from", "reply-to", "to", "cc", "date", "message-id", "subject", "authentication-results")
_EXECUTABLE = ("program", "script", "shortcut")

RECIPIENTS = 12
"""Listed; a list server's message may have ten thousand."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A message and what was found in it."""

    message: QueuedMessage
    seen: Inspection | None
    remarks: Sequence[Remark]
    fault: str = ""
    """Why it cannot be read."""

    def remark(self, header: str) -> Remark | None:
        """What to say beside a header."""
        return next((remark for remark in self.remarks if remark.header.lower() == header.lower()), None)


def headline(scene: Scene, message: QueuedMessage) -> list[Line]:
    """Subject, state, age."""
    look, now = scene.look, scene.now
    age = now - message.arrival
    first = Line((" ", look.text))
    if message.state == "hold":
        first.add(f" {scene.glyphs.held} HELD ", look.badge_warning).add("  ", look.text)
    if message.fault:
        first.add(" CORRUPT ", look.badge_warning).add("  ", look.text)
    subject = message.subject if message.subject is not None else message.fault or "subject not read"
    first.add(scene.fit(subject or "no subject", scene.width - first.width - 2), look.strong)
    second = Line((" ", look.text), (message.state, look.text))
    if message.attempts is not None:
        second.add(f", {counted(message.attempts, 'try', 'tries')}", look.label)
    if message.next_retry is not None:
        second.add(f", next at {clock(message.next_retry, now)}", look.label)
    second.add("   waiting ", look.label).add(duration(age), look.age(age))
    if message.expires is not None:
        soon = message.expires - now < 86_400
        second.add("   expires ", look.label).add(clock(message.expires, now), look.warning if soon else look.text)
    return [first, second.add(f"   {fmt.size(message.size)}", look.label)]


def body(scene: Scene, opened: Opened) -> list[Line]:
    """Two columns where there is room: what it is and says at the left, its headers at the right."""
    two = scene.width >= 108
    room = (scene.width // 2 - 3) if two else scene.width - 2
    left = [*_envelope(scene, opened, room)]
    right: list[Line] = []
    seen = opened.seen
    if opened.fault:
        left += [Line(), Line((scene.fit(opened.fault, room), scene.look.danger))]
    if seen is not None:
        left += [Line(), *_hops(scene, seen.hops, room), Line(), *_parts(scene, seen.parts, room)]
        left += [Line(), *_text(scene, seen, room)]
        right += [*_headers(scene, opened, scene.width - room - 7 if two else room)]
        if seen.notes:
            right += [Line(), _title(scene, "Notes", "what was left out, or could not be read")]
            right += [Line(("  " + part, scene.look.warning)) for note in seen.notes for part in wrap(note, room - 3)]
    if not two:
        return [*_indented(left), Line(), *_indented(right)]
    lines = []
    for one, other in zip_longest(left, right):
        line = Line((" ", scene.look.text), *(one.spans if one else ()))
        lines.append(line.to(room + 4).extend(other.spans) if other else line)
    return lines


def _indented(lines: Sequence[Line]) -> list[Line]:
    return [Line((" ", Style.null()), *line.spans) for line in lines]


def _title(scene: Scene, title: str, words: str = "") -> Line:
    return Line((title, scene.look.strong), ("  " + words if words else "", scene.look.label))


def _envelope(scene: Scene, opened: Opened, room: int) -> list[Line]:
    look, message = scene.look, opened.message

    def named(name: str, *spans: Span, sign: str = " ") -> Line:
        return Line((sign, look.warning), (f" {name}", look.label)).to(11).extend(spans)

    lines = [
        _title(scene, "Envelope"),
        named("from", (fit_address(written_sender(message.sender, message.fault), room - 12), look.text)),
    ]
    for number, recipient in enumerate(message.recipients[:RECIPIENTS]):
        why = f"{scene.glyphs.down} {summarise(recipient.reason)}" if recipient.reason else ""
        shown = fit_address(recipient.address, max(16, room - 12 - min(len(why) + 2, room // 2)))
        line = named("to" if not number else "", (shown, look.text))
        lines.append(line.add("  " + scene.fit(why, room - line.width - 3), look.label) if why else line)
    if len(message.recipients) > RECIPIENTS:
        lines.append(named("", (f"and {len(message.recipients) - RECIPIENTS:,} more", look.label)))
    if message.done:
        lines.append(named("", (f"{message.done:,} delivered already", look.label)))
    if message.client_address:
        lines.append(named("client", (message.client_address, look.text)))
    helo = opened.seen.hops[-1].helo if opened.seen is not None and opened.seen.hops else ""
    remark = opened.remark("helo")
    if helo:
        differs = remark is not None and remark.differs
        line = named("helo", (scene.fit(helo, room // 2), look.text), sign=scene.glyphs.differs if differs else " ")
        lines.append(line.add(f"   {remark.words}" if remark else "", look.warning + NORMAL))
    lines.append(named("arrived", (clock(message.arrival, scene.now), look.text)))
    return lines


def _hops(scene: Scene, hops: Sequence[Hop], room: int) -> list[Line]:
    look = scene.look
    lines = [_title(scene, "Hops", f"{len(hops)}, oldest first; only the last line is ours" if hops else "none")]
    for number, hop in enumerate(hops, 1):
        style = look.text if number == len(hops) else look.label
        line = Line((f"{number:>3}  ", look.label), (fmt.time_of_day(hop.time) if hop.time else " " * 8, style))
        delay = "" if hop.delay is None else f"+{duration(hop.delay)}" if hop.delay >= 0 else "earlier?"
        line.add(f"  {delay:<8} ", look.label if delay != "earlier?" else look.warning)
        way = f"{hop.origin or '?'} {scene.glyphs.arrow} {hop.by or '?'}"
        lines.append(line.add(scene.fit(way, room - line.width), style))
    return lines


def _parts(scene: Scene, parts: Sequence[Part], room: int) -> list[Line]:
    look, glyphs = scene.look, scene.glyphs
    root = parts[0]
    lines = [_title(scene, "Parts", f"{root.media_type}, {fmt.size(root.decoded_size)}")]
    for number, part in enumerate(parts[1:] or parts, 1 if len(parts) > 1 else 0):
        last = not any(later.depth == part.depth for later in _siblings(parts, number))
        indent = "  " + glyphs.trunk * max(0, part.depth - 1)
        branch = (glyphs.last_branch if last else glyphs.branch) if part.depth else ""
        line = Line((indent + branch, look.faint))
        grave = part.sniffed is not None and part.sniffed.split()[0] in _EXECUTABLE
        line.add(scene.fit(part.media_type, 30), look.warning if grave else look.text)
        size = "" if part.is_multipart else fmt.size(part.decoded_size)
        line.to(max(28, line.width + 1)).add(size.rjust(7), look.text)
        if part.filename:
            line.add("  " + scene.fit(part.filename, room - line.width - 2), look.text)
        elif part.charset:
            line.add("  " + part.charset, look.label)
        if part.sniffed is not None and (grave or part.sniffed not in part.media_type + part.filename.lower()):
            line.add(f"  {part.sniffed}", look.warning if grave else look.label)
        lines.append(line)
    return lines


def _siblings(parts: Sequence[Part], number: int) -> list[Part]:
    """Those after this part, up to the end of its parent."""
    found: list[Part] = []
    for later in parts[number + 1 :]:
        if later.depth < parts[number].depth:
            break
        found.append(later)
    return found


def _text(scene: Scene, seen: Inspection, room: int) -> list[Line]:
    look = scene.look
    kinds: Mapping[str, str] = {"plain": "plain, links shown inactive", "html": "from HTML, links shown inactive",
                                "none": "none"}  # fmt: skip
    lines = [_title(scene, "Text", kinds[seen.text.kind])]
    for line in seen.text.lines:
        lines += [Line(("  " + part, look.text)) for part in wrap(line, room - 2)]
    if seen.text.omitted:
        lines += [Line(), Line((f"  {scene.glyphs.ellipsis} {seen.text.omitted:,} bytes more", look.label))]
    return lines


def _headers(scene: Scene, opened: Opened, room: int) -> list[Line]:
    look, seen = scene.look, opened.seen
    assert seen is not None
    lines = [_title(scene, "Headers", f"{scene.glyphs.differs} differs from what this server saw")]
    shown = [header for name in SHOWN_FIRST for header in seen.named(name)]
    rest = len(seen.headers) - len(shown)
    for header in shown:
        remark = opened.remark(header.name)
        differs = remark is not None and remark.differs
        line = Line(
            (scene.glyphs.differs if differs else " ", look.warning),
            (f" {scene.fit(header.name, 14)}", look.text if differs else look.label),
        )
        words = remark.words if remark is not None else ""
        line.to(17).add(scene.fit(header.value, room - 17 - (len(words) + 2 if words else 0)), look.text)
        lines.append(line.right([(words, look.warning + NORMAL if differs else look.label)], room) if words else line)
    if rest:
        lines.append(
            Line(("  ", look.text), (f"{rest:,} more   ", look.label), ("v", look.key), (" raw source", look.text))
        )
    return lines


def raw(scene: Scene, content: bytes, limit: int) -> list[Line]:
    """The message as stored, made safe, nothing left out but what lies behind the limit."""
    look = scene.look
    text = block(content.decode("utf-8", "surrogateescape"))
    width = max(10, scene.width - 3)
    lines, in_body = [], False
    for line in text.split("\n"):
        in_body = in_body or not line
        for start in range(0, max(1, len(line)), width):
            part = Line((" ", look.text))
            name, colon, value = line.partition(":")
            if not in_body and not start and colon and name.isascii() and " " not in name:
                part.add(name + colon, look.accent).add(value[: width - len(name) - 1], look.text)
            else:
                part.add(line[start : start + width], look.text)
            lines.append(part)
    if len(content) >= limit:
        lines.append(
            Line(
                (
                    f" {scene.glyphs.ellipsis} only the first {fmt.bytes_(limit)}; mxtui show --raw writes it all",
                    look.label,
                )
            )
        )
    return lines
