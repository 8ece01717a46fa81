"""Handing a drill in by SMTP, as a stranger's server would."""

import re
import smtplib
from typing import Final

from mxtui.drilling.letter import Letter
from mxtui.errors import Unreachable
from mxtui.message.sanitize import one_line
from mxtui.model.next_hop import NextHop

TIMEOUT: Final = 30.0

_QUEUED: Final = re.compile(r"queued as ([0-9A-Za-z-]{6,100})")


class NotTaken(Unreachable):
    """The backup refused it; `code` is its reply's."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def hand_in(letter: Letter, server: NextHop, hostname: str) -> str:
    """The queue ID that it got. Raises NotTaken, Unreachable."""
    where = f"{server.host}:{server.port}"
    try:
        with smtplib.SMTP(server.host, server.port, local_hostname=hostname, timeout=TIMEOUT) as smtp:
            smtp.ehlo_or_helo_if_needed()
            _accepted(where, "MAIL", smtp.mail(letter.sender))
            _accepted(where, "RCPT", smtp.rcpt(letter.recipient))
            said = _accepted(where, "DATA", smtp.data(letter.content))
            found = _QUEUED.search(said)
    except smtplib.SMTPResponseException as error:
        said = error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        raise NotTaken(error.smtp_code, f"{where}: {error.smtp_code} {one_line(said, 300)}") from None
    except (smtplib.SMTPException, OSError) as error:
        raise Unreachable(f"{where} could not be handed the drill: {error}", "Say --via HOST:PORT.") from None
    if found is None:
        raise Unreachable(f"{where} did not say under which queue ID it took the drill", "Is it this mail system?")
    return found[1]


def _accepted(where: str, what: str, answer: tuple[int, bytes]) -> str:
    code, text = answer
    said = text.decode("utf-8", "replace")
    if code >= 400:
        raise NotTaken(code, f"{where} said to {what}: {code} {one_line(said, 300)}")
    return said
