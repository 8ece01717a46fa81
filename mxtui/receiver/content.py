"""A message's text as it comes in after DATA: where it ends, and what of it is stored.

**Only `<CRLF>.<CRLF>` ends a message** (RFC 5321 4.1.1.4). Bare CR and LF are treated as today's Postfix does by
default (`smtpd_forbid_bare_newline = normalize`, `cleanup_replace_stray_cr_lf = yes`): a bare LF ends a line like any
other but never the message, a bare CR becomes a space. So `<LF>.<CRLF>`, `<CRLF>.<LF>`, `<CR>.<CR>` and the other
sequences of SMTP smuggling (CVE-2023-51764 and its kin) are lines within one message, and none of them leaves here
bare. To refuse them (550 5.6.11) would lose mail that the primary takes.

Stored with LF ends, dots unstuffed from every line that begins with one (4.5.2).
"""

import hashlib
from collections.abc import Iterator
from typing import Literal

PIECE = 64 * 1024
"""Bytes that are put together before they are kept: a client that sends byte by byte costs no more memory."""

Fault = Literal["", "too big", "line too long", "no memory"]


class Content:
    """The text so far. `prefix` goes before it: our own Received field."""

    def __init__(self, prefix: bytes, *, size_limit: int, line_limit: int) -> None:
        self.fault: Fault = ""
        """Why nothing more is kept; the text is still read to its end."""
        self.size = len(prefix)
        """Bytes as stored."""
        self.received = 0
        """Bytes that came, kept or not."""
        self.normalised = False
        """There was a bare CR or LF."""
        self.rest = b""
        """What came after the end: the client's next commands."""
        self._prefix = len(prefix)
        self._size_limit = size_limit
        self._line_limit = line_limit
        self._octets = 0
        self._pieces: list[bytes] = []
        self._pending = bytearray(prefix)
        self._digest = hashlib.sha256(prefix)
        self._partial = bytearray()
        """A line whose end has not come yet."""
        self._after_crlf = True

    def feed(self, chunk: bytes) -> bool:
        """Take what came; True when the message ended in it."""
        self.received += len(chunk)
        if b"\n" not in chunk:
            self._extend_line(chunk)
            return False
        if self._partial:
            chunk = bytes(self._partial) + chunk
            self._partial = bytearray()
        if self._after_crlf and chunk.startswith(b".\r\n"):
            self.rest = chunk[3:]
            return True
        if (end := chunk.find(b"\r\n.\r\n")) >= 0:
            self._lines(chunk[: end + 2])
            self.rest = chunk[end + 5 :]
            return True
        cut = chunk.rfind(b"\n") + 1
        self._lines(chunk[:cut])
        self._after_crlf = chunk.endswith(b"\r\n", 0, cut)
        if cut < len(chunk):
            self._extend_line(chunk[cut:])
        return False

    def discard(self, why: Fault) -> None:
        """Keep nothing, from now on; the first reason stands."""
        self.fault = self.fault or why
        self._pieces.clear()
        self._pending = bytearray()

    def pieces(self) -> list[bytes]:
        """All of it, in order; to be called once, at the end."""
        if self._pending:
            self._pieces.append(bytes(self._pending))
            self._pending = bytearray()
        return self._pieces

    def whole(self) -> bytes:
        """All of it in one piece, for `pieces` too; while that is made it is in memory twice."""
        text = b"".join(self._stored())
        self._pieces, self._pending = [text], bytearray()
        return text

    @property
    def held(self) -> int:
        """Bytes of memory this takes."""
        return (0 if self.fault else self.size) + len(self._partial)

    @property
    def sha256(self) -> str:
        """Of the text as stored, prefix and all."""
        return self._digest.hexdigest()

    def head(self, limit: int) -> bytes:
        """The header of what came, at most `limit` bytes, with the line end of its last field."""
        parts = []
        missing = limit + self._prefix
        for piece in self._stored():
            parts.append(piece[:missing])
            missing -= len(piece)
            if missing <= 0 or b"\n\n" in piece:
                break
        text = b"".join(parts)[self._prefix :]
        if text.startswith(b"\n"):
            return b""
        end = text.find(b"\n\n")
        return text if end < 0 else text[: end + 1]

    def _stored(self) -> Iterator[bytes]:
        yield from self._pieces
        if self._pending:
            yield bytes(self._pending)

    def _extend_line(self, chunk: bytes) -> None:
        self._partial += chunk
        if len(self._partial) > self._line_limit:
            self.discard("line too long")
        if self.fault and len(self._partial) > len(b".\r"):
            # Not the end of data. Of the rest only a CR matters, which may be the first half of the line's end.
            del self._partial[:-1]
            self._after_crlf = False

    def _lines(self, lines: bytes) -> None:
        """Keep whole lines."""
        if len(lines) > self._line_limit and max(map(len, lines.split(b"\n"))) > self._line_limit:
            self.discard("line too long")
        if self.fault:
            return
        text = lines.replace(b"\r\n", b"\n")
        if b"\r" in text:
            text = text.replace(b"\r", b" ")
            self.normalised = True
        if text.startswith(b"."):
            text = text[1:]
        if b"\n." in text:
            text = text.replace(b"\n.", b"\n")
        ends = text.count(b"\n")
        if ends != lines.count(b"\r\n"):
            self.normalised = True
        self._octets += len(text) + ends
        if self._octets > self._size_limit:
            self.discard("too big")
            return
        self.size += len(text)
        self._digest.update(text)
        self._pending += text
        if len(self._pending) >= PIECE:
            self._pieces.append(bytes(self._pending))
            self._pending = bytearray()
