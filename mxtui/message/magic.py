"""What a file is by its first bytes, whatever its name and declared type say."""

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
)


def sniff(head: bytes) -> str | None:
    """A word for the kind of file that begins with these bytes (64 are enough); None for all others."""
    if head.startswith(b"MZ") and b"\0" in head:
        # Two letters alone begin many a text.
        return "program (exe)"
    return next((word for magic, word in _MAGIC if head.startswith(magic)), None)
