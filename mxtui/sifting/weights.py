"""What campaigns weigh, in a small file beside what is remembered: who has no index of the queue (a drain, `serve`,
`status`) tells suspects by it.
"""

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

import msgspec

from mxtui.folders import make_folder, replace_file
from mxtui.model.campaign import Campaign, Suspected
from mxtui.model.message import Identity
from mxtui.model.planning import same_message
from mxtui.sifting.clearing import Clearing
from mxtui.sifting.clearing import file_beside as cleared_beside
from mxtui.sifting.store import Store

LARGEST: Final = 16 << 20


class Weight(msgspec.Struct, frozen=True, array_like=True):
    """Of one campaign."""

    points: float
    cleared: bool


class Weights(msgspec.Struct, frozen=True):
    """Of all campaigns of a queue, when they were last looked at."""

    at: float = 0.0
    """Epoch seconds."""
    suspects: int = 0
    """Messages that were suspect then."""
    suspect_campaigns: int = 0
    campaigns: dict[str, Weight] = {}


NOTHING: Final = Weights()


def file_beside(sifted: Path) -> Path:
    """Where it is, by the file of what is remembered of a queue."""
    return sifted.with_suffix(".weights.json")


def read(sifted: Path) -> Weights:
    """The latest; nothing where nobody has sifted, or the file cannot be read."""
    with suppress(OSError, msgspec.DecodeError), file_beside(sifted).open("rb") as file:
        return msgspec.json.decode(file.read(LARGEST), type=Weights)
    return NOTHING


def write(sifted: Path, groups: Iterable[Campaign], found: Suspected, at: float) -> None:
    """Keep them: campaigns, and their sum. What cannot be written is found out anew by the next one who looks."""
    weighed = {each.name: Weight(each.points, each.cleared) for each in groups if each.kind != "single"}
    weights = Weights(at, found.messages, found.campaigns, weighed)
    with suppress(OSError):
        make_folder(sifted.parent)
        replace_file(file_beside(sifted), msgspec.json.encode(weights))


def suspicion(sifted: Path, suspect: float) -> Callable[[Identity], bool]:
    """Tells which messages were suspect when somebody last looked; none where nobody did. 0.3 s for 100,000."""
    weights = read(sifted).campaigns
    found: dict[str, Identity] = {}
    with suppress(sqlite3.Error, OSError), closing(Store(sifted, writing=False)) as store:
        contents = Clearing(cleared_beside(sifted)).contents()
        cleared = {each.identity.queue_id for content in contents for each in store.alike(bytes.fromhex(content))}
        for each in store.judged():
            if each.identity.queue_id in cleared:
                continue
            weight = weights.get(each.campaign)
            points = each.points + (weight.points if weight is not None else 0.0)
            if round(points, 1) >= suspect and not (weight is not None and weight.cleared):
                found[each.identity.queue_id] = each.identity

    def is_suspect(identity: Identity) -> bool:
        judged = found.get(identity.queue_id)
        return judged is not None and same_message(judged, identity)

    return is_suspect
