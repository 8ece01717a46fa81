"""How commands write: data to stdout, narration to stderr, progress to a terminal's stderr only."""

import errno
import sys
from collections.abc import Sequence
from typing import Any, Final

import click
import msgspec

from mxtui.message.escaped import escaped

FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def print_json(value: Any) -> None:
    """One object on one line of stdout; its strings mean what they meant, whatever a terminal makes of them."""
    sys.stdout.buffer.write(escaped(msgspec.json.encode(value)) + b"\n")
    sys.stdout.buffer.flush()


def narrate(text: str) -> None:
    """A line for the operator, on stderr. Where that is a file on a full disk it is lost, and nothing else is.

    Raises OSError: the terminal is gone.
    """
    try:
        click.echo(text, err=True)
    except OSError as error:
        if error.errno not in FULL:
            raise


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], align: str) -> str:
    """Columns two spaces apart; `align` has a `<` or `>` for each. Colour codes do not count as width."""
    lines = [heads, *rows]
    widths = [max(len(click.unstyle(line[n])) for line in lines) for n in range(len(heads))]

    def cell(text: str, width: int, side: str) -> str:
        padding = " " * (width - len(click.unstyle(text)))
        return padding + text if side == ">" else text + padding

    return "\n".join(
        "  ".join(cell(text, width, side) for text, width, side in zip(line, widths, align, strict=True)).rstrip()
        for line in lines
    )
