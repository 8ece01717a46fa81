r"""What the lines of Postfix's log say about a message.

    Nov 22 15:54:42 mx2 postfix/smtp[8949]: CA6A420C29D: to=<x@example.org>, relay=none, delay=0.02,
        delays=0.01/0.02/0/0, dsn=4.4.1, status=deferred (connect to 192.0.2.1[192.0.2.1]:25: Connection refused)

Only the front of a line is trusted: syslog writes it, and Postfix the queue ID. Addresses are the sender's words and
the text after `status=` the remote server's, so everything is matched from the front, and an address that is not plain
is left to other evidence rather than guessed at.

Source: Postfix, src/global/log_adhoc.c, src/global/opened.c, src/qmgr/qmgr_active.c, src/pickup/pickup.c.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal, get_args

LINE_LIMIT: Final = 4096
"""Bytes of a line that are looked at. syslog cuts at 1024 or 2048, postlogd at 2048."""

TEXT_LIMIT: Final = 500

Status = Literal["sent", "deferred", "bounced", "expired"]

_STATUSES: Final[dict[str, Status]] = {status: status for status in get_args(Status)}


@dataclass(frozen=True, slots=True)
class Attempt:
    """A delivery agent's verdict on one recipient."""

    queue_id: str
    recipient: str
    original: str
    """As it was before aliases (`orig_to`); empty where it is the same."""
    relay: str
    delay: float
    """Seconds since the message arrived."""
    dsn: str
    status: Status
    text: str
    """The server's words; hostile."""


@dataclass(frozen=True, slots=True)
class Returned:
    """qmgr gave a message up: `expired`, or `force-expired` by an operator."""

    queue_id: str
    sender: str
    forced: bool


@dataclass(frozen=True, slots=True)
class Removed:
    """The queue file is gone. Proves nothing about a delivery."""

    queue_id: str


@dataclass(frozen=True, slots=True)
class PickedUp:
    """A message handed in here (`sendmail`, `postsuper -r`) got its queue ID."""

    queue_id: str
    uid: int
    sender: str
    original_id: str
    """The ID it had before `postsuper -r`; empty for new mail."""


Event = Attempt | Returned | Removed | PickedUp

# The header: classic syslog's (`Nov  2 15:54:42 host`) or the RFC 3339 time that rsyslog and newer Debian write.
_HEADER = re.compile(
    r"(?:[A-Z][a-z]{2} [ 0-9]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[0-9:.]{8,18}(?:Z|[+-]\d\d:\d\d)) [^\s\[]{1,255} "
    r"(?P<process>[^\s\[]{1,200})\[\d{1,10}\]: "
)
_MESSAGE = re.compile(r"(?P<id>[0-9A-Za-z]{6,100}): (?P<rest>.*)", re.DOTALL)
_ADDRESS = r'(?:"(?:[^"\\]|\\.){0,512}"@[^<>,\s"]{0,512}|[^<>",]{0,1024})'
_ATTEMPT = re.compile(
    rf"to=<(?P<to>{_ADDRESS})>, (?:orig_to=<(?P<original>{_ADDRESS})>, )?"
    r"relay=(?P<relay>[^,]{0,1024}), (?:conn_use=\d{1,9}, )?"
    r"delay=(?P<delay>[\d.]{1,20}), (?:delays=[\d./]{1,100}, )?"
    r"dsn=(?P<dsn>\d\.\d{1,3}\.\d{1,3}), status=(?P<status>sent|deferred|bounced|expired)(?: \((?P<text>.*))?",
    re.DOTALL,
)
_RETURNED = re.compile(rf"from=<(?P<sender>{_ADDRESS})>, status=(?P<forced>force-)?expired, returned to sender")
_PICKED_UP = re.compile(
    rf"uid=(?P<uid>\d{{1,10}}) from=<(?P<sender>{_ADDRESS})>(?: orig_id=(?P<original>[0-9A-Za-z]{{6,100}}))?\s*"
)


def parse_line(line: bytes) -> Event | None:
    """What a line of a syslog-style file says; None where it is about something else."""
    text = line[:LINE_LIMIT].decode("utf-8", "replace").rstrip("\r\n")
    header = _HEADER.match(text)
    if header is None:
        return None
    return parse_message(header["process"].rpartition("/")[2], text[header.end() :])


def parse_message(daemon: str, text: str) -> Event | None:
    """What a daemon's message says; `daemon` without syslog_name (`smtp`, `qmgr`)."""
    message = _MESSAGE.match(text)
    if message is None:
        return None
    queue_id, rest = message["id"], message["rest"]
    if daemon == "qmgr":
        if rest == "removed":
            return Removed(queue_id)
        returned = _RETURNED.match(rest)
        return returned and Returned(queue_id, returned["sender"], returned["forced"] is not None)
    if daemon == "pickup":
        picked = _PICKED_UP.fullmatch(rest)
        return picked and PickedUp(queue_id, int(picked["uid"]), picked["sender"], picked["original"] or "")
    attempt = _ATTEMPT.match(rest)
    if attempt is None:
        return None
    return Attempt(
        queue_id,
        attempt["to"],
        attempt["original"] or "",
        attempt["relay"],
        _seconds(attempt["delay"]),
        attempt["dsn"],
        _STATUSES[attempt["status"]],
        (attempt["text"] or "").removesuffix(")")[:TEXT_LIMIT],
    )


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:  # 1.2.3
        return 0.0
