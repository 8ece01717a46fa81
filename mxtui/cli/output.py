"""How commands write: data to stdout, narration to stderr, progress to a terminal's stderr only."""

import sys
from collections.abc import Sequence
from typing import Any

import click
import msgspec


def print_json(value: Any) -> None:
    """One object on one line of stdout."""
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()


def narrate(text: str) -> None:
    """A line for the operator, on stderr."""
    click.echo(text, err=True)


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
