"""Which files do something when somebody opens them."""

import re

_KINDS = ("program", "script", "shortcut")

# What Outlook and Gmail refuse as attachments because a double click runs it, and macro-enabled documents.
_ENDING = re.compile(
    r"\.("
    r"ade|adp|apk|appx|appxbundle|bat|cab|chm|cmd|com|cpl|dll|dmg|docm|dotm|ex|exe|hta|img|ins|iso|isp|jar|js"
    r"|jse|lib|lnk|mde|msc|msi|msix|msp|mst|nsh|one|pif|potm|ppam|ppsm|pptm|ps1|ps1xml|ps2|psc1|reg|scr|sct|shb"
    r"|svg|sys|vb|vbe|vbs|vhd|vhdx|vxd|wsc|wsf|wsh|xlam|xll|xlsb|xlsm|xltm"
    r")[\s.\"]*\Z"
)


def by_content(sniffed: str | None) -> str:
    """The kind of program that a file's first bytes (`mxtui.message.magic`) say it is; empty where it is none."""
    return sniffed if sniffed is not None and sniffed.startswith(_KINDS) else ""


def by_name(filename: str) -> str:
    """The ending that makes a system run a file, `.js`, however the name is spelt; empty where it is no such.

    Dots and spaces at the end do not count, as they do not for Windows.
    """
    found = _ENDING.search(filename.lower())
    return f".{found[1]}" if found is not None else ""
