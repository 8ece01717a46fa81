"""The MIME tree, with what is inside archives, and what may harm whoever opens it."""

from collections.abc import Sequence
from typing import NamedTuple

from mxtui.message.parts import Part
from mxtui.tui import format as fmt
from mxtui.tui.draw.inspector.opened import spotted, title
from mxtui.tui.draw.scene import Scene
from mxtui.tui.line import Line

FILES = 20
"""Of one archive."""

SHOWN = 100
"""Lines of the tree; `mxtui show` lists all."""


class _Node(NamedTuple):
    depth: int
    kind: str
    size: int | None
    name: str
    words: str
    grave: bool
    marks: str
    digest: str = ""


def parts(scene: Scene, listed: Sequence[Part], links: int, room: int) -> list[Line]:
    """The pane. `links` are those of the text that is shown."""
    look, root = scene.look, listed[0]
    lines = [title(scene, "Parts", f"{root.media_type}, {fmt.size(root.decoded_size)}")]
    nodes = [node for part in (listed[1:] or listed) for node in _nodes(part, links)]
    left = len(nodes) - SHOWN
    nodes = nodes[:SHOWN]
    for node, (trunk, branch) in zip(nodes, _branches(scene, nodes), strict=True):
        line = Line((trunk + branch, look.faint))
        line.add(scene.fit(node.kind, 30), look.warning if node.grave else look.text)
        if node.size is not None:
            line.to(max(26, line.width + 1)).add(fmt.size(node.size).rjust(7), look.text)
        marks = f"  {node.marks}" if node.marks else ""
        if node.name:
            line.add("  ", look.text)
            line.extend(spotted(scene, scene.fit(node.name, max(12, room - line.width - len(marks))), look.text))
        elif node.words:
            line.add("  " + node.words, look.label)
        lines.append(line.add(marks, look.warning))
        if node.digest:
            below = "  " if branch in ("", scene.glyphs.last_branch) else scene.glyphs.trunk
            digest = f"sha256 {node.digest}"
            if line.width and len(digest) > room - len(trunk) - 2:
                digest = f"sha256 {node.digest[:20]}{scene.glyphs.ellipsis}{node.digest[-8:]}"
            lines.append(Line((trunk + below, look.faint), (digest, look.label)))
    if left > 0:
        lines.append(Line((f"  and {left:,} more", look.label)))
    return lines


def _nodes(part: Part, links: int) -> list[_Node]:
    """The part, and what its archive lists."""
    is_text = part.media_type.startswith("text/") and not part.filename
    words = part.charset
    if part.media_type == "text/html" and links:
        words = f"{words}, {links} link{'s' if links != 1 else ''}".removeprefix(", ")
    marks = [part.sniffed or "" if part.differs and not part.executable else ""]
    marks += [
        f"runs ({part.executable})" if part.executable else "",
        f"encrypted ({part.encrypted})" * bool(part.encrypted),
    ]
    found = [
        _Node(
            part.depth, part.media_type, None if part.is_multipart else part.decoded_size, part.filename, words,
            bool(part.executable or part.encrypted), ", ".join(filter(None, marks)),
            "" if is_text else part.sha256,
        )
    ]  # fmt: skip
    entries = part.archive.entries
    for entry in entries[:FILES]:
        marks = [
            f"runs ({entry.executable})" if entry.executable.startswith(".") else "",
            "encrypted" * entry.encrypted,
        ]
        kind = entry.executable if not entry.executable.startswith(".") else ""
        found.append(
            _Node(
                part.depth + 1 + entry.depth, kind or entry.sniffed or "file", entry.size, entry.name, "",
                bool(entry.executable), ", ".join(filter(None, marks)),
            )
        )  # fmt: skip
    if part.archive.seen > len(entries[:FILES]):
        left = max(part.archive.seen, len(entries)) - FILES
        found.append(_Node(part.depth + 1, f"{left:,} more files", None, "", "", False, ""))
    return found


def _branches(scene: Scene, nodes: Sequence[_Node]) -> list[tuple[str, str]]:
    """What stands before each node: the trunks of those above it that go on, and its own branch."""
    glyphs = scene.glyphs
    found: list[tuple[str, str]] = []
    following: set[int] = set()
    for node in reversed(nodes):
        depth = node.depth
        trunk = "  " + "".join(glyphs.trunk if level in following else "  " for level in range(1, depth))
        branch = glyphs.branch if depth in following else glyphs.last_branch
        found.append((trunk, branch if depth else ""))
        following = {level for level in following if level < depth} | {depth}
    return found[::-1]
