"""SpamAssassin's spamd, by its protocol (spamd/PROTOCOL, version 1.5): SYMBOLS to scan, TELL to learn.

aiospamc writes requests and reads answers; the conversation is ours, since its own reads answers without an end.
"""

import math
import re
from typing import TYPE_CHECKING, Any, Final

from mxtui.message.sanitize import one_line
from mxtui.model.evidence import Evidence, Scan, Submitted
from mxtui.scanning.scanner import ANSWER, SYMBOLS, WORDS, NonsenseError, Scanner
from mxtui.scanning.where import connected, read_all

if TYPE_CHECKING:
    from aiospamc.responses import Response

_SYMBOL: Final = re.compile(r"[A-Za-z0-9_]{1,60}")


class SpamAssassin(Scanner):
    """`required` is what its user or its site set as `required_score`."""

    name = "spamassassin"

    async def _scan(self, submitted: Submitted) -> Scan:
        answer = await self._ask("SYMBOLS", submitted.raw, {})
        spam: Any = answer.headers.get("Spam")
        if spam is None or not (math.isfinite(spam.score) and math.isfinite(spam.threshold)):
            raise NonsenseError("its answer has no verdict")
        names = _SYMBOL.findall(answer.body[:ANSWER].decode("ascii", "replace"))
        return Scan(
            self.name,
            self._clock(),
            score=spam.score,
            required=spam.threshold,
            action="spam" if spam.value else "ham",
            # Which of its rules fired, but not for how much: SYMBOLS tells no points.
            symbols=tuple(_evidence(name) for name in names[:SYMBOLS]),
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
        try:
            response = Response(**ResponseParser().parse(answer))
        except (ParseError, ValueError, TypeError, KeyError, AttributeError, ArithmeticError):
            raise NonsenseError("it does not speak spamd's protocol") from None
        if response.status_code != 0:
            raise NonsenseError(f"it answers {one_line(str(response.message), WORDS)}")
        return response


def _evidence(name: str) -> Evidence:
    return Evidence(name, name.replace("_", " ").capitalize(), "", 0.0, "spamassassin")
