"""Links made harmless to show: terminals turn what looks like one into something to click."""

import re
from dataclasses import dataclass

from mxtui.message.sanitize import one_line

URL = re.compile(r"(?:https?|ftps?)://[^\s<>\"']{1,2000}", re.IGNORECASE)

_WEB = re.compile(r"(http|ftp)(s?)://([^\s/?#<>\"']*)", re.IGNORECASE)
_BARE = re.compile(r"www\.[^\s/?#<>\"']*", re.IGNORECASE)
_OTHER = re.compile(r"(?<!hxxp)(?<!hxxps)(?<!fxp)(?<!fxps)://")

# Where a browser would go: of `https://bank.example@evil.example:8/`, the host behind the last `@` (RFC 3986, 3.2).
_HOST = re.compile(
    r"\s*(?:[a-z][a-z0-9+.-]{0,20}:)?[/\\\\]{2}(?:[^/?#\\\\]*@)?(\[[^\]]*\]|[^/?#\\\\:\s]+)", re.IGNORECASE
)
_NAMED = re.compile(r"(?:https?://|www\.)[^\s<>\"']+|\A[^\s@/]+\.[^\W\d_]{2,}(?=[/:?#]|\Z)[^\s]*\Z", re.IGNORECASE)

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
    differs: bool = False
    """Its words name one server and it leads to another."""


def defang(text: str) -> str:
    """Links in sanitised text, made inactive. Apply it last: removing a character can make a link.

    >>> defang("at https://pay.rechnung.example/88413 or smb://host/x")
    'at hxxps://pay[.]rechnung[.]example/88413 or smb[:]//host/x'
    """
    if "://" in text:
        text = _WEB.sub(_defang_web, text)
    if "www." in text.lower():
        text = _BARE.sub(lambda match: match[0].replace(".", "[.]"), text)
    return _OTHER.sub("[:]//", text) if "://" in text else text


def link(shown: str, target: str) -> Link:
    """A link from hostile text, its target read as browsers read it: tabs and line ends do not count."""
    target = target.translate(_IGNORED).strip()
    words = " ".join(shown.split())
    differs = _misleads(words, target)
    target = one_line(target, _TARGET_LENGTH)
    inactive = defang(target)
    if inactive == target:
        # javascript:, data:, mailto: and what relies on a <base>.
        inactive = target.replace(":", "[:]", 1)
    return Link(defang(one_line(words, _SHOWN_LENGTH)), inactive, differs)


def _misleads(words: str, target: str) -> bool:
    """Whether words that read as an address name a server that is neither the target's, nor above it, nor below."""
    named = _NAMED.search(words[:_TARGET_LENGTH])
    leads = _HOST.match(target[:_TARGET_LENGTH])
    if named is None or leads is None or named[0] in target:
        return False
    told = _HOST.match(named[0] if "://" in named[0] else f"//{named[0]}")
    if told is None:
        return False
    one, other = (host[1].lower().rstrip(".").removeprefix("www.") for host in (told, leads))
    return one != other and not one.endswith(f".{other}") and not other.endswith(f".{one}")


def _defang_web(match: re.Match[str]) -> str:
    scheme = "hxxp" if match[1].lower() == "http" else "fxp"
    return f"{scheme}{match[2].lower()}://{match[3].replace('.', '[.]')}"
