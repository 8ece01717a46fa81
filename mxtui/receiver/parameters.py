"""The parameters of MAIL and RCPT (RFC 5321 4.1.2, 1870, 6152, 6531, 3461), taken only where they were offered."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from mxtui.receiver import replies
from mxtui.receiver.replies import RefusedError

_KEYWORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_VALUE = re.compile("[!-<>-~\u0080-\U0010ffff]+")
_SIZE = re.compile(r"[0-9]{1,20}")
_XTEXT = r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})"
_ENVID = re.compile(rf"(?:{_XTEXT}){{1,100}}")
_ORCPT = re.compile(rf"(?i:utf-8);(?:[!-*,-<>-~\u0080-\U0010ffff]|\+[0-9A-F]{{2}})+|[A-Za-z0-9-]+;{_XTEXT}+")
_LONGEST_ORCPT = 500
_NOTIFY = frozenset({"SUCCESS", "FAILURE", "DELAY"})


@dataclass(frozen=True, slots=True)
class MailParameters:
    """MAIL's; values byte for byte as they came."""

    size: int | None = None
    body: Literal["", "7BIT", "8BITMIME"] = ""
    smtputf8: bool = False
    ret: str = ""
    envid: str = ""


@dataclass(frozen=True, slots=True)
class RecipientParameters:
    """RCPT's; values byte for byte as they came."""

    notify: str = ""
    orcpt: str = ""


def mail_parameters(text: str, offered: Collection[str]) -> MailParameters:
    """What follows the reverse path. Raises RefusedError."""
    if not text:
        return MailParameters()
    given = _parse(text)
    size = body = ret = envid = ""
    smtputf8 = False
    for keyword, value in given.items():
        match keyword:
            case "SIZE" if "SIZE" in offered:
                size = _matching(_SIZE, value)
            case "BODY" if "8BITMIME" in offered:
                body = _one_of(value, "7BIT", "8BITMIME")
            case "SMTPUTF8" if "SMTPUTF8" in offered:
                if value is not None:
                    raise RefusedError(replies.BAD_PARAMETER)
                smtputf8 = True
            case "RET" if "DSN" in offered:
                _one_of(value, "FULL", "HDRS")
                ret = value or ""
            case "ENVID" if "DSN" in offered:
                envid = _matching(_ENVID, value)
            case _:
                raise RefusedError(replies.UNKNOWN_PARAMETER)
    kind: Literal["", "7BIT", "8BITMIME"] = "8BITMIME" if body == "8BITMIME" else "7BIT" if body else ""
    return MailParameters(int(size) if size else None, kind, smtputf8, ret, envid)


def recipient_parameters(text: str, offered: Collection[str], *, smtputf8: bool) -> RecipientParameters:
    """What follows the forward path. Raises RefusedError."""
    if not text:
        return RecipientParameters()
    notify = orcpt = ""
    for keyword, value in _parse(text).items():
        match keyword:
            case "NOTIFY" if "DSN" in offered:
                notify = _notify(value)
            case "ORCPT" if "DSN" in offered:
                orcpt = _matching(_ORCPT, value)
                if len(orcpt) > _LONGEST_ORCPT or not (smtputf8 or orcpt.isascii()):
                    raise RefusedError(replies.BAD_PARAMETER)
            case _:
                raise RefusedError(replies.UNKNOWN_PARAMETER)
    return RecipientParameters(notify, orcpt)


def _parse(text: str) -> dict[str, str | None]:
    """By keyword in upper case; None where there was no `=`."""
    if not text.startswith(" "):
        raise RefusedError(replies.BAD_PARAMETER)
    given: dict[str, str | None] = {}
    for parameter in text.split(" "):
        if not parameter:
            continue
        keyword, equals, value = parameter.partition("=")
        name = keyword.upper()
        if not _KEYWORD.fullmatch(keyword) or name in given or (equals and not _VALUE.fullmatch(value)):
            raise RefusedError(replies.BAD_PARAMETER)
        given[name] = value if equals else None
    return given


def _matching(pattern: re.Pattern[str], value: str | None) -> str:
    if value is None or not pattern.fullmatch(value):
        raise RefusedError(replies.BAD_PARAMETER)
    return value


def _one_of(value: str | None, *words: str) -> str:
    if value is None or value.upper() not in words:
        raise RefusedError(replies.BAD_PARAMETER)
    return value.upper()


def _notify(value: str | None) -> str:
    words = (value or "").upper().split(",")
    if words != ["NEVER"] and (not _NOTIFY.issuperset(words) or len(set(words)) != len(words)):
        raise RefusedError(replies.BAD_PARAMETER)
    return value or ""
