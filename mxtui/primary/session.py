"""The little SMTP that a health check speaks (RFC 5321, RFC 3207). A server may be slow, hostile or no mail server."""

import asyncio
import contextlib
import ssl
from typing import NamedTuple

from mxtui.primary.words import LIMIT, GarbledError

LINE_LIMIT = 2048
"""Bytes; RFC 5321 4.5.3.1.5 allows 512."""

REPLY_LINES = 100
"""EHLO replies of real servers have up to 25."""

FAREWELL = 1.0
"""Seconds to wait for the answer to QUIT: politeness, not news."""


class Reply(NamedTuple):
    """What the server answered."""

    code: int
    lines: tuple[str, ...]
    """Text of each line, code and separator removed; hostile."""

    @property
    def text(self) -> str:
        """Code and text as one line, at most `LIMIT` characters."""
        return f"{self.code} {' '.join(self.lines)}"[:LIMIT].rstrip()


class Session:
    """One connection. Time is bounded by whoever calls, size by `LINE_LIMIT` and `REPLY_LINES`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._owes_quit = False

    @classmethod
    async def connect(cls, address: str, port: int) -> "Session":
        """Raises OSError."""
        return cls(*await asyncio.open_connection(address, port, limit=LINE_LIMIT))

    @property
    def local_address(self) -> str:
        """Ours, as the server sees it where nothing lies between."""
        name = self._writer.get_extra_info("sockname")
        return str(name[0]) if name else ""

    async def reply(self) -> Reply:
        """The next reply. Raises GarbledError, OSError, EOFError."""
        lines: list[str] = []
        while len(lines) < REPLY_LINES:
            code, more, text = _parse(await self._line())
            lines.append(text)
            if not more:
                self._owes_quit = True
                return Reply(code, tuple(lines))
        raise GarbledError(f"a reply of more than {REPLY_LINES} lines")

    async def _line(self) -> bytes:
        try:
            line = await self._reader.readline()
        except ValueError:
            raise GarbledError(f"a line of more than {LINE_LIMIT} bytes") from None
        if not line.endswith(b"\n"):
            raise EOFError
        return line

    async def command(self, line: str) -> Reply:
        """Send one line and take its reply. Raises as `reply`."""
        self._writer.write(line.encode("ascii", "replace") + b"\r\n")
        await self._writer.drain()
        return await self.reply()

    async def start_tls(self, context: ssl.SSLContext, host: str, timeout: float) -> ssl.SSLObject:
        """The handshake, after 220. Raises OSError, of which ssl.SSLError is one."""
        self._owes_quit = False  # after half a handshake nothing can be said any more
        await self._writer.start_tls(context, server_hostname=host, ssl_handshake_timeout=timeout)
        secured = self._writer.get_extra_info("ssl_object")
        assert isinstance(secured, ssl.SSLObject)
        self._owes_quit = True
        return secured

    async def leave(self) -> None:
        """QUIT where it is owed, then close; never raises, never takes more than `FAREWELL` seconds."""
        with contextlib.suppress(OSError, EOFError):
            if self._owes_quit and not self._writer.transport.is_closing():
                async with asyncio.timeout(FAREWELL):
                    await self.command("QUIT")
        self.abort()

    def abort(self) -> None:
        """Close without a word."""
        self._writer.transport.abort()


def _parse(line: bytes) -> tuple[int, bool, str]:
    code, separator = line[:3], line[3:4]
    if not (code.isdigit() and b"200" <= code <= b"559" and separator in (b" ", b"-", b"\r", b"\n")):
        shown = line[:40].decode("utf-8", "replace").strip()
        raise GarbledError(f"not an SMTP reply: {shown}")
    return int(code), separator == b"-", line[4:].decode("utf-8", "replace").strip()
