"""What `serve` leaves in the spool for later.

What primaries offered when last up: after a restart during an outage nobody can be asked. A cache: lost or damaged, it
is empty, and the receiver then promises the least.

Which domains it relays for, and where to: a console, or a flush without a running `serve`, has no flags to read.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from mxtui.folders import replace_file
from mxtui.model.next_hop import NextHop, parse_host
from mxtui.model.offers import Offers, read_offers

FILE = "offers.json"
RELAY = "relay.json"

LIMIT = 1 << 20
"""Bytes; thousands of domains fit."""


class RememberedOffers:
    """The file and what it says."""

    def __init__(self, spool: Path) -> None:
        self._path = spool / FILE
        self._known = dict(_read(self._path))

    def known(self) -> Mapping[str, Offers]:
        """By domain."""
        return self._known

    def learn(self, offers: Mapping[str, Offers]) -> bool:
        """Take in what was heard now; whether that is news. Raises OSError where it cannot be kept."""
        if all(self._known.get(domain) == heard for domain, heard in offers.items()):
            return False
        self._known |= offers
        self._write()
        return True

    def _write(self) -> None:
        content = {
            domain: {"extensions": sorted(offers.extensions), "size": offers.size}
            for domain, offers in sorted(self._known.items())
        }
        leave(self._path, content, durable=False)


def remember_relay(spool: Path, relay: Mapping[str, NextHop]) -> None:
    """Leave the table of domains and primaries. Raises OSError."""
    leave(spool / RELAY, {domain: f"[{hop.host}]:{hop.port}" for domain, hop in relay.items()})


def remembered_relay(spool: Path) -> Mapping[str, NextHop]:
    """The table as `serve` left it; empty where none is to be had."""
    with suppress(ValueError):
        table = kept(spool / RELAY)
        return {domain: parse_host(str(hop)) for domain, hop in table.items()}
    return {}


def leave(path: Path, content: Mapping[str, object], *, durable: bool = True) -> None:
    """Leave an object. Raises OSError."""
    replace_file(path, json.dumps(content, indent=1).encode(), durable=durable)


def kept(path: Path) -> Mapping[str, Any]:
    """The object that was left; empty where none is to be had."""
    with suppress(OSError, ValueError, RecursionError):
        with path.open("rb") as file:
            value: Any = json.loads(file.read(LIMIT))
        if isinstance(value, dict):
            return value
    return {}


def _read(path: Path) -> Mapping[str, Offers]:
    with suppress(ValueError):
        return {domain: _offers(entry) for domain, entry in kept(path).items()}
    return {}


def _offers(entry: Any) -> Offers:
    """Read as if the server had said it again. Raises ValueError."""
    if not (isinstance(entry, dict) and isinstance(entry.get("extensions"), list)):
        raise ValueError
    size = entry.get("size")
    lines = [f"SIZE {size}" if word == "SIZE" and isinstance(size, int) else str(word) for word in entry["extensions"]]
    return read_offers(lines)
