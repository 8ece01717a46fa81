"""Asking before anything is done: a terminal, or whoever runs commands for an operator in place of one."""

import sys
from abc import ABC, abstractmethod

import click

from mxtui.errors import UsageError


class Asker(ABC):
    """Who puts questions to the operator, where it is not the terminal: the `obj` of click's context."""

    @abstractmethod
    def agrees(self, question: str) -> bool:
        """Whether the operator said yes, in so many words."""


def agreed(question: str, *, yes: bool) -> bool:
    """Whether to go on. Without a terminal nobody can be asked, so `--yes` must have been said.

    Raises:
        UsageError: nobody can be asked, and no `--yes`.
    """
    if yes:
        return True
    context = click.get_current_context(silent=True)
    if context is not None and isinstance(context.obj, Asker):
        return context.obj.agrees(question)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("nobody is there to confirm", "Say --yes, or --dry-run to see the plan only.")
    return click.confirm(question, err=True)
