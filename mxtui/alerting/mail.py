"""Mail about alerts, handed to a relay: TLS where it offers it, and a bounded time for all of it."""

import asyncio
from email.message import EmailMessage
from typing import TYPE_CHECKING

from mxtui.errors import Unreachable
from mxtui.model.next_hop import NextHop

if TYPE_CHECKING:
    from collections.abc import Collection


def send(mail: EmailMessage, relay: NextHop, timeout: float, primaries: "Collection[tuple[str, int]]") -> None:
    """Hand it over. Raises Unreachable: the relay did not take it, or is one of the primaries (host, port)."""
    if (relay.host.lower(), relay.port) in {(host.lower(), port) for host, port in primaries}:
        raise Unreachable(
            f"the relay for alerts, {relay.host}:{relay.port}, is a primary",
            "It is down when there is something to tell. Name another one: relay in [notify].",
        )
    try:
        asyncio.run(_send(mail, relay, timeout))
    except TimeoutError:
        raise Unreachable(f"the relay for alerts did not take the mail within {timeout:g} s") from None


async def _send(mail: EmailMessage, relay: NextHop, timeout: float) -> None:
    import aiosmtplib  # 0.1 s, and seldom is there something to tell

    try:
        async with asyncio.timeout(timeout):
            await aiosmtplib.send(
                mail,
                hostname=relay.host,
                port=relay.port,
                # Its own default asks the name server who we are, without an end and with the event loop.
                local_hostname=mail["From"].rpartition("@")[2] or "localhost",
                timeout=timeout,
                validate_certs=False,
                start_tls=None,
            )
    except (aiosmtplib.SMTPException, OSError) as error:
        if isinstance(error, TimeoutError) and not isinstance(error, aiosmtplib.SMTPException):
            raise
        raise Unreachable(f"the relay for alerts, {relay.host}:{relay.port}, did not take the mail: {error}") from None
