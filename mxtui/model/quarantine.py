"""Which mail in quarantine a release means: that which is named, and never what merely matches beside other mail."""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from mxtui.errors import FilterError
from mxtui.model.plan import Target

if TYPE_CHECKING:  # who only looks needs no filter
    from mxtui.model.filter import Filter

UNNAMED: Final = "in quarantine: released only where named, by is:quarantined or id:"

_MARKED: Final = re.compile(r"[\d,]+ marked")
"""How the console says that messages were picked one by one, or by a filter that is forgotten by now."""


def named_in_quarantine(selection: str, targets: Sequence[Target]) -> Collection[str]:
    """The queue IDs of those in quarantine that a selection names: all by `is:quarantined` or `state:quarantine`.

    One is named by `id:`, in full. Marks name them where nothing else is marked: they can mean nothing else.
    """
    quarantined = {target.queue_id for target in targets if target.state == "quarantine"}
    if not quarantined:
        return quarantined
    if _MARKED.fullmatch(selection):
        return quarantined if len(quarantined) == len({target.queue_id for target in targets}) else frozenset()
    from mxtui.model.filter import EXTRA_WORDS, parse

    try:
        named = set(_named(parse(selection, EXTRA_WORDS)))
    except FilterError:  # words of our own: an undo, a hold of a domain
        return frozenset()
    return quarantined if ALL in named else quarantined & named


ALL: Final = ""
"""No queue ID."""


def _named(wanted: "Filter") -> Iterator[str]:
    """What a filter names outright; a negated word names nothing."""
    from mxtui.model.filter import And, Field, Match, Or

    match wanted:
        case And(terms) | Or(terms):
            for term in terms:
                yield from _named(term)
        case Match(Field.ID, values):
            yield from (value.text for value in values if not value.wildcard)
        case Match(Field.IS, values) if any(value.text == "quarantined" for value in values):
            yield ALL
        case Match(Field.STATE, values) if any(value.text == "quarantine" for value in values):
            yield ALL
