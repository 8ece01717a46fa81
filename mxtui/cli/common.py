"""What commands share: options, filters on a command line, attaching, errors in words."""

import os
import re
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mxtui.errors import FilterError, MxtuiError, UsageError
from mxtui.message.sanitize import one_line

if TYPE_CHECKING:
    from mxtui.model.filter import Filter

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

NO_COLOR = "NO_COLOR"

_NEGATED = re.compile(r"-(?!-)(?!q)(?=..)")
"""`-from:<>`, `-(a or b)`, `-invoice`: a term, not options. A single letter is an option, though there are but `-q` and
`-h`: who types `-y` or `-n` by habit must not act on everything that lacks that letter."""

_SHIELD = "\N{NULL}"
"""Before a negated term while click reads the line; it cannot occur in an argument."""


class FilteringCommand(click.Command):
    """A command whose arguments are a filter, in which a leading `-` negates."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Let terms such as `-from:<>` through as arguments."""
        options = {name for parameter in self.params for name in parameter.opts}
        for arg in args:
            # Taken for "all that lack this word", a mistyped --dry-run would act on nearly everything.
            if f"-{arg}" in options and arg not in options:
                raise UsageError(
                    f"{arg} with one dash", f"Say -{arg}, or '-\"{arg[1:]}\"' for all that lack this word."
                )
        return super().parse_args(ctx, [f"{_SHIELD}{arg}" if _NEGATED.match(arg) else arg for arg in args])


def _as_before(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """As it was said before the command, too: `mxtui -q SPOOL hold` must not act on another queue."""
    named = ctx.command_path
    while value is None and ctx.parent is not None and parameter.name is not None:
        ctx = ctx.parent
        value = ctx.params.get(parameter.name)
        if isinstance(value, tuple):
            value = _only(value, named)
    return value


def _only(queues: tuple[str, ...], named: str) -> str | None:
    """The one that was named: of two, the last would be acted on, and nobody would know."""
    if len(queues) > 1:
        several = "Name one by -q; mxtui hosts takes several."
        raise UsageError(f"{named} is for one queue, and {len(queues)} are named", several)
    return queues[0] if queues else None


def _one_queue(ctx: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> str | None:
    """The one that was named after the command, or before it."""
    return _as_before(ctx, parameter, _only(value, ctx.command_path))


def config_option(command: Decorated) -> Decorated:
    """`--config`."""
    settings = "Settings, after /etc/mxtui.toml and the user's own."
    return click.option("--config", metavar="FILE", callback=_as_before, help=settings)(command)


def _all_before(ctx: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """All that were said before the command, where none is after it."""
    said = value or (ctx.parent.params.get(parameter.name or "") if ctx.parent is not None else ())
    return tuple(said or ())


_QUEUE = "A Postfix configuration or queue directory, a spool, ssh://HOST, or a name of [[hosts]]"


def common_options(command: Decorated) -> Decorated:
    """`-q`, `--config`, `--no-color`."""
    for option in (
        no_color_option,
        config_option,
        click.option("-q", "--queue", metavar="SOURCE", multiple=True, callback=_one_queue, help=f"{_QUEUE}."),
    ):
        command = option(command)
    return command


def several_queues(command: Decorated) -> Decorated:
    """The same, with as many `-q` as there are queues."""
    for option in (
        no_color_option,
        config_option,
        click.option(
            "-q",
            "--queue",
            metavar="SOURCE",
            multiple=True,
            callback=_all_before,
            help=f"{_QUEUE}; again for more of them.",
        ),
    ):
        command = option(command)
    return command


def no_color_option(command: Decorated) -> Decorated:
    """`--no-color`."""
    return click.option("--no-color", is_flag=True, callback=_no_color, help="No colours (so does NO_COLOR).")(command)


def _no_color(ctx: click.Context, parameter: click.Parameter, value: bool) -> bool:
    """Whether colours are unwanted (https://no-color.org); from here on the environment says so, also for `fail`."""
    if value:
        os.environ[NO_COLOR] = "1"
    return bool(os.environ.get(NO_COLOR))


def filter_argument(command: Decorated) -> Decorated:
    """`[FILTER…]`, as words in the order given."""
    return click.argument("filter", nargs=-1, metavar="[FILTER]...")(command)


def read_filter(words: Sequence[str], known: Collection[str] = ()) -> "tuple[Filter, str]":
    """The filter and its text; `known` names words beyond those that a queue alone can answer.

    Raises:
        FilterError: it cannot be understood; `fail` shows where.
    """
    from mxtui.model.filter import join_arguments, parse  # 10 ms that commands without a filter need not pay

    text = join_arguments([word.removeprefix(_SHIELD) for word in words])
    try:
        return parse(text, known), text
    except FilterError as error:
        error.add_note(text)
        raise


def fail(error: MxtuiError) -> int:
    """Say what went wrong and what to do, on stderr; the exit status to leave with."""
    colour = False if os.environ.get(NO_COLOR) else None  # None: as the terminal can
    click.echo(f"{click.style('mxtui:', fg='red', bold=True)} {one_line(error.message, 600)}", err=True, color=colour)
    if isinstance(error, FilterError) and getattr(error, "__notes__", None):
        click.echo(f"  {one_line(error.__notes__[0], 2000)}\n  {' ' * error.position}^", err=True)
    if error.hint:
        click.echo(f"  {one_line(error.hint, 600)}", err=True)
    return error.exit_status
