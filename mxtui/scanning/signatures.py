"""DKIM (RFC 6376), by dkimpy, with what it would take minutes over kept from it.

It looks for what is not there with patterns that try every place again: 20 kB of blanks in the right place hold it up
for a minute, and all else in this process with it, for a pattern that is being matched lets no other thread run.
"""

import logging
import re
import time
from collections.abc import Iterator
from typing import Any, Final, Literal, NamedTuple

from mxtui.message.sanitize import one_line
from mxtui.model.evidence import Submitted
from mxtui.scanning.questions import NoAnswerError, Questions

Result = Literal["pass", "fail", "softfail", "neutral", "none", "permerror", "temperror"]

SIGNATURES: Final = 5
"""That are checked; each costs a question and a look at the whole message."""

KEY_BITS: Final = 1024
"""Shorter keys sign nothing (RFC 8301)."""

MESSAGE: Final = 8 << 20
"""Bytes of a message that is checked: each takes its share of a second in which nothing is drawn."""

HEADER: Final = 64 << 10
"""Bytes of its header. dkimpy joins folded lines at the cost of their square."""

FIELDS: Final = 1000

SIGNATURE: Final = 4096
"""Bytes of a signature; with a key of 8,192 bits it has 2,000."""

BLANKS: Final = 100
"""In a row within a signature: folding takes ten."""

CLOCKS: Final = 10 * 3600
"""Seconds that dkimpy lets a signature live longer, for clocks that are off."""

DETAIL: Final = 200

_NAME: Final = b"dkim-signature"
_END_OF_HEADER: Final = re.compile(rb"\n\r?\n")
_FIELD: Final = re.compile(rb"^(?![ \t])", re.MULTILINE)
_BLANKS: Final = re.compile(rb"\s{%d}" % BLANKS)
_TRAILING: Final = re.compile(rb"(?<![\t ])[\t ]++\r\n")


class Signed(NamedTuple):
    """One signature."""

    domain: str
    result: Result
    why: str = ""


def signatures(submitted: Submitted, questions: Questions) -> Iterator[Signed]:
    """The first ones, checked. What is not checked, and may be good, is a `temperror`."""
    raw = submitted.raw
    end = _END_OF_HEADER.search(raw)
    header = raw[: end.start() + 1] if end is not None else raw
    if _NAME not in header[:HEADER].lower():
        return
    if submitted.truncated or len(raw) > MESSAGE or len(header) > HEADER or len(_FIELD.findall(header)) > FIELDS:
        yield Signed("", "temperror", "the message is too large to be checked here")
        return
    dkim = _dkim()
    quiet = logging.getLogger("mxtui.dkim")
    quiet.disabled = True  # it tells what it reads
    try:
        checked = dkim.DKIM(raw, logger=quiet, minkey=KEY_BITS)
    except (dkim.MessageFormatError, ValueError):
        return
    fields = [value for name, value in checked.headers if name.lower() == _NAME]
    for number, field in enumerate(fields[:SIGNATURES]):
        tags = _tags(field)
        domain = one_line(tags.get("d", "").lower().rstrip("."), 255)
        if len(field) > SIGNATURE or _BLANKS.search(field):
            yield Signed(domain, "permerror", "no signer writes such a field")
        elif tags.get("a", "").startswith("ed25519-"):
            yield Signed(domain, "temperror", "Ed25519 cannot be checked here")  # PyNaCl: 1 MB for few signatures
        elif _expired_here(tags, submitted.arrival):
            yield Signed(domain, "temperror", "it was valid when the message came, and has expired since")
        else:
            yield _verified(checked, number, domain, questions)


def _verified(checked: Any, number: int, domain: str, questions: Questions) -> Signed:
    def texts(name: bytes | str, timeout: float = 5) -> bytes | None:  # noqa: ARG001
        found = questions.texts(name.decode("ascii", "replace") if isinstance(name, bytes) else name)
        return found[0].encode() if found else None

    try:
        good = checked.verify(idx=number, dnsfunc=texts)
    except NoAnswerError as error:
        return Signed(domain, "temperror", str(error))
    except (_dkim().DKIMException, ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
        return Signed(domain, "permerror", one_line(str(error), DETAIL) or type(error).__name__)
    return Signed(domain, "pass") if good else Signed(domain, "fail", "the message is not what was signed")


def _expired_here(tags: dict[str, str], arrival: float) -> bool:
    """Whether `x=` passed only while the message waited: dkimpy asks the clock, and a backup keeps mail for days."""
    written = tags.get("x", "")
    if not (written.isascii() and written.isdecimal() and len(written) < 16):
        return False
    return arrival - CLOCKS <= int(written) < time.time() - CLOCKS


def _tags(field: bytes) -> dict[str, str]:
    """`d=` and the like, without any blanks (RFC 6376, 3.2)."""
    found = (tag.partition("=") for tag in field[:SIGNATURE].decode("ascii", "replace").split(";"))
    return {name.strip().lower(): "".join(value.split()) for name, _, value in found}


def _dkim() -> Any:
    """The library, with its one pattern over bodies replaced by one that looks at each blank once."""
    import dkim  # 40 ms
    import dkim.canonicalization

    dkim.canonicalization.strip_trailing_whitespace = lambda content: _TRAILING.sub(b"\r\n", content)
    return dkim
