"""HTML mail as plain text: what a reader would see, and where its links really go.

Not the standard library's `html.parser`: 64 KiB of `<a ` keep it busy for 41 s (CVE-2025-6069 and its kin). This one
reads every character once, since whatever is not closed ends the document, as it does in a browser. Nothing is fetched
or run.
"""

import html
import re

from mxtui.message.links import Link, link

_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]*+)", re.ASCII)
_ATTRIBUTE = re.compile(
    r"""[\s/]*+([^\s/>][^\s/>=]*+)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>"'][^\s>]*+)|(?=>))|(?!\s*+=))""",
    re.ASCII,
)
_TAG_END = re.compile(r"[\s/]*+>", re.ASCII)
_COMMENT_END = re.compile(r"--!?>")
# Longer references are no names, and `int` refuses digits without end; `html.unescape` alone raises ValueError.
_REFERENCE = re.compile(r"&(?:#[0-9]{1,7}+|#[xX][0-9a-fA-F]{1,6}+|[A-Za-z][A-Za-z0-9]{1,31}+);?")
_SPACE = re.compile(r"[ \t\r\n\f]+")

# Their content is no text; up to the end tag nothing in them is markup either.
_UNSEEN = {
    name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE)
    for name in ("script", "style", "title", "iframe", "noframes", "noembed", "xmp")
}
_PARAGRAPH = frozenset(
    ("p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "table", "ul", "ol", "dl", "pre", "hr", "form")
)
_LINE = _PARAGRAPH | frozenset(
    ("br", "div", "tr", "li", "dt", "dd", "section", "article", "header", "footer", "center", "address", "fieldset")
)
_LINK_ATTRIBUTE = {"a": "href", "area": "href", "form": "action", "base": "href"}


def render(source: str, *, links: int) -> tuple[str, tuple[Link, ...], int]:
    """Text of an HTML document of bounded length, its first links, and how many it has.

    A link's words are followed by its number in the list, `pay here [1]`. The text is hostile still.
    """
    page = _Page(links)
    position, end = 0, len(source)
    while position < end:
        opening = source.find("<", position)
        if opening < 0:
            opening = end
        if opening > position:
            page.text(_references(source[position:opening]))
        if opening == end:
            break
        following = _markup(source, opening, page)
        if following is None:
            break
        position = following
    page.close_link()
    return page.finished(), tuple(page.links), page.links_seen


def _markup(source: str, opening: int, page: "_Page") -> int | None:
    """Act on the `<` at `opening`; where to go on, or None where the rest of the document is swallowed."""
    if source.startswith("<!--", opening):
        # From the second character on: `<!-->` is a whole comment to a browser, and hides nothing.
        comment = _COMMENT_END.search(source, opening + 2)
        return None if comment is None else comment.end()
    tag = _TAG.match(source, opening)
    if tag is None:
        if source.startswith(("<!", "<?", "</"), opening):
            bogus = source.find(">", opening)
            return None if bogus < 0 else bogus + 1
        page.text("<")
        return opening + 1
    name = tag[2].lower()
    wanted = "alt" if name == "img" else _LINK_ATTRIBUTE.get(name)
    value = ""
    after = tag.end()
    while not (closing := _TAG_END.match(source, after)):
        attribute = _ATTRIBUTE.match(source, after)
        if attribute is None:
            return None
        if wanted is not None and not value and attribute[1].lower() == wanted:
            value = _references(attribute[2] or attribute[3] or attribute[4] or "")
        after = attribute.end()
    if tag[1]:
        page.end(name)
        return closing.end()
    page.start(name, value)
    if name in _UNSEEN:
        last = _UNSEEN[name].search(source, closing.end())
        return None if last is None else last.start()
    return closing.end()


def _references(text: str) -> str:
    return _REFERENCE.sub(lambda match: html.unescape(match[0]), text) if "&" in text else text


class _Page:
    """Text as it grows."""

    def __init__(self, most_links: int) -> None:
        self.links: list[Link] = []
        self.links_seen = 0
        self._most_links = most_links
        self._pieces: list[str] = []
        self._target: str | None = None
        self._target_from = 0
        self._preformatted = 0

    def text(self, text: str) -> None:
        self._pieces.append(text if self._preformatted else _SPACE.sub(" ", text))

    def start(self, name: str, value: str) -> None:
        self._break(name)
        if name == "li":
            self._pieces.append("- ")
        elif name in ("td", "th"):
            self._pieces.append(" ")
        elif name == "pre":
            self._preformatted += 1
        elif name == "img" and value:
            self._pieces.append(f"[{value}]")
        elif name in ("form", "base", "area") and value:
            self._add(f"({name})", value)
        elif name == "a":
            self.close_link()
            if value:
                self._target, self._target_from = value, len(self._pieces)

    def end(self, name: str) -> None:
        if name == "a":
            self.close_link()
        elif name == "pre":
            self._preformatted = max(0, self._preformatted - 1)
        self._break(name)

    def close_link(self) -> None:
        """End the link that is open, if one is; a new one ends it too."""
        if self._target is None:
            return
        self._add("".join(self._pieces[self._target_from :]), self._target)
        self._pieces.append(f" [{self.links_seen}]")
        self._target = None

    def finished(self) -> str:
        """Lines without spare white space, at most one empty line in a row."""
        lines: list[str] = []
        for line in "".join(self._pieces).split("\n"):
            words = " ".join(line.split())
            if words or (lines and lines[-1]):
                lines.append(words)
        return "\n".join(lines).rstrip("\n")

    def _break(self, name: str) -> None:
        if name in _LINE:
            self._pieces.append("\n\n" if name in _PARAGRAPH else "\n")

    def _add(self, shown: str, target: str) -> None:
        self.links_seen += 1
        if len(self.links) < self._most_links:
            self.links.append(link(shown, target))
