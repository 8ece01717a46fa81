"""The message of a drill."""

import secrets
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate
from typing import Final

from mxtui.model.drill import MARK

TEXT: Final = """\
This is a drill of the backup mail server {host}: it was sent through it to see whether mail comes through.
Nobody needs to do anything. Filter it by the header {mark}.
"""


@dataclass(frozen=True, slots=True)
class Letter:
    """One drill's."""

    mark: str
    """Its own name; in MARK, Subject and Message-ID."""
    sender: str
    """Envelope sender; empty: the null sender, so that nothing is returned."""
    recipient: str
    content: bytes
    """With CRLF line ends."""


def compose(host: str, sender: str, recipient: str, now: float) -> Letter:
    """A new one."""
    mark = secrets.token_hex(8)
    mail = EmailMessage()
    mail["From"] = sender or f"mxtui@{host}"
    mail["To"] = recipient
    mail["Subject"] = f"mxtui drill {mark}"
    mail["Date"] = formatdate(now)
    mail["Message-ID"] = f"<drill-{mark}@{host}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail[MARK] = mark
    mail.set_content(TEXT.format(host=host, mark=MARK))
    return Letter(mark, sender, recipient, bytes(mail).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
