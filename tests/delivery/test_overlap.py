"""The next transaction begins together with the end of the last (RFC 2920 3.1), and what becomes of it when that, or
anything else, goes wrong in between.
"""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from mxtui.demo.primary import FakePrimary
from mxtui.queues.spool.store import Spool
from tests.delivery.spooling import at_work, commit, make_spool, until


@dataclass
class Strict:
    """An SMTP server that looks at what comes with the end of a message, and may not like it."""

    dislikes: Literal["", "says so", "hangs up"]
    accepted: list[str] = field(default_factory=list)
    overlapped: int = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 strict.example.org\r\n")
        recipient = ""
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                writer.write(b"250-strict.example.org\r\n250 PIPELINING\r\n")
            elif verb == b"RCPT":
                recipient = re.findall(r"<(.*)>", line.decode())[0]
                writer.write(b"250 fine\r\n")
            elif verb == b"DATA":
                writer.write(b"354 go on\r\n")
                received = b""
                while b"\r\n.\r\n" not in received:
                    received += await reader.read(65536)
                early = received.partition(b"\r\n.\r\n")[2]
                self.overlapped += bool(early)
                self.accepted.append(recipient)
                if early and self.dislikes == "hangs up":
                    return
                writer.write(b"250 taken\r\n")
                if early and self.dislikes == "says so":
                    writer.write(b"554 5.5.0 Error: SMTP protocol synchronization\r\n")
                    return
                if early:
                    recipient = re.findall(rb"RCPT TO:<(.*)>", early)[0].decode()
                    await self.answer(reader, writer, early, recipient)
                    return
            else:
                writer.write(b"250 fine\r\n")

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, early: bytes, to: str) -> None:
        """Take the whole of a second message, then close."""
        assert early.endswith(b"DATA\r\n")
        writer.write(b"250 fine\r\n250 fine\r\n354 go on\r\n")
        await reader.readuntil(b"\r\n.\r\n")
        self.accepted.append(to)
        writer.write(b"250 taken\r\n")


@asynccontextmanager
async def serving(server: Strict) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await server(reader, writer)
            await writer.drain()
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return make_spool(tmp_path)


def fill(spool: Spool, count: int) -> list[str]:
    return [commit(spool, f"user{number}@example.org").recipients[0].address for number in range(count)]


async def test_the_next_transaction_begins_with_the_end_of_the_last(spool: Spool) -> None:
    names = fill(spool, 20)
    server = Strict("")
    async with serving(server) as port, at_work(spool, {"example.org": port}, connections=1) as work:
        await until(lambda: not work.left())
    assert server.accepted == names
    assert server.overlapped
    assert work.events.of("deferred") == []


async def test_a_server_that_refuses_it_refuses_no_message(spool: Spool) -> None:
    names = fill(spool, 20)
    server = Strict("says so")
    async with serving(server) as port, at_work(spool, {"example.org": port}, connections=1) as work:
        await until(lambda: not work.left())
        assert not list(spool.ids("failed"))
    assert Counter(server.accepted) == Counter(names), "each once"
    assert server.overlapped == 1, "and it is not tried again"


async def test_a_server_that_hangs_up_on_it_doubles_one_message_a_connection_at_most(spool: Spool) -> None:
    names = fill(spool, 20)
    server = Strict("hangs up")
    async with serving(server) as port, at_work(spool, {"example.org": port}, connections=1) as work:
        await until(lambda: not work.left())
        (doubtful,) = work.events.of("deferred")
    assert set(server.accepted) == set(names)
    assert [name for name, times in Counter(server.accepted).items() if times > 1] == [doubtful["to"]]
    assert doubtful["possible_duplicate"]
    assert server.overlapped == 1


@pytest.mark.parametrize("reply", ["451 4.3.0 not now", "552 5.3.4 too big", "421 4.3.2 closing"])
async def test_what_is_said_to_the_end_of_one_message_is_not_about_the_next(
    spool: Spool, primary: FakePrimary, reply: str
) -> None:
    names = fill(spool, 6)
    primary.behave(replies={"dot": reply})
    async with at_work(spool, {"example.org": primary.port}, connections=1) as work:
        await until(lambda: work.events.of("deferred") or work.events.of("refused"))
        primary.behave(replies={})
        await until(lambda: not work.left())
        refused = [work.stored(each).recipients[0].address for each in spool.ids("failed")]
    assert sorted([*refused, *(message.recipients[0] for message in primary.accepted)]) == sorted(names)


async def test_refused_recipients_between_others_put_nothing_out_of_step(spool: Spool, primary: FakePrimary) -> None:
    names = fill(spool, 30)
    primary.behave(permanent="^user[0-9]*[37]@", temporary="^user[0-9]*5@")
    async with at_work(spool, {"example.org": primary.port}, connections=2) as work:
        await until(lambda: len(list(spool.ids("failed"))) == 6 and work.left() == 3)
        primary.behave(temporary="(?!)")
        await until(lambda: not work.left())
    assert sorted(message.recipients[0] for message in primary.accepted) == sorted(
        name for name in names if not re.search("[37]@", name)
    )
