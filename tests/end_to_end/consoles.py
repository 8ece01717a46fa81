"""The console at a terminal, on a real Postfix."""

import sys
from collections.abc import Mapping

from tests.cli.running import Mxtui
from tests.end_to_end.terminal import Screen, Terminal

PROBES = '[probe]\ninterval = "1s"\ntransition = "1s"\nfall = 2\nrise = 2\n'
"""Settings under which a primary is judged in seconds."""


def console(
    mxtui: Mxtui,
    *,
    columns: int = 80,
    lines: int = 24,
    env: Mapping[str, str] | None = None,
    controlling: bool = True,
) -> Terminal:
    """`mxtui` on that Postfix, with nobody's own settings."""
    argv = [sys.executable, "-m", "mxtui"]
    argv += ["-q", str(mxtui.instance.config_directory), "--config", str(mxtui.config)]
    env = {"XDG_CONFIG_HOME": str(mxtui.folder), **(env or {})}
    return Terminal(argv, columns=columns, lines=lines, env=env, controlling=controlling)


def row(screen: Screen, text: str) -> str:
    """The first line of a table that names something: not of the verdict above, nor of the pane below."""
    below = next((number for number, line in enumerate(screen) if "━" in line), len(screen))
    return next((line for line in screen[below + 1 :] if text in line), "")
