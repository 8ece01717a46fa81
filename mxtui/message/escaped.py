"""JSON that can be shown: what it says stays the same, byte for byte as whoever reads it back sees it."""


def escaped(line: bytes) -> bytes:
    """JSON in which no control, bidirectional override or hidden character stands as itself.

    Encoders escape what RFC 8259 wants escaped, the first 32 characters; a terminal obeys more, and hides others. Each
    that is not printable becomes `\\uXXXX`, which means the same in a string; outside of strings there are none.
    """
    if line.isascii() and b"\x7f" not in line:
        return line
    text = line.decode()
    if text.isprintable():
        return line
    return "".join(each if each.isprintable() else _code(each) for each in text).encode()


def _code(character: str) -> str:
    """One escape, or two where the character lies beyond the first plane (RFC 8259 section 7)."""
    units = character.encode("utf-16-be")
    return "".join(f"\\u{int.from_bytes(units[at : at + 2]):04x}" for at in range(0, len(units), 2))
