"""What attackers write into mail, piece by piece and as whole messages: for the inspector, the console and commands."""

import base64
import io
import zipfile
from functools import cache

ESCAPES = {
    "csi": b"\x1b[2J\x1b[31m\x1b[?1049l\x1b[8;1;1t",
    "title": b"\x1b]0;owned\x07",
    "hyperlink": b"\x1b]8;;https://evil.example/\x1b\\bank.example\x1b]8;;\x1b\\",
    "clipboard": b"\x1b]52;c;cm0gLXJmIH4=\x07",
    "dcs": b'\x1bP+q544e\x1b\\\x1bP$q"p\x1b\\',
    "apc": b"\x1b_Gi=1;AAAA\x1b\\\x1b^private\x1b\\\x1bXstring\x1b\\",
    "single": b"\x1bc\x1b=\x1b#8\x1bZ\x0e\x0f\x08\x7f\x05\x00",
    "c1 in utf-8": b"\xc2\x9b31m\xc2\x9d0;owned\xc2\x9c\xc2\x90q\xc2\x9c",
    "c1 raw": b"\x9b31m\x9d0;owned\x9c\x90q\x9c\x85",
    "bidi": "\u202egpj.exe\u202c\u2066x\u2069\u200f\u061c".encode(),
    "zero width": "pay\u200bpal\u200c\u200d\u2060\ufeff\u00ad\U000e0041".encode(),
    "marks": ("e" + "\u0301\u0489" * 300).encode(),
    "wide": "日本語\uff21\u3000ｱ①★─".encode(),
    "markup": b"[bold red]hot[/] [link=https://evil.example]bank[/link][@click=app.quit]x[/]",
    "lines": b"a\rb\x0bc\x0cd\xe2\x80\xa8e\xe2\x80\xa9f",
    "lone": b"\xed\xa0\x80\xff\xfe\xc0\xaf\xf4\x90\x80\x80",
}
"""By family."""

PAYLOAD = b"".join(ESCAPES.values())

NAMES = [
    "../../../etc/cron.d/x",
    "..\\..\\autoexec.bat",
    "/etc/passwd",
    "a\nb\r\nX-Injected: 1",
    "invoice\u202efdp.exe",
    "\x1b]0;owned\x07.txt",
    "con.txt" + " " * 200 + ".exe",
    "-rf",
    "~/.ssh/authorized_keys",
    "[link=https://evil.example]x[/link].pdf",
]


def everywhere(payload: bytes) -> bytes:
    """A message with something in every place that is shown; in headers it is on one line, as it has to be."""
    inline = payload.replace(b"\n", b" ").replace(b"\r", b" ")
    words = b"=?utf-8?b?" + base64.b64encode(inline) + b"?="
    name = b"utf-8''" + b"".join(b"%%%02x" % octet for octet in inline[:900])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("in" + inline.decode("utf-8", "ignore").replace("\0", ""), b"MZ\0")
    return (
        b"Received: from %(p)s (%(p)s [192.0.2.1]) by %(p)s with %(p)s for <%(p)s>; Mon, 23 Nov 2026 07:54:02 +0000\n"
        b"From: %(w)s <%(p)s@evil.example>\nReply-To: %(p)s <x@y.example>\nReturn-Path: <%(p)s@z.example>\n"
        b"To: %(w)s\nDate: %(p)s\nMessage-ID: <%(p)s>\nSubject: subject- %(p)s %(w)s\n"
        b"Authentication-Results: %(p)s; dkim=pass\nX-%(x)s: %(p)s\n"
        b"Content-Type: multipart/mixed; boundary=b\n\n"
        b"--b\nContent-Type: text/plain; charset=\"%(p)s\"\n\nbody- %(p)s\n"
        b"--b\nContent-Type: text/html\n\n<p>%(p)s<a href='https://evil.example/%(p)s'>https://bank.example %(p)s</a>\n"
        b"--b\nContent-Type: application/octet-stream; name*=%(n)s\nContent-Disposition: attachment; filename*=%(n)s\n"
        b"Content-Transfer-Encoding: %(p)s\n\n%(p)s\n"
        b"--b\nContent-Type: application/zip; name=\"%(p)s\"\nContent-Transfer-Encoding: base64\n\n%(z)s\n--b--\n"
    ) % {
        b"p": inline, b"w": words, b"n": name, b"z": base64.encodebytes(packed.getvalue()),
        b"x": b"".join(bytes([octet]) for octet in inline if 33 <= octet < 127 and octet != 58)[:60],
    }  # fmt: skip


def named(name: str) -> bytes:
    """A message with a file of this name."""
    spelt = "".join(f"%{octet:02x}" for octet in name.encode())
    return (
        b"Subject: subject- file\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nbody-\n"
        b"--b\nContent-Type: application/octet-stream\nContent-Disposition: attachment; filename*=utf-8''"
        + spelt.encode()
        + b"\n\ncontent\n--b--\n"
    )


def deep(levels: int) -> bytes:
    """Multiparts in each other."""
    return b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(levels))


def many(parts: int) -> bytes:
    """Parts side by side."""
    return b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * parts + b"--b--\n"


@cache
def bomb(size: int) -> bytes:
    """A zip of zips that would unpack to so many bytes."""
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for number in range(8):
            with archive.open(f"{number}.bin", "w", force_zip64=False) as file:
                for _ in range(size // 64 >> 20):
                    file.write(bytes(1 << 20))
    outer = io.BytesIO()
    with zipfile.ZipFile(outer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(8):
            archive.writestr(f"{number}.zip", inner.getvalue())
    return b"Content-Type: application/zip; name=bomb.zip\nContent-Transfer-Encoding: base64\n\n" + base64.encodebytes(
        outer.getvalue()
    )


CHARSETS = [
    "us-ascii", "unknown-8bit", "x-user-defined", "utf-8", "utf-16", "utf-32", "utf-7", "iso-2022-jp", "iso-2022-kr",
    "hz-gb-2312", "gb18030", "big5", "euc-kr", "shift_jis", "koi8-r", "windows-1252", "punycode", "idna", "rot13",
    "hex", "base64", "zlib", "bz2", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "unicode-internal",
    "../../etc/passwd", "os", "", "\0", "a" * 5000,
]  # fmt: skip
