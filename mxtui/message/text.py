"""The text of a message that is worth showing, bounded and sanitised."""

import re
from dataclasses import dataclass, replace
from typing import Literal

from mxtui.message import charsets, transfer
from mxtui.message.limits import Budget, amount
from mxtui.message.links import URL, Link, defang, link
from mxtui.message.parts import Part
from mxtui.message.sanitize import block

_LINE_END = re.compile(r"\r\n?|\n")

# Base64 broken into short lines takes this many stored bytes for a decoded one, quoted-printable three.
_STORED_PER_DECODED = 3


@dataclass(frozen=True, slots=True)
class Text:
    """What the reader of the mail would read."""

    kind: Literal["plain", "html", "none"]
    """Which part it is from; `html` has been rendered."""
    lines: tuple[str, ...]
    """Sanitised, links defanged; not wrapped."""
    links: tuple[Link, ...]
    """In their order, at most `Limits.links`: those of the HTML, then those that are in the plain text alone."""
    links_seen: int
    """All links of what was looked at."""
    omitted: int
    """About how many decoded bytes of the part are not shown; 0 when all are."""


NO_TEXT = Text("none", (), (), 0, 0)


def text_of(raw: bytes, parts: tuple[Part, ...], budget: Budget) -> Text:
    """The first plain text that has any, else the first HTML, attachments aside."""
    shown = [part for part in parts if part.disposition != "attachment"]
    html = next((part for part in shown if part.media_type == "text/html"), None)
    for part in shown:
        if part.media_type == "text/plain" and (text := _plain(raw, part, budget)).lines:
            return _noted(text if html is None else _with_links(text, _html(raw, html, budget), budget), budget)
    return NO_TEXT if html is None else _noted(_html(raw, html, budget), budget)


def _with_links(plain: Text, html: Text, budget: Budget) -> Text:
    """Plain text with the links of the HTML beside it, which most readers see: only there can words mislead."""
    known = {link.target for link in html.links}
    links = (*html.links, *(link for link in plain.links if link.target not in known))
    twice = len(html.links) + len(plain.links) - len(links)
    seen = html.links_seen + plain.links_seen - twice
    return replace(plain, links=links[: budget.limits.links], links_seen=seen)


def _plain(raw: bytes, part: Part, budget: Budget) -> Text:
    limits = budget.limits
    source, left = _decoded(raw, part, limits.text_bytes)
    lines, cut = _lines(source, budget)
    targets = URL.findall(source) if "://" in source else []
    links = tuple(link("", target) for target in targets[: limits.links])
    return Text("plain", lines, links, len(targets), left + cut)


def _html(raw: bytes, part: Part, budget: Budget) -> Text:
    from mxtui.message import markup  # 4 MB of C that only the process which reads hostile mail has use for

    limits = budget.limits
    source, left = _decoded(raw, part, limits.html_bytes)
    rendered, links, links_seen = markup.render(source, budget)
    lines, cut = _lines(rendered, budget)
    return Text("html", lines, links, links_seen, left + cut)


def _noted(text: Text, budget: Budget) -> Text:
    if text.omitted:
        budget.note(f"text: … {amount(text.omitted)} more")
    if text.links_seen > len(text.links):
        budget.note(f"the first {len(text.links)} of {text.links_seen:,} links are listed")
    return text


def _decoded(raw: bytes, part: Part, limit: int) -> tuple[str, int]:
    """At most `limit` bytes of a part decoded to text, and about how many are left."""
    stored_end = min(part.end, part.start + limit * _STORED_PER_DECODED)
    data = transfer.decode(raw[part.start : stored_end], part.encoding)[:limit]
    whole = stored_end == part.end and len(data) < limit
    return charsets.decode(data, part.charset), 0 if whole else max(0, part.decoded_size - len(data))


def _lines(text: str, budget: Budget) -> tuple[tuple[str, ...], int]:
    """The first lines, fit to be shown, and how many bytes of UTF-8 the others take."""
    limits = budget.limits
    if not text.strip():
        return (), 0
    encoded = text.strip("\r\n").encode("utf-8", "replace")
    lines = _LINE_END.split(encoded[: limits.text_bytes].decode("utf-8", "ignore"), limits.text_lines)
    rest = lines.pop() if len(lines) > limits.text_lines else ""
    cut = max(0, len(encoded) - limits.text_bytes) + len(rest.encode())
    return tuple(defang(block("\n".join(lines))).split("\n")), cut
