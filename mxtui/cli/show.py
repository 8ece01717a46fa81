"""`mxtui show`: one message."""

import sys
from datetime import datetime
from pathlib import Path

import click

from mxtui.cli.attach import attach
from mxtui.cli.common import common_options
from mxtui.cli.listing import as_object
from mxtui.cli.message import WHOLE, inspect_message, save_message
from mxtui.cli.output import narrate, print_json
from mxtui.errors import NoQueue, UsageError
from mxtui.message.differences import Envelope, differences
from mxtui.message.inspect import Inspection
from mxtui.message.sanitize import one_line
from mxtui.model.message import QueuedMessage, written_sender


@click.command("show")
@common_options
@click.option("--json", "as_json", is_flag=True, help="What `list --json` tells of it, and its headers.")
@click.option("--raw", is_flag=True, help="The message exactly as stored, and nothing else.")
@click.option("--headers", is_flag=True, help="Decoded headers only.")
@click.option("--eml", metavar="FILE", type=click.Path(path_type=Path), help="Save it to a new file (mode 0600).")
@click.argument("queue_id", metavar="ID")
def show_command(
    queue: str | None,
    config: str | None,
    no_color: bool,
    as_json: bool,
    raw: bool,
    headers: bool,
    eml: Path | None,
    queue_id: str,
) -> None:
    """One message: envelope, per-recipient state, headers and text, made safe for a terminal."""
    if raw + headers + (eml is not None) + as_json > 1:
        raise UsageError("--raw, --headers, --eml and --json exclude each other", "Choose one.")
    with attach(queue, config) as attached:
        message = attached.queue.find(queue_id)
        if message is None:
            raise NoQueue(
                f"no message {one_line(queue_id, 40)} is queued", "It may have been delivered: see the mail log."
            )
        if raw and sys.stdout.isatty():
            raise UsageError("raw mail can hold what a terminal obeys", "Pipe it (| less), or save it with --eml FILE.")
        if raw:
            sys.stdout.buffer.write(attached.queue.content(queue_id, WHOLE))
            return
        if eml is not None:
            narrate(f"{save_message(attached.queue, queue_id, eml):,} bytes saved to {eml}")
            return
        inspection = inspect_message(attached.queue, queue_id)
    if as_json:
        fields = [[header.name, header.value] for header in inspection.headers]
        print_json({**as_object(message), "headers": fields})
    elif headers:
        _print_headers(inspection)
    else:
        _print_all(message, inspection)


def _print_headers(inspection: Inspection) -> None:
    for header in inspection.headers:
        click.echo(f"{header.name}: {header.value}")


def _print_all(message: QueuedMessage, inspection: Inspection) -> None:
    expires = f", expires {_time(message.expires)}" if message.expires else ""
    retry = f", next try {_time(message.next_retry)}" if message.next_retry else ""
    click.echo(f"{message.queue_id}  {message.state}, {message.size:,} bytes{retry}{expires}")
    if message.fault:
        click.echo(f"damaged  {one_line(message.fault, 400)}")
    click.echo(f"arrived  {_time(message.arrival)} from {one_line(message.client_address or 'this host', 60)}")
    click.echo(f"from     {one_line(written_sender(message.sender, message.fault), 320)}")
    for recipient in message.recipients:
        reason = f"  {one_line(recipient.reason, 400)}" if recipient.reason else ""
        click.echo(f"to       {one_line(recipient.address, 320)}{reason}")
    if message.done:
        click.echo(f"         {message.done} more delivered already")
    remarks = {
        remark.header.lower(): remark for remark in differences(inspection, Envelope(message.sender, message.arrival))
    }
    click.echo()
    for header in inspection.headers:
        remark = remarks.get(header.name.lower())
        note = f"   ≠ {remark.words}" if remark and remark.differs else ""
        click.echo(f"{header.name}: {header.value}{note}")
    if len(inspection.parts) > 1:
        click.echo("\nparts")
        for part in inspection.parts:
            name = f"  {part.filename}" if part.filename else ""
            click.echo(f"{'  ' * (part.depth + 1)}{part.media_type}  {part.size:,} bytes{name}")
    click.echo()
    for line in inspection.text.lines:
        click.echo(line)
    for note in inspection.notes:
        narrate(f"({note})")


def _time(moment: float) -> str:
    return datetime.fromtimestamp(moment).astimezone().isoformat(" ", "seconds")
