"""Colour roles: what the theme's colours mean here, worked out once per theme.

Widgets paint lines of their own (the Line API), so they need ready styles instead of CSS. On a terminal without true
colour, and under NO_COLOR, the sixteen colours of the terminal itself serve and shading takes over.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from rich.style import Style
from textual.color import Color

from mxtui.model.age import BUCKETS, bucket
from mxtui.tui.glyphs import ASCII, UNICODE, Glyphs

STRENGTHS = (0.28, 0.50, 0.75, 1.0)
"""Of a cell in the age map, from 1, 10, 100 and 1,000 recipients on."""

_PIVOT = 5.6
"""Where on the ramp of ten buckets the warning colour is reached: late in the one that ends at 320 minutes."""

_YOUNG = 4
"""Text of ages in the first four buckets, up to 40 minutes, stays label-coloured."""


@dataclass(frozen=True, slots=True)
class Look:
    """Ready styles, by role. Those of text set no background: the line brings it."""

    glyphs: Glyphs
    shaded: bool
    """Strength is told by `░▒▓█` rather than colour, and the cursor by reversing."""
    text: Style
    strong: Style
    label: Style
    faint: Style
    accent: Style
    key: Style
    danger: Style
    warning: Style
    ok: Style
    ground: Style
    """The background, with the colour of text."""
    bar: Style
    """Header, footer, filter bar."""
    cursor: Style
    marked: Style
    band: Style
    """Behind a grave verdict."""
    trough: Style
    """The empty part of a progress bar, as text."""
    badge_danger: Style
    badge_warning: Style
    past: Style
    """Bars of the last hour but the last."""
    mass: Style
    """A chart of what was delivered: so much of it in full strength would outshine what is wrong."""
    ramp: tuple[Style, ...]
    """Text by age bucket, young to old."""
    heat: tuple[tuple[Style, ...], ...]
    """Background by age bucket and strength."""
    input: Style
    selected: Style

    @property
    def ascii(self) -> bool:
        """For a terminal that knows no other characters."""
        return self.glyphs is ASCII

    def age(self, seconds: float) -> Style:
        """For a figure that tells an age."""
        position = bucket(seconds)
        return self.label if position < _YOUNG else self.ramp[position]

    def expiry(self, seconds: float) -> Style:
        """For a figure that tells what time is left until mail is given up."""
        return self.warning if seconds < 86_400 else self.label


def strength(recipients: int) -> int:
    """0 to 3, by powers of ten."""
    return min(3, len(str(recipients)) - 1)


def _luminance(colour: Color) -> float:
    """Relative luminance (WCAG 2.2)."""
    channels = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.normalized]
    return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]


def contrast_of(one: Color, other: Color) -> float:
    """Contrast ratio, 1 to 21 (WCAG 2.2)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def faded(colour: Color, ground: Color, contrast: float) -> Color:
    """The colour mixed with its ground until their contrast is just this."""
    low, high = 0.0, 1.0
    for _ in range(12):
        middle = (low + high) / 2
        if contrast_of(ground.blend(colour, middle), ground) < contrast:
            low = middle
        else:
            high = middle
    return ground.blend(colour, high)


@lru_cache(maxsize=8)
def _look(items: tuple[tuple[str, str], ...], dark: bool, native: bool, mono: bool, ascii_only: bool) -> Look:
    glyphs = ASCII if ascii_only else UNICODE
    return _shaded(glyphs, mono) if native or mono else _coloured(dict(items), dark, glyphs)


_ROLES = ("primary", "error", "warning", "success", "foreground", "background", "surface", "text-error", "text-warning")


def make_look(variables: Mapping[str, str], *, dark: bool, native: bool, mono: bool, ascii_only: bool) -> Look:
    """The look of a theme, from its CSS variables; `native` when it uses the terminal's own sixteen colours."""
    items = tuple((name, variables[name]) for name in _ROLES if name in variables)
    return _look(items, dark, native, mono, ascii_only)


def _coloured(variables: Mapping[str, str], dark: bool, glyphs: Glyphs) -> Look:
    colours = {name: Color.parse(value) for name, value in variables.items() if not value.startswith("auto")}
    ground, text, accent = colours["background"], colours["foreground"], colours["primary"]
    danger, warning, ok, surface = colours["error"], colours["warning"], colours["success"], colours["surface"]
    if not dark:
        # The light theme's warning on its ground has 2.4:1: text needs more.
        danger, warning, ok = (_readable(colour, ground) for colour in (danger, warning, ok))
    lifted = text.blend(Color(255, 255, 255) if dark else Color(0, 0, 0), 0.45 if dark else 0.35)
    ramp = _ramp(ground.blend(text, 0.55), warning, warning.blend(danger, 0.7))
    input_ = ground.blend(text, 0.18)

    def ink(colour: Color, *, bold: bool = False) -> Style:
        return Style(color=colour.rich_color, bold=bold or None)

    def on(background: Color, colour: Color = text, *, bold: bool = False) -> Style:
        return Style(color=colour.rich_color, bgcolor=background.rich_color, bold=bold or None)

    return Look(
        glyphs=glyphs,
        shaded=False,
        text=ink(text),
        strong=ink(lifted, bold=True),
        label=ink(faded(text, ground, 4.7)),
        faint=ink(faded(text, ground, 2.2)),
        accent=ink(accent),
        key=ink(accent, bold=True),
        danger=ink(danger, bold=True),
        warning=ink(warning, bold=True),
        ok=ink(ok),
        ground=on(ground),
        bar=on(surface),
        cursor=on(ground.blend(accent, 0.2)),
        marked=on(ground.blend(accent, 0.07)),
        band=on(ground.blend(danger, 0.2)),
        trough=ink(ground.blend(text, 0.12)),
        badge_danger=on(danger, ground, bold=True),
        badge_warning=on(warning, ground, bold=True),
        past=ink(ground.blend(text, 0.42)),
        mass=ink(ground.blend(ok, 0.5)),
        ramp=tuple(ink(colour, bold=position > 6) for position, colour in enumerate(ramp)),
        heat=tuple(tuple(on(ground.blend(colour, share), lifted) for share in STRENGTHS) for colour in ramp),
        input=on(input_),
        selected=on(accent, ground, bold=True),
    )


def _readable(colour: Color, ground: Color) -> Color:
    black = Color(0, 0, 0)
    for step in range(20):
        darker = colour.blend(black, step * 0.05)
        if contrast_of(darker, ground) >= 4.5:
            return darker
    return black


def _ramp(young: Color, warning: Color, old: Color) -> tuple[Color, ...]:
    return tuple(
        young.blend(warning, position / _PIVOT)
        if position < _PIVOT
        else warning.blend(old, (position - _PIVOT) / (BUCKETS - 1 - _PIVOT))
        for position in range(BUCKETS)
    )


def _shaded(glyphs: Glyphs, mono: bool) -> Look:
    def ink(colour: str, *, bold: bool = False, dim: bool = False, reverse: bool = False) -> Style:
        return Style(color=None if mono else colour, bold=bold or None, dim=dim or None, reverse=reverse or None)

    ground = Style(color="default", bgcolor="default")
    label, accent, warning = ink("default", dim=True), ink("cyan"), ink("yellow", bold=True)
    ages = [ink("default")] * 5 + [ink("yellow")] * 2 + [warning] + [ink("bright_yellow", bold=True)] * 2
    return Look(
        glyphs=glyphs,
        shaded=True,
        text=Style(),
        strong=Style(bold=True),
        label=label,
        faint=label,
        accent=accent,
        key=ink("cyan", bold=True),
        danger=ink("red", bold=True),
        warning=warning,
        ok=ink("green"),
        ground=ground,
        bar=ground,
        cursor=ground,
        marked=ground,
        band=ground,
        trough=label,
        badge_danger=Style(bold=True, reverse=True) if mono else Style(color="bright_white", bgcolor="red", bold=True),
        badge_warning=Style(bold=True, reverse=True) if mono else Style(color="black", bgcolor="yellow", bold=True),
        past=label,
        mass=ink("green"),
        ramp=tuple(ages),
        heat=tuple((style + Style(bold=False),) * 4 for style in ages),
        input=ground + Style(underline=True),
        selected=Style(reverse=True, bold=True),
    )
