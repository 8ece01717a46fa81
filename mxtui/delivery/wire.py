"""A stored message as it goes over the wire: CRLF line ends, leading dots doubled (RFC 5321 4.5.2).

No bare CR or LF ever leaves here: servers that take either for a line's end would see commands where we sent text
(SMTP smuggling). Whatever is in the file, a CR, an LF or both end a line.
"""

from collections.abc import Iterable, Iterator

END = b".\r\n"
"""What ends the content, after a complete line."""


def on_the_wire(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The content and its final dot, in pieces of about the size of those that come in.

    >>> b"".join(on_the_wire([b"Subject: x\\n\\n.dot\\r", b"\\nlast"]))
    b'Subject: x\\r\\n\\r\\n..dot\\r\\nlast\\r\\n.\\r\\n'
    """
    at_line_start = True
    owed = b""
    for chunk in chunks:
        text = owed + chunk
        # A CR at the end may be half of a line's end: it waits for the next chunk.
        owed = b"\r" if text.endswith(b"\r") else b""
        text = text[: len(text) - len(owed)]
        if text:
            text = with_crlf(text)
            stuffed = text.replace(b"\n.", b"\n..")
            yield b"." + stuffed if at_line_start and text.startswith(b".") else stuffed
            at_line_start = text.endswith(b"\n")
    if owed:
        yield b"\r\n" + END
    else:
        yield END if at_line_start else b"\r\n" + END


def with_crlf(text: bytes) -> bytes:
    """Every line's end a CRLF; the text must not end between CR and LF."""
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return text.replace(b"\n", b"\r\n")
