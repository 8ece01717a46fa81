"""Writes queue files and defer logs as Postfix does: for tests that read them back, and for synthetic queues."""

from collections.abc import Sequence
from dataclasses import dataclass


def record(kind: str, data: bytes | str = b"") -> bytes:
    """One record: type, length in groups of seven bits, data."""
    raw = data.encode() if isinstance(data, str) else data
    length = len(raw)
    groups = bytearray()
    while True:
        length, group = length >> 7, length & 0x7F
        groups.append(group | 0x80 if length else group)
        if not length:
            return kind.encode() + bytes(groups) + raw


def sizes(data: int, offset: int, recipients: int, flags: int = 0, content: int | None = None, utf8: int = 0) -> bytes:
    """The first record of a queue file."""
    content = data if content is None else content
    return record("C", f"{data:15d} {offset:15d} {recipients:15d} {flags:15d} {content:15d} {utf8:15d}")


def pointer(target: int = 0) -> bytes:
    """A jump; to 0 it is a place kept free for one."""
    return record("p", f"{target:15d}")


def lines(message: bytes, chunk: int = 2048) -> bytes:
    """A message (LF line ends) as content records, long lines in chunks as smtpd(8) makes them."""
    written = bytearray()
    for line in message.removesuffix(b"\n").split(b"\n"):
        rest = line
        while len(rest) > chunk:
            written += record("L", rest[:chunk])
            rest = rest[chunk:]
        written += record("N", rest)
    return bytes(written)


@dataclass
class QueueFile:
    """A message to be written as smtpd(8) and cleanup(8) write it."""

    sender: str = "sender@example.com"
    recipients: Sequence[str] = ("info@example.org",)
    message: bytes = b"Subject: a message\n\nbody\n"
    arrival: float = 1_795_355_934.25
    client_address: str = "198.51.100.7"
    done: Sequence[str] = ()
    extracted: Sequence[str] = ()
    """Recipients in the segment behind the content: always_bcc, and those of `sendmail -t`."""
    attributes: Sequence[tuple[str, str]] = ()
    extra: bytes = b""
    """Records that go before the recipients."""
    created: int | None = None
    """`create_time`; None where that is when it arrived."""

    def offsets(self) -> dict[str, int]:
        """Where each recipient's record begins."""
        raw = self.raw()
        return {
            address: raw.index(record(kind, address))
            for kind, addresses in (("R", [*self.recipients, *self.extracted]), ("D", self.done))
            for address in addresses
        }

    def raw(self) -> bytes:
        """The file's bytes."""
        seconds, fraction = divmod(self.arrival, 1)
        client = self.client_address
        envelope = b"".join(
            (
                record("T", f"{int(seconds)} {round(fraction * 1e6)}"),
                record("A", f"create_time={int(seconds) if self.created is None else self.created}"),
                record("A", "rewrite_context=remote"),
                record("S", self.sender),
                record("A", "log_client_name=unknown"),
                record("A", f"log_client_address={client}"),
                record("A", "log_client_port=59216"),
                record("A", f"log_message_origin=unknown[{client}]"),
                record("A", "log_helo_name=client.example.com"),
                record("A", "log_protocol_name=ESMTP"),
                record("A", "client_name=unknown"),
                record("A", "reverse_client_name=unknown"),
                record("A", f"client_address={client}"),
                record("A", "client_port=59216"),
                record("A", "server_address=192.0.2.1"),
                record("A", "server_port=25"),
                record("A", "helo_name=client.example.com"),
                record("A", "protocol_name=ESMTP"),
                record("A", "client_address_type=2"),
                *(record("A", f"{name}={value}") for name, value in self.attributes),
                self.extra,
                *(_recipient("D", address) for address in self.done),
                *(_recipient("R", address) for address in self.recipients),
                record("M"),
            )
        )
        content = lines(self.message)
        offset = 97 + len(envelope)
        count = len(self.recipients) + len(self.done) + len(self.extracted)
        return b"".join(
            (
                sizes(len(content), offset, count),
                envelope,
                content,
                record("X"),
                *(_recipient("R", address) for address in self.extracted),
                record("E"),
            )
        )


def _recipient(kind: str, address: str) -> bytes:
    return record("A", f"dsn_orig_rcpt=rfc822;{address}") + record("O", address) + record(kind, address)


def defer_log(entries: Sequence[tuple[str, int, str, str]]) -> bytes:
    """A defer log from (recipient, offset of its record, status, reason)."""
    return "".join(
        f"\n<{address}>: {reason}\nrecipient={address}\noffset={offset}\ndsn_orig_rcpt=rfc822;{address}\n"
        f"status={status}\naction=delayed\nreason={reason}\n\n"
        for address, offset, status, reason in entries
    ).encode()
