"""What scanners made of a message, for whoever gets it: header fields on top of all others, added on the wire.

The message itself is never changed, so its signatures hold. Anybody can write such a field: the one to believe stands
above the `Received` field with our name, which the primary's own is above.
"""

from typing import Final

from mxtui.model.envelope import Envelope, Screened

FOLDED: Final = 78
"""Characters of a line (RFC 5322 2.1.1)."""

MARK: Final = b"X-Spam-Flag: YES\r\n"
"""What SpamAssassin writes, and filters of mailboxes look for."""


def fields(envelope: Envelope, hostname: str, *, everywhere: bool) -> bytes:
    """Those of a message, with CRLF ends; empty where there is nothing to tell.

    Tagged mail has them; all that a scanner was to see where they are wanted `everywhere`.
    """
    screened = envelope.screened
    if screened is None or not (everywhere or screened.action == "tag"):
        return b""
    return (MARK if screened.action == "tag" else b"") + _folded(f"X-Mxtui-Evidence: {hostname}; {_words(screened)}")


def _words(screened: Screened) -> str:
    unscanned = f"unscanned, {screened.unscanned}" if screened.unscanned else ""
    return "; ".join(filter(None, (screened.action, screened.said, unscanned)))


def _folded(field: str) -> bytes:
    """In lines of printable ASCII; a word that fits into none is cut in pieces."""
    clean = "".join(character if " " <= character <= "~" else "?" for character in field)
    lines, line = [], ""
    for word in clean.split():
        while word:
            begun = f"{line} {word}" if line.strip() else f"{line}{word}"
            if len(begun) <= FOLDED:
                line, word = begun, ""
            elif line.strip():
                lines.append(line)
                line = "\t"
            else:
                line, word = f"{line}{word[: FOLDED - 1]}", word[FOLDED - 1 :]
    return "".join(f"{each}\r\n" for each in (*lines, line)).encode("ascii")
