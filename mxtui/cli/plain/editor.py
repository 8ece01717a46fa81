"""What is typed, until it is a line. Pure: bytes in, an echo and lines out.

The kernel's own line editing would do, but for one thing: nobody can ask it whether a line has been begun, and news
must not be said in the midst of one.
"""

import codecs
import unicodedata
from typing import Final

LONGEST: Final = 4_000
"""Characters of a line; more are not taken."""

_ERASE = "\b \b"
_ESCAPE = "\x1b"


class Editor:
    """One line after another, as typed. Backspace takes a character back, Ctrl-U all of them, Ctrl-D on an empty line
    is the end. Keys that send escape sequences do nothing.
    """

    def __init__(self, *, echo: bool) -> None:
        """`echo`: nobody else shows what is typed."""
        self._echo = echo
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._coming = ""
        """Not looked at yet."""
        self._line: list[str] = []
        self._escape = ""
        self._returned = False
        """The last character was a carriage return, and a line feed after it belongs to it."""
        self._closed = False
        self.ended = False
        """Nothing more is taken until somebody goes on."""

    @property
    def begun(self) -> bool:
        """Whether something was typed of the next line."""
        return bool(self._line or self._coming)

    def feed(self, data: bytes) -> None:
        """What came; nothing is the end."""
        self._coming += self._decode(data, final=not data)
        self._closed = not data

    def go_on(self) -> None:
        """Ctrl-D was an answer to one question; a pipe that was closed stays so."""
        self.ended = self._closed and not self._coming

    def clear(self) -> None:
        """Forget what was typed of this line."""
        self._line.clear()
        self._escape = ""

    def take(self) -> tuple[str, str | None]:
        """What to echo, and the line if it is whole. What comes after it waits for the next time."""
        said: list[str] = []
        while self._coming and not self.ended:
            character, self._coming = self._coming[0], self._coming[1:]
            returned, self._returned = self._returned, character == "\r"
            if returned and character == "\n":
                continue
            if self._escape or character == _ESCAPE:
                self._swallow(character)
            elif character in "\r\n":
                return self._said([*said, "\n"]), self._taken()
            elif character == "\x04" and not self._line:
                self.ended = True
            else:
                said.append(self._typed(character))
        if self._closed and not self._coming:
            self.ended = True
            if self._line:  # the last line of a file may have no end
                return self._said([*said, "\n"]), self._taken()
        return self._said(said), None

    def _taken(self) -> str:
        line = "".join(self._line)
        self._line.clear()
        return line

    def _said(self, said: list[str]) -> str:
        return "".join(said) if self._echo else ""

    def _typed(self, character: str) -> str:
        if character in "\x7f\b":
            return _ERASE * _width(self._line.pop()) if self._line else ""
        if character == "\x15":
            said = _ERASE * sum(map(_width, self._line))
            self._line.clear()
            return said
        character = " " if character == "\t" else character
        if not character.isprintable() or len(self._line) >= LONGEST:
            return ""
        self._line.append(character)
        return character

    def _swallow(self, character: str) -> None:
        """A sequence ends with its first letter or tilde; `ESC [` and `ESC O` only begin it (ECMA-48, 5.4)."""
        self._escape += character
        if (len(self._escape) == 2 and character not in "[O") or (len(self._escape) > 2 and "@" <= character <= "~"):
            self._escape = ""


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
