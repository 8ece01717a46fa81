"""The screens. All but the first are imported when that is on the terminal: it is there 0.1 s sooner."""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

from textual.screen import Screen

from mxtui.tui.screens.domains import DomainsScreen

_LATER = {
    "messages": "MessagesScreen",
    "reasons": "ReasonsScreen",
    "drain": "DrainScreen",
    "primaries": "PrimariesScreen",
    "audit": "AuditScreen",
    "suspects": "SuspectsScreen",
    "hosts": "HostsScreen",
}


def _screen(name: str) -> Screen[Any]:
    screen = getattr(import_module(f"mxtui.tui.screens.{name}"), _LATER[name])()
    assert isinstance(screen, Screen)
    return screen


MODES: dict[str, str | Callable[[], Screen[Any]]] = {
    "domains": DomainsScreen,
    **{name: partial(_screen, name) for name in _LATER},
}


def import_others() -> None:
    """So that no key has to wait for it."""
    for name in _LATER:
        import_module(f"mxtui.tui.screens.{name}")
