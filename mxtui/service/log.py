"""Log lines for machines and people: logfmt, one event a line, on stderr; systemd's journal adds time and unit.

    level=info event=delivered id=6a1b… to=anna@example.org host=mx1.example.org[192.0.2.1]:25 reply="250 2.0.0 Ok"

Senders, recipients and replies are a stranger's text: every value passes the sanitizer and is bounded, so no line can
be forged and no terminal commanded.
"""

import re
import sys
import threading
from typing import Final, Protocol, TextIO

from mxtui.message.sanitize import one_line

LONGEST = 500
"""Characters of one value."""

_PRIORITY: Final = {"debug": 7, "info": 6, "warning": 4, "error": 3}
_BARE = re.compile(r"""[^\s"=\\]+""")

Value = str | int | float | bool | None


class Log(Protocol):
    """Takes events; what does not matter to the reader is left out by giving None."""

    def __call__(self, event: str, level: str = "info", **fields: Value) -> None:
        """One event; `level` is debug, info, warning or error."""
        ...


class Logfmt:
    """Writes events to a stream. Safe to use from threads.

    Under systemd (`journal`) each line begins with its priority as sd-daemon(3) reads it.
    """

    def __init__(self, stream: TextIO | None = None, *, journal: bool = False) -> None:
        self._stream = stream or sys.stderr
        self._journal = journal
        self._lock = threading.Lock()

    def __call__(self, event: str, level: str = "info", **fields: Value) -> None:
        """One line. A stderr that is gone does not end the service: mail matters more than its log."""
        prefix = f"<{_PRIORITY.get(level, 6)}>" if self._journal else ""
        text = f"{prefix}{line(event, level, **fields)}\n"
        with self._lock:
            try:
                self._stream.write(text)
                self._stream.flush()
            except (OSError, ValueError):
                return


def line(event: str, level: str, **fields: Value) -> str:
    """The line without its end.

    >>> line("refused", "info", to="a@example.org", reply="550 5.1.1 no\\n<6>forged=1", code=550, why=None)
    'level=info event=refused to=a@example.org reply="550 5.1.1 no␊<6>forged=1" code=550'
    """
    shown = {"level": level, "event": event, **fields}
    return " ".join(f"{name}={_value(value)}" for name, value in shown.items() if value is not None)


def _value(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    text = one_line(str(value), LONGEST)
    if _BARE.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
