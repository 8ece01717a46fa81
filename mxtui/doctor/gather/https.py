"""One small file over HTTPS (RFC 9112): certificate checked, no redirect followed, bounded. Time is the caller's."""

import asyncio
import time
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

from mxtui.doctor.gather.means import Means
from mxtui.primary.words import GarbledError, UnresolvedError

HEADER_LIMIT: Final = 32 * 1024
LINE_LIMIT: Final = 8 * 1024


class Fetched(NamedTuple):
    """What came."""

    status: int
    body: bytes
    offset: float | None
    """Seconds that the server's clock is ahead of ours; None where it tells no time."""


async def fetch(host: str, path: str, means: Means, largest: int) -> Fetched:
    """GET. Raises UnresolvedError, OSError (of which a certificate that is not valid is one), EOFError, ValueError."""
    server = await means.lookup.host(host)
    problem: OSError = UnresolvedError(f"{host} has no address")
    for address in server.addresses:
        try:
            reader, writer = await asyncio.open_connection(
                address, means.https_port, ssl=means.context(), server_hostname=host, limit=LINE_LIMIT
            )
        except OSError as error:
            problem = error
            continue
        try:
            port = "" if means.https_port == 443 else f":{means.https_port}"
            writer.write(
                f"GET {path} HTTP/1.1\r\nHost: {host}{port}\r\nUser-Agent: mxtui\r\nConnection: close\r\n\r\n".encode()
            )
            await writer.drain()
            return await _answer(reader, largest)
        finally:
            writer.transport.abort()
    raise problem


async def _answer(reader: asyncio.StreamReader, largest: int) -> Fetched:
    status = (await reader.readline()).decode("latin-1").split(None, 2)
    if len(status) < 2 or not status[0].startswith("HTTP/1.") or not (len(status[1]) == 3 and status[1].isdecimal()):
        raise GarbledError("it does not speak HTTP")
    headers: dict[str, str] = {}
    size = 0
    while (line := await reader.readline()) not in (b"\r\n", b"\n", b""):
        size += len(line)
        if size > HEADER_LIMIT:
            raise GarbledError("its header has no end")
        name, _, value = line.decode("latin-1").partition(":")
        headers.setdefault(name.strip().lower(), value.strip())
    offset = _offset(headers.get("date", ""))
    if "chunked" in headers.get("transfer-encoding", "").lower():
        body = await _chunks(reader, largest)
    else:
        length = headers.get("content-length", "")
        wanted = int(length) if length.isdecimal() and len(length) < 10 else largest + 1
        body = await _some(reader, min(wanted, largest + 1))
    if len(body) > largest:
        raise GarbledError(f"a file of more than {largest} bytes")
    return Fetched(int(status[1]), body, offset)


async def _some(reader: asyncio.StreamReader, most: int) -> bytes:
    """So many bytes, or all there are."""
    body = b""
    while len(body) < most and (more := await reader.read(most - len(body))):
        body += more
    return body


async def _chunks(reader: asyncio.StreamReader, largest: int) -> bytes:
    body = b""
    while len(body) <= largest:
        size = int((await reader.readline()).split(b";")[0].strip()[:8] or b"x", 16)
        if not size:
            return body
        if size > largest:
            raise GarbledError(f"a file of more than {largest} bytes")
        body += await reader.readexactly(size)
        await reader.readline()
    return body


def _offset(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
