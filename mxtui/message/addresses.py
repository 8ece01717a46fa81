"""Domains of the mailboxes in From, Reply-To and the like (RFC 5322 section 3.4).

Read from the value as stored: decoding its words first would let a display name spell `<other@bank.example>`. One pass
of our own, since `email.utils.parseaddr` answers 1,000 opening parentheses with a recursion error.
"""

import re
from functools import lru_cache

# One mailbox and nothing that quotes, comments on or separates: most fields are that.
_ALONE = re.compile(r'[^"(),:;<>\\]*(?:<([^"(),:;<>\\]*)>\s*)?')


@lru_cache(maxsize=64)
def domains(value: str) -> tuple[str, ...]:
    """Lower-case domain of each mailbox, in their order; empty where none has one. Linear in a bounded value.

    The latest are remembered: whoever compares one field with others asks for it again.
    """
    alone = _ALONE.fullmatch(value)
    if alone is not None:
        domain = _domain(value if alone[1] is None else alone[1])
        return (domain,) if domain else ()
    found: list[str] = []
    bare: list[str] = []
    angle: list[str] | None = None
    quoted = escaped = in_angle = False
    comments = 0
    for character in value + ",":
        if escaped:
            escaped = False
        elif character == "\\" and (quoted or comments):
            escaped = True
        elif comments:
            comments += (character == "(") - (character == ")")
        elif quoted:
            quoted = character != '"'
        elif character == '"':
            quoted = True
        elif character == "(":
            comments = 1
        elif in_angle:
            in_angle = character != ">"
            if in_angle and angle is not None:
                angle.append(character)
        elif character == "<":
            in_angle, angle = True, []
        elif character in ",;":
            domain = _domain("".join(bare if angle is None else angle))
            if domain:
                found.append(domain)
            bare, angle = [], None
        elif character == ":":
            # The name of a group ends here.
            bare = []
        else:
            bare.append(character)
    return tuple(found)


def _domain(address: str) -> str:
    _local, at, domain = address.rpartition("@")
    return domain.strip().rstrip(".").lower() if at else ""
