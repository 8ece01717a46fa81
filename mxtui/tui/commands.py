"""What an operator can do, each declared once: key, words, palette entry, and when it is allowed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from textual.binding import Binding

from mxtui.model.source import ALLOWED, Permission


@dataclass(frozen=True, slots=True)
class Command:
    """One action of a screen. `Any` is that screen: the command and its screen are declared together."""

    id: str
    """Stable, for key maps: `messages.hold`."""
    keys: str
    label: str | Callable[[Any], str]
    """In the footer; a word or two."""
    tooltip: str
    """One sentence, for help and palette."""
    run: Callable[[Any], object]
    """Perhaps a coroutine: keys wait until it is over."""
    allowed: Callable[[Any], Permission] = lambda _: ALLOWED
    footer: bool = True
    palette: bool = True

    def words(self, screen: Any) -> str:
        """The label as it reads now."""
        return self.label if isinstance(self.label, str) else self.label(screen)


def bindings(commands: Iterable[Command], prefix: str = "") -> list[Binding]:
    """Textual's bindings for the commands, each with the id by which it can be mapped to other keys.

    `prefix` is `screen.` for a widget that hands its commands to its screen.
    """
    return [
        Binding(
            command.keys,
            f"{prefix}command({command.id!r})",
            command.label if isinstance(command.label, str) else command.id,
            show=False,
            id=command.id,
            tooltip=command.tooltip,
        )
        for command in commands
    ]


def refusal(permission: Permission) -> str:
    """Why a command is not allowed, and what would allow it."""
    why = permission.why_not[:1].upper() + permission.why_not[1:]
    return f"{why.rstrip('.')}. {permission.hint}".strip()
