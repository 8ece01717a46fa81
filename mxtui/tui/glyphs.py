"""The signs on the screens, and what stands for them on terminals that know ASCII only."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One set. A word always stands beside a sign, so no meaning hangs on it."""

    up: str = "●"
    down: str = "✗"
    warning: str = "▲"
    flapping: str = "≈"
    unknown: str = "?"
    held: str = "‖"
    running: str = "▸"
    passed: str = "✓"
    marked: str = "◆"
    differs: str = "≠"
    cursor: str = "▌"
    age_bar: str = "▎"
    stale: str = "◌"
    change: str = "Δ"
    minus: str = "−"
    ellipsis: str = "…"
    dash: str = "–"
    dot: str = "·"
    rule: str = "─"
    heavy_rule: str = "━"
    into: str = "›"
    arrow: str = "→"
    descending: str = "↓"
    ascending: str = "↑"
    branch: str = "├ "
    last_branch: str = "└ "
    trunk: str = "│ "
    bars: str = "▁▂▃▄▅▆▇"
    """From nothing to all; empty where there is no such thing."""
    blocks: str = " ▁▂▃▄▅▆▇█"
    """Eighths of a cell, for charts."""
    shades: str = "░▒▓█"
    """Four strengths."""


UNICODE = Glyphs()

ASCII = Glyphs(
    up="o",
    down="X",
    warning="!",
    flapping="~",
    held="=",
    running=">",
    passed="+",
    marked="*",
    differs="#",
    cursor=">",
    age_bar="|",
    stale="o",
    change="chg",
    minus="-",
    ellipsis="..",
    dash="-",
    dot=".",
    rule="-",
    heavy_rule="=",
    into=">",
    arrow="->",
    descending="v",
    ascending="^",
    branch="|-",
    last_branch="`-",
    trunk="| ",
    bars="",
    blocks="    =####",
    shades="1234",
)

_PLAIN = str.maketrans(
    {"…": "..", "−": "-", "–": "-", "—": "-", "·": ".", "→": "->", "≤": "<=", "›": ">", "“": '"', "”": '"'}
)


def to_ascii(text: str) -> str:
    """Text for a terminal that knows ASCII only; what has no likeness becomes `?`."""
    return text if text.isascii() else text.translate(_PLAIN).encode("ascii", "replace").decode("ascii")
