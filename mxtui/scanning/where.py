"""Where a scanner listens, and conversations with it that end: so long, and no more bytes than so many."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final, NamedTuple

CHUNK: Final = 1 << 16


class Where(NamedTuple):
    """A TCP port, or a socket of this host."""

    host: str = ""
    port: int = 0
    path: str = ""
    """Of a UNIX socket; then there is no host."""

    def __str__(self) -> str:
        if self.path:
            return self.path
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class TooLongError(Exception):
    """The answer is longer than any that is meant."""


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connected(where: Where) -> AsyncIterator[Streams]:
    """A connection, closed at the end whatever happens. Raises OSError."""
    if where.path:
        reader, writer = await asyncio.open_unix_connection(where.path)
    else:
        try:
            reader, writer = await asyncio.open_connection(where.host, where.port)
        except UnicodeError:  # a label of more than 63 letters
            raise OSError(f"{where.host} is no host's name") from None
    try:
        yield reader, writer
    finally:
        writer.transport.abort()  # nothing is said on it any more, and nothing waited for
        with suppress(OSError):
            await writer.wait_closed()


async def read_all(reader: asyncio.StreamReader, limit: int) -> bytes:
    """What comes until the other side ends. Raises TooLongError, OSError."""
    read = bytearray()
    while chunk := await reader.read(CHUNK):
        read += chunk
        if len(read) > limit:
            raise TooLongError
    return bytes(read)
