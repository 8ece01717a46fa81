"""HTML mail as plain text: what a reader would see, and where its links really go. Nothing is fetched or run.

Parsed by lexbor, as a browser would: whoever wrote the mail meant it for one, and text that a parser of another mind
leaves out is where things are hidden. It is C on hostile input, and so runs only in the process that may die of it.
"""

import re
from itertools import islice

from selectolax.lexbor import LexborHTMLParser, LexborNode

from mxtui.message.limits import Budget
from mxtui.message.links import Link, link

_SPACE = re.compile(r"[ \t\r\n\f]+")
_TAG = re.compile(r"</?[a-zA-Z]")

# Their content is no text to a reader.
_UNSEEN = frozenset(("script", "style", "title", "iframe", "noframes", "noembed", "template", "xmp"))
_PARAGRAPH = frozenset(
    ("p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "table", "ul", "ol", "dl", "pre", "hr", "form")
)
_LINE = _PARAGRAPH | frozenset(
    ("div", "tr", "li", "dt", "dd", "section", "article", "header", "footer", "center", "address", "fieldset")
)
_TARGET = {"a": "href", "area": "href", "form": "action", "base": "href"}


def render(source: str, budget: Budget) -> tuple[str, tuple[Link, ...], int]:
    """Text of an HTML document of bounded length, its first links, and how many it has.

    A link's words are followed by its number in the list, `pay here [1]`. The text is hostile still.
    """
    limits = budget.limits
    over = next(islice(_TAG.finditer(source), limits.html_tags, None), None)
    if over is not None:
        source = source[: over.start()]
        budget.note(f"HTML: only the first {limits.html_tags:,} tags are read")
    page = _Page(limits.links)
    # Half a surrogate pair, which a charset can spell, is no UTF-8.
    root = LexborHTMLParser(source.encode("utf-8", "replace")).root
    if root is not None:
        _walk(root, page)
    return page.finished(), tuple(page.links), page.links_seen


def _walk(root: LexborNode, page: "_Page") -> None:
    """Every node from first to last, without recursion: they nest as deep as their writer likes."""
    node: LexborNode | None = root
    while node is not None:
        inside = None
        if node.is_text_node:
            page.text(node.text_content or "")
        elif node.is_element_node and node.tag not in _UNSEEN:
            page.start(node.tag or "", node)
            inside = node.child
            if inside is None:
                page.end(node.tag or "")
        while inside is None and node is not None and node.mem_id != root.mem_id:
            inside, node = node.next, node.parent
            if inside is None and node is not None:
                page.end(node.tag or "")
        node = inside


class _Page:
    """Text as it grows."""

    def __init__(self, most_links: int) -> None:
        self.links: list[Link] = []
        self.links_seen = 0
        self._most_links = most_links
        self._pieces: list[str] = []
        self._open: list[tuple[str, int]] = []
        self._preformatted = 0
        self._due = 0

    def text(self, text: str) -> None:
        if self._due and not text.isspace():
            self._pieces.append("\n" * self._due)
            self._due = 0
        self._pieces.append(text if self._preformatted else _SPACE.sub(" ", text))

    def start(self, name: str, node: LexborNode) -> None:
        self._break(name)
        if name == "br":
            self._due += 1
        attribute = _TARGET.get(name)
        target = (node.attributes.get(attribute) or "") if attribute is not None else ""
        if name == "a":
            self._open.append((target, len(self._pieces)))
        elif target:
            self._add(f"({name})", target)
        elif name == "li":
            self.text("- ")
        elif name in ("td", "th"):
            self._pieces.append(" ")
        elif name == "pre":
            self._preformatted += 1
        elif name == "img" and (words := node.attributes.get("alt")):
            self.text(f"[{words}]")

    def end(self, name: str) -> None:
        if name == "a" and self._open:
            target, start = self._open.pop()
            if target:
                self._add("".join(self._pieces[start:]), target)
                self._pieces.append(f" [{self.links_seen}]")
        elif name == "pre":
            self._preformatted -= 1
        self._break(name)

    def finished(self) -> str:
        """Lines without spare white space, at most one empty line in a row."""
        lines: list[str] = []
        for line in "".join(self._pieces).split("\n"):
            words = " ".join(line.split())
            if words or (lines and lines[-1]):
                lines.append(words)
        return "\n".join(lines).rstrip("\n")

    def _break(self, name: str) -> None:
        """Line ends that are due before the next words: those of blocks that begin or end together are the same."""
        if name in _LINE:
            self._due = max(self._due, 2 if name in _PARAGRAPH else 1)

    def _add(self, shown: str, target: str) -> None:
        self.links_seen += 1
        if len(self.links) < self._most_links:
            self.links.append(link(shown, target))
