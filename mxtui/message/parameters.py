"""A header's value with parameters: Content-Type and Content-Disposition (RFC 2045 section 5.1, RFC 2231)."""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from mxtui.message import charsets
from mxtui.message.encoded_words import decode_words, unfold

_PARAMETER = re.compile(rb';\s*+([^\s=;"]{1,80}+)\s*+=\s*+(?:"((?:[^"\\]++|\\.)*+)"?|([^;]*+))', re.DOTALL)
_QUOTED_PAIR = re.compile(rb"\\(.)", re.DOTALL)
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
_NAME = re.compile(r"([^*]+)(?:\*(\d{1,3}))?(\*)?")


class _Section(NamedTuple):
    number: int
    encoded: bool
    value: bytes


@dataclass(frozen=True, slots=True)
class Parameterised:
    """A value and its parameters, names in lower case; of a name given twice the first counts, as in most readers."""

    value: str
    """Before the first `;` or comment, lower case, hostile text."""
    _parameters: dict[str, tuple[bytes, str | None]] = field(default_factory=dict)

    def raw(self, name: str) -> bytes:
        """Bytes of a parameter, unquoted; empty where it is missing. What a boundary needs."""
        return self._parameters.get(name, (b"", None))[0]

    def text(self, name: str) -> str:
        """Text of a parameter: RFC 2231 charset applied, else RFC 2047 words decoded (wrong there, and everywhere)."""
        value, charset = self._parameters.get(name, (b"", None))
        return decode_words(value) if charset is None else charsets.decode(value, charset)


@lru_cache(maxsize=256)
def parse(raw: bytes) -> Parameterised:
    """Read a value as stored, of bounded length. Never raises; what makes no sense is passed over.

    The latest are remembered: most parts of most mail are declared in the same few ways.
    """
    raw = unfold(raw)
    value, semicolon, rest = raw.partition(b";")
    sections: dict[str, list[_Section]] = {}
    plain: dict[str, bytes] = {}
    for match in _PARAMETER.finditer(semicolon + rest):
        content = match[3].rstrip() if match[2] is None else _QUOTED_PAIR.sub(rb"\1", match[2])
        name = _NAME.fullmatch(match[1].decode("ascii", "replace").lower())
        if name is None:
            continue
        if name[2] is None and name[3] is None:
            plain.setdefault(name[1], content)
        else:
            sections.setdefault(name[1], []).append(_Section(int(name[2] or 0), name[3] is not None, content))
    parameters: dict[str, tuple[bytes, str | None]] = {name: (content, None) for name, content in plain.items()}
    parameters |= {name: _join(parts) for name, parts in sections.items()}
    return Parameterised(charsets.decode(value.partition(b"(")[0]).strip().lower(), parameters)


def _join(sections: list[_Section]) -> tuple[bytes, str | None]:
    """One parameter from its numbered sections (RFC 2231 sections 3 and 4); the first names the charset."""
    charset: str | None = None
    joined: list[bytes] = []
    for position, section in enumerate(sorted(sections, key=lambda section: section.number)):
        content = section.value
        if section.encoded:
            if position == 0 and content.count(b"'") >= 2:
                named, _language, content = content.split(b"'", 2)
                charset = named.decode("ascii", "replace")
            content = _PERCENT.sub(lambda match: bytes.fromhex(match[1].decode("ascii")), content)
        joined.append(content)
    return b"".join(joined), charset
