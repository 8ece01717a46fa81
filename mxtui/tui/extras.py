"""Commands that whoever opened the console adds to every screen: each has a function key."""

from collections.abc import Callable, Sequence
from typing import Any

from textual.binding import Binding

from mxtui.tui.commands import Command
from mxtui.tui.services import Extra

KEYS = ("f2", "f3", "f4", "f5", "f6", "f7")
MOST = len(KEYS)


def extra_bindings() -> list[Binding]:
    """A binding for each key; where nothing was added, nothing happens."""
    return [Binding(key, f"command({_id(key)!r})", _id(key), show=False, id=_id(key), priority=True) for key in KEYS]


def extra_commands(extras: Sequence[Extra], run: Callable[[Any, Extra], object]) -> tuple[Command, ...]:
    """The commands for what was added; `run` is given the screen."""
    return tuple(_command(key, extra, run) for key, extra in zip(KEYS, extras, strict=False))


def _command(key: str, extra: Extra, run: Callable[[Any, Extra], object]) -> Command:
    def label(_: Any) -> str:
        return extra.label()

    def start(screen: Any) -> None:
        run(screen, extra)

    return Command(_id(key), key, label, extra.tooltip, start)


def _id(key: str) -> str:
    return f"extra.{key}"
