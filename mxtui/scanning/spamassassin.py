"""SpamAssassin's spamd, by its protocol (spamd/PROTOCOL, version 1.5): REPORT to scan, TELL to learn.

aiospamc writes requests and reads answers; the conversation is ours, since its own reads answers without an end.
"""

import math
import re
from typing import TYPE_CHECKING, Any, Final

from mxtui.message.sanitize import one_line
from mxtui.model.evidence import Evidence, Scan, Submitted
from mxtui.scanning.scanner import ANSWER, DETAIL, SYMBOLS, WORDS, NonsenseError, Scanner
from mxtui.scanning.where import connected, read_all

if TYPE_CHECKING:
    from aiospamc.responses import Response

HEADER: Final = 4096
"""Bytes of an answer before its empty line: spamd's has 80, and aiospamc copies what is left with each line."""

RULES: Final = 500
"""Lines of its table that are read."""

_RULE: Final = re.compile(r" *(-?\d{1,5}(?:\.\d{1,3})?) +([A-Z0-9_]{2,60}) +(.*)", re.ASCII)
_TABLE: Final = re.compile(r"^-{3,} -{3,} -{3,}$", re.MULTILINE)
"""The line under its heads. Before it is a piece of the message, which may have such lines, too."""


class SpamAssassin(Scanner):
    """`required` is what its user or its site set as `required_score`."""

    name = "spamassassin"

    async def _scan(self, submitted: Submitted) -> Scan:
        answer = await self._ask("REPORT", submitted.raw, {})
        spam: Any = answer.headers.get("Spam")
        if spam is None or not (math.isfinite(spam.score) and math.isfinite(spam.threshold)):
            raise NonsenseError("its answer has no verdict")
        return Scan(
            self.name,
            self._clock(),
            score=spam.score,
            required=spam.threshold,
            action="spam" if spam.value else "ham",
            symbols=tuple(_rules(answer.body.decode("utf-8", "replace"))[:SYMBOLS]),
        )

    async def _learn(self, submitted: Submitted, *, spam: bool) -> str:
        from aiospamc.header_values import ActionOption, MessageClassOption, MessageClassValue, SetOrRemoveValue

        kind = MessageClassOption.spam if spam else MessageClassOption.ham
        answer = await self._ask(
            "TELL",
            submitted.raw,
            {"Message-class": MessageClassValue(kind), "Set": SetOrRemoveValue(ActionOption(local=True, remote=False))},
        )
        # Without `DidSet` it knew the message already.
        return "" if answer.status_code == 0 else "it learned nothing"

    async def _ask(self, verb: str, raw: bytes, headers: dict[str, Any]) -> "Response":
        from aiospamc.exceptions import ParseError
        from aiospamc.header_values import Headers
        from aiospamc.incremental_parser import ResponseParser
        from aiospamc.requests import Request
        from aiospamc.responses import Response

        request = bytes(Request(verb, headers=Headers(headers), body=raw.replace(b"\n", b"\r\n")))
        async with connected(self.where) as (reader, writer):
            writer.write(request)
            writer.write_eof()
            await writer.drain()
            answer = await read_all(reader, ANSWER)
        if not answer:
            raise EOFError
        if answer.find(b"\r\n\r\n", 0, HEADER) < 0:
            raise NonsenseError("it does not speak spamd's protocol")
        try:
            response = Response(**ResponseParser().parse(answer))
        except (ParseError, ValueError, TypeError, KeyError, AttributeError, ArithmeticError):
            raise NonsenseError("it does not speak spamd's protocol") from None
        if response.status_code != 0:
            raise NonsenseError(f"it answers {one_line(str(response.message), WORDS)}")
        return response


def _rules(report: str) -> list[Evidence]:
    """The rules that fired, gravest first; none where a site has a report of its own making."""
    found = [
        Evidence(name, name.replace("_", " ").capitalize(), one_line(words, DETAIL), float(points), "spamassassin")
        for line in _TABLE.split(report)[-1].splitlines()[:RULES]
        if (rule := _RULE.fullmatch(line)) is not None
        for points, name, words in (rule.groups(),)
    ]
    return sorted(found, key=lambda each: (-abs(each.points), each.name))
