"""Many alerts of one kind said as one: when a network breaks, a thousand domains are down for one reason."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from mxtui.model.alerts.order import in_order
from mxtui.model.overview import Alert
from mxtui.model.words import counted, some

STORM: Final = 5
"""So many of one kind are said one by one."""


def storms(alerts: Iterable[Alert]) -> Sequence[Alert]:
    """The same, with more than a few of one name and severity in one; in order."""
    kinds: dict[tuple[str, str, bool], list[Alert]] = {}
    for alert in alerts:
        kinds.setdefault((alert.name, alert.severity, alert.acknowledged is not None), []).append(alert)
    said: list[Alert] = []
    for kind in kinds.values():
        said += kind if len(kind) <= STORM else [_as_one(kind)]
    return in_order(said)


def _as_one(kind: Sequence[Alert]) -> Alert:
    first = kind[0]
    domains = tuple(alert.domain for alert in kind if alert.domain is not None)
    messages = sum(alert.messages for alert in kind)
    concerned = f"{counted(len(kind), 'domain')}: {some(domains)}. {counted(messages, 'message')} concerned"
    text = f"{concerned}. {first.domain}: {first.text}"
    return replace(
        first, domain=None, text=text, since=min(each.since for each in kind), messages=messages, domains=domains
    )
