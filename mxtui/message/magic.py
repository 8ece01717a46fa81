"""What a file is by its first bytes, whatever its name and declared type say."""

import re

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x7fELF", "program (elf)"),
    (b"\xcf\xfa\xed\xfe", "program (mach-o)"),
    (b"#!", "script"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"Rar!\x1a\x07", "rar"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"\x1f\x8b", "gzip"),
    (b"MSCF", "cab"),
    (b"%PDF-", "pdf"),
    # Without the f: enough for Word, and what malicious files use.
    (b"{\\rt", "rtf"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "office (ole)"),
    (b"L\x00\x00\x00\x01\x14\x02\x00", "shortcut (lnk)"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF8", "gif"),
)

# An HTML file under another name is a page of the sender's, opened from the reader's own disk.
_HTML = re.compile(rb"\s*+(?:\xef\xbb\xbf)?\s*+<(?:!doctype html|html|head|script|svg)[\s>]", re.IGNORECASE)

# Media types under which each may travel; a type that is not about content (`octet-stream`) says nothing wrong.
_UNDER: dict[str, re.Pattern[str]] = {
    kind: re.compile(types)
    for kind, types in {
        "zip": r".*zip.*|application/(vnd\..*|java-archive|x-java-archive|x-ms-.*|x-xpinstall|msword)",
        "rar": r"application/.*rar.*",
        "7z": r"application/.*7z.*",
        "gzip": r"application/.*(gzip|gz|tar|compress|tgz|svg|zip|dmarc).*|text/xml",
        "cab": r"application/.*(cab|tnef).*",
        "pdf": r"application/.*pdf|text/pdf|application/vnd\.adobe.*",
        "rtf": r"(text|application)/(rtf|richtext|x-rtf|msword)",
        "office (ole)": r"application/(msword|vnd\.|msexcel|mspowerpoint|x-ole|x-msi|cdfv2).*",
        "png": r"image/.*",
        "jpeg": r"image/.*",
        "gif": r"image/.*",
        "html": r"text/.*|application/xhtml.*|image/svg.*|application/xml|message/.*",
        "script": r"text/.*|application/(x-.*sh|x-perl|x-python|javascript).*",
    }.items()
}

HEAD = 64
"""Bytes that are enough."""


def sniff(head: bytes) -> str | None:
    """A word for the kind of file that begins with these bytes (64 are enough); None for all others."""
    if head.startswith(b"MZ") and b"\0" in head:
        # Two letters alone begin many a text.
        return "program (exe)"
    if _HTML.match(head):
        return "html"
    return next((word for magic, word in _MAGIC if head.startswith(magic)), None)


def contradicts(media_type: str, sniffed: str | None) -> bool:
    """Whether a file of this kind has no business under a declared media type (lower case)."""
    if sniffed is None or media_type.endswith(("/octet-stream", "/x-unknown", "/unknown")):
        return False
    known = _UNDER.get(sniffed)
    return known is None or known.fullmatch(media_type) is None
