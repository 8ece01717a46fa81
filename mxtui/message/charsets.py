"""Bytes to text in a charset that the sender named.

Python looks codecs up by importing modules and remembers every name that it did not find, for ever; some of its codecs
are no charsets (`punycode` is quadratic, `unicode_escape` warns). So only the names listed here reach it.
"""

import codecs

_SAME = (
    "utf-8 utf-7 utf-16 utf-16le utf-16be utf-32 iso-8859-2 iso-8859-3 iso-8859-4 iso-8859-5 iso-8859-6 iso-8859-7 "
    "iso-8859-8 iso-8859-10 iso-8859-13 iso-8859-14 iso-8859-15 iso-8859-16 windows-1250 windows-1251 windows-1252 "
    "windows-1253 windows-1254 windows-1255 windows-1256 windows-1257 windows-1258 cp437 cp850 cp852 cp866 cp932 cp949 "
    "koi8-r koi8-u macintosh big5 big5-hkscs gb18030 hz-gb-2312 euc-kr euc-jp shift_jis iso-2022-jp iso-2022-jp-2 "
    "iso-2022-kr"
)

# What mail says and what it means: the supersets that readers use (WHATWG Encoding, section 4.2).
_MEANT = {
    "utf8": "utf-8",
    "cp1250": "windows-1250",
    "cp1251": "windows-1251",
    "cp1252": "windows-1252",
    "iso-8859-1": "windows-1252",
    "latin1": "windows-1252",
    "iso-8859-9": "windows-1254",
    "iso-8859-11": "cp874",
    "iso-8859-8-i": "iso-8859-8",
    "tis-620": "cp874",
    "windows-874": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "gb_2312-80": "gb18030",
    "ks_c_5601-1987": "cp949",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "unicode-1-1-utf-7": "utf-7",
}

_CODECS = {name: name for name in _SAME.split()} | _MEANT


def load() -> None:
    """Import all of them now (20 ms): for a process that will open no more files."""
    for codec in {*_CODECS.values(), "ascii"}:
        codecs.lookup(codec)


def decode(data: bytes, charset: str = "") -> str:
    """The text meant by these bytes; never raises.

    A charset that is unknown, missing or `us-ascii` is taken for UTF-8, then for Windows-1252, as undeclared mail
    mostly is. Bytes that the charset does not have become U+FFFD.
    """
    codec = _CODECS.get(charset.strip().lower())
    if codec is not None:
        text = data.decode(codec, "replace")
        # UTF-7 can spell half a surrogate pair, which nothing can print.
        return text.encode("utf-8", "replace").decode() if codec == "utf-7" else text
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("windows-1252", "replace")
