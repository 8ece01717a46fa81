"""Links made harmless to show: terminals turn what looks like one into something to click."""

import re
from dataclasses import dataclass

from mxtui.message.sanitize import one_line

URL = re.compile(r"(?:https?|ftps?)://[^\s<>\"']{1,2000}", re.IGNORECASE)

_WEB = re.compile(r"(http|ftp)(s?)://([^\s/?#<>\"']*)", re.IGNORECASE)
_BARE = re.compile(r"www\.[^\s/?#<>\"']*", re.IGNORECASE)
_OTHER = re.compile(r"(?<!hxxp)(?<!hxxps)(?<!fxp)(?<!fxps)://")

_IGNORED = dict.fromkeys(map(ord, "\t\r\n"))
_TARGET_LENGTH = 500
_SHOWN_LENGTH = 120


@dataclass(frozen=True, slots=True)
class Link:
    """One link of the text shown."""

    shown: str
    """Words that the reader of the mail sees, sanitised; empty where the target itself is shown."""
    target: str
    """Where it really goes, sanitised and defanged."""


def defang(text: str) -> str:
    """Links in sanitised text, made inactive. Apply it last: removing a character can make a link.

    >>> defang("at https://pay.rechnung.example/88413 or smb://host/x")
    'at hxxps://pay[.]rechnung[.]example/88413 or smb[:]//host/x'
    """
    text = _WEB.sub(_defang_web, text)
    text = _BARE.sub(lambda match: match[0].replace(".", "[.]"), text)
    return _OTHER.sub("[:]//", text)


def link(shown: str, target: str) -> Link:
    """A link from hostile text, its target read as browsers read it: tabs and line ends do not count."""
    target = one_line(target.translate(_IGNORED).strip(), _TARGET_LENGTH)
    inactive = defang(target)
    if inactive == target:
        # javascript:, data:, mailto: and what relies on a <base>.
        inactive = target.replace(":", "[:]", 1)
    return Link(defang(one_line(" ".join(shown.split()), _SHOWN_LENGTH)), inactive)


def _defang_web(match: re.Match[str]) -> str:
    scheme = "hxxp" if match[1].lower() == "http" else "fxp"
    return f"{scheme}{match[2].lower()}://{match[3].replace('.', '[.]')}"
