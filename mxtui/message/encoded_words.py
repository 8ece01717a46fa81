"""RFC 2047 encoded words. Light on purpose: the queue scanner decodes a Subject for each of 100,000 messages, and the
standard library's `email.header` costs 10 ms to import, never joins a character split over two words, and refuses some
input.
"""

import re

from mxtui.message import charsets, transfer
from mxtui.message.sanitize import one_line

SUBJECT_LENGTH = 200
"""Characters of a decoded Subject kept with a queued message."""

# Four times over: an encoded word takes up to twelve bytes for a character, most take two.
_SUBJECT_BYTES = 4 * SUBJECT_LENGTH

# Spaces inside the encoded text are against the rule and common. An RFC 2231 language is passed over.
_WORD = re.compile(rb"=\?([^?*\s]{1,60})(?:\*[^?\s]{0,60})?\?([bBqQ])\?([^?\n]*+)\?=")
_FOLD = re.compile(rb"\r?\n(?=[ \t])")


def unfold(raw: bytes) -> bytes:
    """A header's value on one line (RFC 5322 section 2.2.3)."""
    return _FOLD.sub(b"", raw) if b"\n" in raw else raw


def decode_words(raw: bytes) -> str:
    """Text of an unfolded header's value: encoded words decoded, 8-bit text as UTF-8 or else Windows-1252.

    White space between two encoded words is dropped, and words side by side in one charset are joined before they are
    decoded, since many senders split a character over two. Linear in the input; the result is hostile text still.
    """
    if b"=?" not in raw:
        return charsets.decode(raw)
    text: list[str] = []
    run: list[bytes] = []
    charset = ""
    position = 0
    for word in _WORD.finditer(raw):
        between = raw[position : word.start()]
        named = word[1].decode("ascii", "replace").lower()
        if run and (between.strip() or named != charset):
            text.append(charsets.decode(b"".join(run), charset))
            run = []
        if between.strip() or position == 0:
            text.append(charsets.decode(between))
        charset = named
        run.append(transfer.base64(word[3]) if word[2] in b"bB" else transfer.quoted_printable(word[3], header=True))
        position = word.end()
    text.append(charsets.decode(b"".join(run), charset))
    text.append(charsets.decode(raw[position:]))
    return "".join(text)


def decode_subject(raw_value: bytes) -> str:
    """A Subject for a list of messages: one sanitised line of at most 200 characters, from the value as stored.

    Plain ASCII, most mail's, costs under a microsecond.
    """
    raw = raw_value[:_SUBJECT_BYTES]
    if b"=?" not in raw and raw.isascii():
        text = raw.strip().decode("ascii")
        if len(text) <= SUBJECT_LENGTH and text.isprintable():
            return text
    return one_line(decode_words(unfold(raw)).strip(), SUBJECT_LENGTH)
