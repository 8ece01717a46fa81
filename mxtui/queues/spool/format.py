"""An envelope as it is on disk: one line of JSON (SPOOL.md), strict in what is read, bounded in what is written.

Addresses and ESMTP parameters are kept byte for byte. They are text with `surrogateescape`, which JSON cannot carry
where a byte was not UTF-8; such a value is written as `{"base64": "…"}` of its bytes. What others said to us (replies,
names, a subject) is only for people: cut to its length, its undecodable bytes replaced, so that the result of a
delivery can always be recorded.
"""

from binascii import a2b_base64, b2a_base64
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from mxtui.model.envelope import Client, Envelope, EnvelopeRecipient, Fate, Screened

SCHEMA: Final = 2

FIRST: Final = 1
"""What is written where nothing in it is newer, so that older versions go on reading it."""

LIMIT: Final = 32 * 1024 * 1024
"""Bytes of an envelope; one with 1,000 recipients takes 100,000."""

RECIPIENTS: Final = 100_000

ADDRESS_LENGTH: Final = 2_000
"""Characters of an address or a parameter; RFC 5321 4.5.3.1.3 allows 256 for a path, RFC 3461 4.2 500 for ORCPT."""

TEXT_LENGTH: Final = 500

SUBJECT_LENGTH: Final = 200

DSN_LENGTH: Final = 11
"""`5.999.999`, and a bit (RFC 3463)."""


class Raw(Struct, frozen=True, forbid_unknown_fields=True):
    """Bytes that are not UTF-8."""

    base64: Annotated[str, Meta(max_length=6 * ADDRESS_LENGTH)]

    def __post_init__(self) -> None:
        a2b_base64(self.base64, strict_mode=True)  # a ValueError becomes msgspec's own


Exact = Annotated[str, Meta(max_length=ADDRESS_LENGTH)] | Raw
Text = Annotated[str, Meta(max_length=TEXT_LENGTH)]
Time = Annotated[float, Meta(ge=0, le=1e11)]
Count = Annotated[int, Meta(ge=0, le=1_000_000_000)]


class RecipientOnDisk(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """See `EnvelopeRecipient`."""

    address: Exact
    fate: Fate = "waiting"
    notify: Exact = ""
    orcpt: Exact = ""
    attempts: Count = 0
    at: Time | None = None
    host: Text = ""
    code: Annotated[int, Meta(ge=100, le=999)] | None = None
    dsn: Annotated[str, Meta(max_length=DSN_LENGTH)] = ""
    text: Text = ""
    possible_duplicate: bool = False
    original: Exact = ""
    via: Annotated[str, Meta(pattern=r"\A(?:\[[^\[\]\s]{1,255}\](?::[0-9]{1,5})?)?\Z")] = ""


class ClientOnDisk(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """See `Client`."""

    address: Text
    name: Text = ""
    helo: Text = ""
    protocol: Text = "ESMTP"
    tls: Text = ""


class ScreenedOnDisk(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """See `Screened`."""

    action: Literal["accept", "tag", "quarantine"]
    at: Time
    said: Text = ""
    unscanned: Text = ""
    pending: bool = False


class EnvelopeOnDisk(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """See `Envelope`. Field for field what the file says; `schema` comes first, for people and for later versions."""

    schema: Literal[1, 2]
    id: Annotated[str, Meta(pattern=r"\A[0-9a-f]{18}\Z")]
    arrival: Time
    expires: Time
    sender: Exact
    recipients: Annotated[tuple[RecipientOnDisk, ...], Meta(min_length=1, max_length=RECIPIENTS)]
    size: Annotated[int, Meta(ge=0, le=2**40)]
    sha256: Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
    client: ClientOnDisk
    subject: Annotated[str, Meta(max_length=SUBJECT_LENGTH)] = ""
    body: Literal["", "7BIT", "8BITMIME"] = ""
    smtputf8: bool = False
    ret: Exact = ""
    envid: Exact = ""
    attempts: Count = 0
    next_retry: Time | None = None
    why: Text = ""
    returning: bool = False
    screened: ScreenedOnDisk | None = None
    """Since schema 2."""
    was: Literal["", "hold", "failed"] = ""
    """Since schema 2."""


class _AnySchema(Struct):
    schema: int


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(EnvelopeOnDisk)
_schema = msgspec.json.Decoder(_AnySchema)


def encode(envelope: Envelope) -> bytes:
    """The file's content. Raises ValueError for what `decode` would refuse."""
    data = _encoder.encode(_on_disk(envelope)) + b"\n"
    read(data)
    return data


def decode(data: bytes) -> Envelope:
    """The envelope; raises ValueError with the reason: torn, foreign, edited wrongly, of a newer version."""
    found = read(data)
    return Envelope(
        found.id,
        found.arrival,
        found.expires,
        exact(found.sender),
        tuple(_recipient(each) for each in found.recipients),
        found.size,
        found.sha256,
        _client(found.client),
        found.subject,
        found.body,
        found.smtputf8,
        exact(found.ret),
        exact(found.envid),
        found.attempts,
        found.next_retry,
        found.why,
        found.returning,
        _screened(found.screened),
        found.was,
    )


def read(data: bytes) -> EnvelopeOnDisk:
    """The file as it is, checked; what needs no more than a look at it saves a third of `decode`. Raises ValueError."""
    if len(data) > LIMIT:
        raise ValueError(f"an envelope of more than {LIMIT} bytes")
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(_reason(data, error)) from error


def exact(value: str | Raw) -> str:
    """Text with the bytes that are not UTF-8 as surrogates. Raises ValueError."""
    return (
        value
        if isinstance(value, str)
        else a2b_base64(value.base64, strict_mode=True).decode("utf-8", "surrogateescape")
    )


def _reason(data: bytes, error: Exception) -> str:
    if not data.strip(b" \t\r\n\0"):
        return "torn: the file is empty"
    try:
        written = _schema.decode(data).schema
    except (msgspec.DecodeError, UnicodeDecodeError):
        written = SCHEMA
    if written > SCHEMA:
        return f"written by a newer version: schema {written}, and this one knows up to {SCHEMA}"
    if isinstance(error, msgspec.ValidationError):
        return f"not an envelope of this spool: {error}"
    return f"torn or not JSON: {error}"


def _exact(value: str) -> str | Raw:
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return Raw(b2a_base64(value.encode("utf-8", "surrogateescape"), newline=False).decode())
    return value


def _text(value: str, length: int = TEXT_LENGTH) -> str:
    cut = value[:length]
    return cut if cut.isascii() else cut.encode("utf-8", "replace").decode()


def _on_disk(envelope: Envelope) -> EnvelopeOnDisk:
    client = envelope.client
    return EnvelopeOnDisk(
        SCHEMA if envelope.screened is not None or envelope.was else FIRST,
        envelope.id,
        envelope.arrival,
        envelope.expires,
        _exact(envelope.sender),
        tuple(_recipient_on_disk(each) for each in envelope.recipients),
        envelope.size,
        envelope.sha256,
        ClientOnDisk(
            *(_text(part) for part in (client.address, client.name, client.helo, client.protocol, client.tls or ""))
        ),
        _text(envelope.subject, SUBJECT_LENGTH),
        envelope.body,
        envelope.smtputf8,
        _exact(envelope.ret),
        _exact(envelope.envid),
        envelope.attempts,
        envelope.next_retry,
        _text(envelope.why),
        envelope.returning,
        _screened_on_disk(envelope.screened),
        envelope.was,
    )


def _recipient_on_disk(recipient: EnvelopeRecipient) -> RecipientOnDisk:
    code = recipient.code
    return RecipientOnDisk(
        _exact(recipient.address),
        recipient.fate,
        _exact(recipient.notify),
        _exact(recipient.orcpt),
        recipient.attempts,
        recipient.at,
        _text(recipient.host),
        code if code is not None and 100 <= code <= 999 else None,  # of a server that speaks no SMTP
        _text(recipient.dsn, DSN_LENGTH),
        _text(recipient.text),
        recipient.possible_duplicate,
        _exact(recipient.original),
        recipient.via,
    )


def _recipient(found: RecipientOnDisk) -> EnvelopeRecipient:
    return EnvelopeRecipient(
        exact(found.address),
        found.fate,
        exact(found.notify),
        exact(found.orcpt),
        found.attempts,
        found.at,
        found.host,
        found.code,
        found.dsn,
        found.text,
        found.possible_duplicate,
        exact(found.original),
        found.via,
    )


def _screened_on_disk(screened: Screened | None) -> ScreenedOnDisk | None:
    if screened is None:
        return None
    said, unscanned = _text(screened.said), _text(screened.unscanned)
    return ScreenedOnDisk(screened.action, screened.at, said, unscanned, screened.pending)


def _screened(found: ScreenedOnDisk | None) -> Screened | None:
    if found is None:
        return None
    return Screened(found.action, found.at, found.said, found.unscanned, found.pending)


def _client(found: ClientOnDisk) -> Client:
    return Client(found.address, found.name, found.helo, found.protocol, found.tls)
