"""Domains of the mailboxes in From, Reply-To and the like (RFC 5322 section 3.4).

Read from the value as stored: decoding its words first would let a display name spell `<other@bank.example>`. One pass
of our own, since `email.utils.parseaddr` answers 1,000 opening parentheses with a recursion error.
"""

from functools import lru_cache


@lru_cache(maxsize=64)
def domains(value: str) -> tuple[str, ...]:
    """Lower-case domain of each mailbox, in their order; empty where none has one. Linear in a bounded value.

    The latest are remembered: whoever compares one field with others asks for it again.
    """
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
            domain = _domain(bare if angle is None else angle)
            if domain:
                found.append(domain)
            bare, angle = [], None
        elif character == ":":
            # The name of a group ends here.
            bare = []
        else:
            bare.append(character)
    return tuple(found)


def _domain(characters: list[str]) -> str:
    _local, at, domain = "".join(characters).rpartition("@")
    return domain.strip().rstrip(".").lower() if at else ""
