"""Whether Postfix's restrictions let strangers relay, read as smtpd(8) reads them: first match wins, list by list."""

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Final

LISTS: Final = ("smtpd_relay_restrictions", "smtpd_recipient_restrictions")

_ENDS: Final = ("reject_unauth_destination", "defer_unauth_destination", "reject", "defer", "defer_if_permit")
"""What no stranger's mail for other domains passes (access(5), postconf(5))."""

_TRUSTED: Final = (
    "permit_mynetworks",
    "permit_sasl_authenticated",
    "permit_tls_clientcerts",
    "permit_auth_destination",
    "permit_inet_interfaces",
)

WIDEST: Final = (16, 32)
"""Bits of an IPv4 or IPv6 network outside those for private use that one site can plausibly call its own."""


def open_by_settings(settings: Mapping[str, str]) -> str:
    """Why strangers may relay; empty where they may not. Tables in between are taken to permit nobody.

    Mail has to pass both lists, so that either of them is enough to keep strangers out.
    """
    why = f"neither {' nor '.join(LISTS)} has reject_unauth_destination"
    for name in reversed(LISTS):
        for word in _words(settings.get(name, "")):
            if word in _ENDS:
                return ""
            if word.startswith("permit") and word not in _TRUSTED:
                why = f"{word} in {name} permits strangers before reject_unauth_destination"
                break
    return why


def networks_too_wide(mynetworks: str) -> Sequence[str]:
    """Networks that hold more of the world than one site has; tables are not looked into.

    >>> networks_too_wide("127.0.0.0/8 10.0.0.0/8 198.0.0.0/8 0.0.0.0/0 [::1]/128")
    ['198.0.0.0/8', '0.0.0.0/0']
    """
    wide = []
    for word in _words(mynetworks):
        try:
            network = ipaddress.ip_network(word.replace("[", "").replace("]", ""), strict=False)
        except ValueError:
            continue
        if network.prefixlen < WIDEST[network.version == 6] and not network.is_private:
            wide.append(word)
    return wide


def _words(value: str) -> list[str]:
    return [word for word in re.split(r"[,\s]+", value.strip("{} ")) if word]
