"""rspamd, over HTTP (rspamd's protocol: `/checkv2`, `/learnspam`, `/learnham`)."""

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import h11
import msgspec

from mxtui.message.sanitize import one_line
from mxtui.model.evidence import Evidence, Scan, Submitted
from mxtui.scanning.scanner import ANSWER, DETAIL, LARGEST, SYMBOLS, WORDS, NonsenseError, Scanner
from mxtui.scanning.where import CHUNK, Streams, TooLongError, Where, connected

HEADER: Final = 900
"""Bytes of an address as it is told: longer ones are nobody's (RFC 5321 4.5.3.1)."""

RECIPIENTS: Final = 1000

AGAIN: Final = (0.2, 1.0)
"""Seconds after which a message is taught again that met a fault of rspamd's: its Bayes in SQLite files is locked while
another of its processes writes. Taught twice it counts once."""


class _Symbol(msgspec.Struct):
    name: str = ""
    score: float = 0.0
    description: str = ""
    options: list[Any] = []


class _Answer(msgspec.Struct):
    """What of it is used."""

    score: float
    required_score: float
    action: str
    symbols: dict[str, _Symbol] = {}


_ANSWER = msgspec.json.Decoder(_Answer, strict=False)


class Rspamd(Scanner):
    """Its normal worker, proxy or controller; to learn takes the controller."""

    name = "rspamd"

    def __init__(
        self,
        where: Where,
        *,
        controller: Where | None = None,
        password: str = "",
        timeout: float = 10.0,
        largest: int = LARGEST,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(where, timeout=timeout, largest=largest, clock=clock)
        self._controller = controller or where
        self._password = password

    async def _scan(self, submitted: Submitted) -> Scan:
        status, body = await self._ask(self.where, "/checkv2", _about(submitted), submitted.raw)
        if status != 200:
            raise NonsenseError(f"it answers {status}: {_error(body)}")
        try:
            answer = _ANSWER.decode(body)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise NonsenseError(f"its answer is none of rspamd's ({error})") from None
        figures = [answer.score, answer.required_score, *(each.score for each in answer.symbols.values())]
        if not all(map(math.isfinite, figures)):
            raise NonsenseError("its answer is none of rspamd's (a score that is no number)")
        symbols = sorted(answer.symbols.items(), key=lambda item: (-abs(item[1].score), item[0]))
        return Scan(
            self.name,
            self._clock(),
            score=answer.score,
            required=answer.required_score,
            action=one_line(answer.action, WORDS),
            symbols=tuple(_evidence(name, each) for name, each in symbols[:SYMBOLS]),
        )

    async def _learn(self, submitted: Submitted, *, spam: bool) -> str:
        path = "/learnspam" if spam else "/learnham"
        for pause in (*AGAIN, None):
            status, body = await self._ask(self._controller, path, _about(submitted), submitted.raw)
            if status < 500 or pause is None:
                break
            await asyncio.sleep(pause)
        if status == 204:
            return "it learned nothing: too few words, or it is sure of it already"
        why = _error(body)
        # That it has learned a message before is 208, or with Bayes in SQLite files 404.
        return "" if status in (200, 208) or "already learned" in why else f"it answers {status}: {why}"

    async def _ask(self, where: Where, path: str, about: list[tuple[str, str]], body: bytes) -> tuple[int, bytes]:
        headers = [("Host", where.host or "localhost"), ("Connection", "close"), ("Content-Length", str(len(body)))]
        if self._password:
            headers.append(("Password", self._password))
        async with connected(where) as streams:
            connection = h11.Connection(h11.CLIENT)
            sent = [(name.encode(), value.encode()) for name, value in (*headers, *about)]
            try:
                return await _exchange(connection, streams, h11.Request(method="POST", target=path, headers=sent), body)
            except h11.ProtocolError as error:
                raise NonsenseError(f"it does not speak HTTP ({error})") from None


async def _exchange(
    connection: h11.Connection, streams: Streams, request: h11.Request, body: bytes
) -> tuple[int, bytes]:
    """Status and body. Raises h11.ProtocolError, TooLongError, EOFError, OSError."""
    reader, writer = streams
    for part in (request, h11.Data(data=body), h11.EndOfMessage()):
        writer.write(connection.send(part) or b"")
    await writer.drain()
    status, answer, read = 0, bytearray(), 0
    while True:
        event: Any = connection.next_event()
        if event is h11.NEED_DATA:
            chunk = await reader.read(CHUNK)
            if not (chunk or read):
                raise EOFError
            read += len(chunk)
            if read > 2 * ANSWER:
                raise TooLongError
            connection.receive_data(chunk)
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            answer += event.data
            if len(answer) > ANSWER:
                raise TooLongError
        elif isinstance(event, h11.EndOfMessage):
            return status, bytes(answer)
        elif isinstance(event, h11.ConnectionClosed):
            raise EOFError


def _about(submitted: Submitted) -> list[tuple[str, str]]:
    """The envelope, as rspamd takes it: everything of it is hostile, and no header may end early."""
    about = [("From", _value(f"<{submitted.sender}>"))]
    about += [("Rcpt", _value(f"<{each}>")) for each in submitted.recipients[:RECIPIENTS]]
    if submitted.queue_id:
        about.append(("Queue-Id", _value(submitted.queue_id)))
    client = submitted.client
    if client is not None:
        about.append(("IP", _value(client.address)))
        about += [("Helo", _value(client.helo))] if client.helo else []
        about += [("Hostname", _value(client.name))] if client.name else []
    return about


def _value(text: str) -> str:
    kept = "".join(character for character in text if character.isprintable() or character == " ").strip()
    return kept.encode()[:HEADER].decode(errors="ignore")


def _evidence(name: str, symbol: _Symbol) -> Evidence:
    said = [str(option) for option in symbol.options[:5] if isinstance(option, str | int | float)]
    detail = " ".join([symbol.description, *said])
    return Evidence(
        name=one_line(name, WORDS),
        title=one_line(name.replace("_", " ").capitalize(), WORDS),
        detail=one_line(detail, DETAIL),
        points=round(symbol.score, 2),
        source="rspamd",
    )


def _error(body: bytes) -> str:
    try:
        found: Mapping[str, Any] = msgspec.json.decode(body[:4096], type=dict[str, Any])
        return one_line(str(found.get("error", "")), WORDS * 2) or "no reason"
    except (msgspec.MsgspecError, RecursionError):
        return one_line(body[:200].decode(errors="replace"), WORDS * 2) or "no reason"
