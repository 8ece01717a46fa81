"""Keys of an operator's own: `hold = "h,f7"` on each screen that has that command, `messages.hold` on one alone.

Textual takes whatever it is given, and a key that nothing answers to is found out during an outage: so a name that is
none, what is no key, and a key that another command has are refused before the console is there.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Final

from textual.binding import Binding
from textual.keys import KEY_NAME_REPLACEMENTS, Keys
from textual.widget import Widget

from mxtui.errors import UsageError
from mxtui.tui.modes import import_others

LATER: Final = ("doctor", "forecast", "history", "inspector", "source")
"""Screens beside those with a number, whose commands are known once they are imported."""

EVERYWHERE: Final = ("app", "table")
"""What has commands on every screen."""

_MODIFIERS: Final = ("ctrl+", "alt+", "shift+")
_NAMED: Final = {key.value for key in Keys} | set(KEY_NAME_REPLACEMENTS.values())


def keymap(wanted: Mapping[str, str]) -> dict[str, str]:
    """Keys by the IDs of bindings, for `App.set_keymap`.

    Raises UsageError: no such command, no key, or a key that another command of that screen has.
    """
    if not wanted:
        return {}
    usual = _usual()
    found: dict[str, str] = {}
    for name in sorted(wanted, key=lambda name: "." in name):  # what is said of one screen is the last word on it
        mapped = [each for each in usual if each == name or each.endswith(f".{name}")]
        if not mapped:
            names = sorted({each.partition(".")[2] for each in usual})
            raise UsageError(f"console.keys: no command is called {name}", f"There are {', '.join(names)}.")
        for key in wanted[name].split(","):
            if not _is_key(key.strip()):
                hint = "Say a letter, or a name as f7, enter, ctrl+x; several with a comma between."
                raise UsageError(f"console.keys.{name}: {key.strip() or 'nothing'} is no key", hint)
        found |= dict.fromkeys(mapped, wanted[name])
    _refuse_clashes(usual, {name: _keys(keys) for name, keys in found.items()})
    return found


def _usual() -> dict[str, frozenset[str]]:
    """The keys of each command, by its ID."""
    import_others()
    for name in LATER:
        import_module(f"mxtui.tui.screens.{name}")
    return {each.id: _keys(each.key) for each in _declared(Widget) if each.id}


def _declared(widget: type[Widget]) -> Iterator[Binding]:
    for each in widget.__subclasses__():
        if each.__module__.startswith("mxtui."):
            yield from (found for found in each.__dict__.get("BINDINGS", ()) if isinstance(found, Binding))
        yield from _declared(each)


def _keys(keys: str) -> frozenset[str]:
    """As Textual names them: `?` is `question_mark`."""
    return frozenset(each.key for each in Binding.make_bindings([Binding(keys, "", "")]))


def _is_key(key: str) -> bool:
    for modifier in _MODIFIERS:
        key = key.removeprefix(modifier)
    if len(key) == 1 or key in _NAMED:
        return True
    try:
        unicodedata.lookup(key.replace("_", " "))
    except KeyError:
        return False
    return True


def _refuse_clashes(usual: Mapping[str, frozenset[str]], changed: Mapping[str, frozenset[str]]) -> None:
    for name, keys in changed.items():
        for other, others in usual.items():
            # Those that share a key from the beginning, as `pause` of a drain and of the view, are meant to.
            if other == name or not _meet(name, other) or usual[name] & others:
                continue
            if both := keys & changed.get(other, others):
                raise UsageError(
                    f"console.keys: {min(both)} would be both {name} and {other}",
                    f"Give {other} another key there, too.",
                )


def _meet(one: str, other: str) -> bool:
    """Whether two commands can be at work at one time."""
    screens = {one.partition(".")[0], other.partition(".")[0]}
    return len(screens) == 1 or not screens.isdisjoint(EVERYWHERE)
