"""What a server says, taken apart as it arrives (RFC 5321 4.2, RFC 2034). All of it is hostile, and bounded here."""

import re
from collections import deque
from typing import Final, NamedTuple

from mxtui.message.sanitize import one_line
from mxtui.primary.words import GarbledError

LINE_LIMIT: Final = 2048
"""Bytes; RFC 5321 4.5.3.1.5 allows 512."""

REPLY_LIMIT: Final = 32 * 1024
"""Bytes of all lines of one reply."""

UNREAD_LIMIT: Final = 4096
"""Replies that wait to be read: more than commands are ever pipelined."""

TEXT_LIMIT: Final = 500
"""Characters of a reply that are kept."""

_LINE = re.compile(rb"([2-5][0-5][0-9])(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(r"([245])\.\d{1,3}\.\d{1,3}(?= |$)")


class Reply(NamedTuple):
    """One whole reply."""

    code: int
    lines: tuple[str, ...]
    """Without code and separator; hostile."""

    @property
    def text(self) -> str:
        """Code and text as one line, fit for screens, logs and files."""
        return one_line(f"{self.code} {' '.join(self.lines)}".rstrip(), TEXT_LIMIT)

    @property
    def enhanced(self) -> str:
        """The enhanced status code; where it is missing, or of another class than the code, `5.0.0` and the like."""
        found = _ENHANCED.match(self.lines[0])
        leading = str(self.code)[0]
        return found[0] if found and found[1] == leading else f"{leading}.0.0"


class Replies:
    """Bytes in, replies out."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._lines: list[str] = []
        self._size = 0
        self._code = 0
        self.whole: deque[Reply] = deque()
        """Those that were not taken yet, the oldest first; whoever takes one removes it."""

    def __len__(self) -> int:
        return len(self.whole)

    def pop(self) -> Reply:
        """The oldest reply that was not taken yet."""
        return self.whole.popleft()

    def feed(self, data: bytes | memoryview) -> None:
        """Take what arrived. Raises GarbledError: this is no SMTP, or more than a reply may hold."""
        self._buffer += data
        start = 0
        while (end := self._buffer.find(b"\n", start)) >= 0:
            self._line(bytes(self._buffer[start:end]).removesuffix(b"\r"))
            start = end + 1
        del self._buffer[:start]
        if len(self._buffer) > LINE_LIMIT:
            raise GarbledError(f"a line of more than {LINE_LIMIT} bytes")

    def _line(self, line: bytes) -> None:
        if len(line) > LINE_LIMIT:
            raise GarbledError(f"a line of more than {LINE_LIMIT} bytes")
        found = _LINE.fullmatch(line)
        if found is None or (self._lines and int(found[1]) != self._code):
            raise GarbledError(f"not an SMTP reply: {one_line(line[:40].decode('utf-8', 'replace'))}")
        self._code = int(found[1])
        self._size += len(line)
        if self._size > REPLY_LIMIT:
            raise GarbledError(f"a reply of more than {REPLY_LIMIT} bytes")
        self._lines.append((found[3] or b"").decode("utf-8", "replace").strip())
        if found[2] != b"-":
            if len(self.whole) >= UNREAD_LIMIT:
                raise GarbledError("replies to nothing")
            self.whole.append(Reply(self._code, tuple(self._lines)))
            self._lines, self._size = [], 0
