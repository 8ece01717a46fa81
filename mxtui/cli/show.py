"""`mxtui show`: one message."""

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from mxtui.cli.attach import attach
from mxtui.cli.common import common_options
from mxtui.cli.inspected import (
    as_object,
    client_object,
    print_client,
    print_headers,
    print_hops,
    print_notes,
    print_parts,
    print_text,
    say,
)
from mxtui.cli.judging import Judging, judgement_object, print_judgement
from mxtui.cli.listing import as_object as listed
from mxtui.cli.message import UNLIMITED, inspect_message, save_message, save_part
from mxtui.cli.output import narrate, print_json
from mxtui.errors import NoQueue, UsageError
from mxtui.message.differences import Envelope, Remark, differences
from mxtui.message.handover import Encryption, encryption
from mxtui.message.inspect import Inspection
from mxtui.message.sandbox import Sandbox
from mxtui.message.sanitize import one_line
from mxtui.model.envelope import Client
from mxtui.model.message import QueuedMessage, written_sender


@click.command("show")
@common_options
@click.option("--json", "as_json", is_flag=True, help="What `list --json` tells of it, and all that is in it.")
@click.option("--raw", is_flag=True, help="The message exactly as stored, and nothing else.")
@click.option("--headers", is_flag=True, help="Decoded headers only.")
@click.option("--eml", metavar="FILE", type=click.Path(path_type=Path), help="Save it to a new file (mode 0600).")
@click.option("--part", "number", metavar="N", type=click.IntRange(1), help="With --out: that part, decoded.")
@click.option("--out", metavar="FILE", type=click.Path(path_type=Path), help="A new file (mode 0600) for --part.")
@click.argument("queue_id", metavar="ID")
def show_command(
    queue: str | None,
    config: str | None,
    no_color: bool,
    as_json: bool,
    raw: bool,
    headers: bool,
    eml: Path | None,
    number: int | None,
    out: Path | None,
    queue_id: str,
) -> None:
    """One message, made safe for a terminal: envelope, per-recipient state, hops, headers, parts, text and links."""
    if raw + headers + (eml is not None) + as_json + (number is not None) > 1:
        raise UsageError("--raw, --headers, --eml, --part and --json exclude each other", "Choose one.")
    if (number is None) != (out is None):
        raise UsageError("--part and --out belong together", "mxtui show --part 2 --out FILE ID")
    with attach(queue, config) as attached, Sandbox() as sandbox:
        message = attached.queue.find(queue_id)
        if message is None:
            raise NoQueue(
                f"no message {one_line(queue_id, 40)} is queued", "It may have been delivered: see the mail log."
            )
        if raw and sys.stdout.isatty():
            raise UsageError("raw mail can hold what a terminal obeys", "Pipe it (| less), or save it with --eml FILE.")
        if raw:
            sys.stdout.buffer.write(attached.queue.content(queue_id, UNLIMITED))
            return
        if eml is not None:
            narrate(f"{save_message(attached.queue, queue_id, eml):,} bytes saved to {eml}")
            return
        sandbox.warm()  # it starts while the file is read
        inspection = inspect_message(attached.queue, queue_id, sandbox)
        if number is not None and out is not None:
            part = inspection.part(number)
            if part is None:
                raise UsageError(f"there is no part {number}", "`mxtui show` lists them with their numbers.")
            narrate(f"{save_part(attached.queue, queue_id, part, out):,} bytes saved to {out}")
            return
        client = attached.queue.client(queue_id)
        own = frozenset({attached.queue.source.name.lower()})
        primaries = frozenset(hop.host.lower() for hop in attached.settings.primaries.values())
        trusted = frozenset(attached.settings.spam.trusted)
        seen = Envelope(message.sender, message.arrival, own, primaries, trusted, client)
        if not headers:
            addresses = [each.address for each in message.recipients]
            attached.site.nonexistent(attached.now(), lambda mark: (1, addresses if mark == 0 else ()))
            judging = Judging(attached)
            judgement = judging.judge(message, inspection)
            judging.close()
        suspect = attached.settings.spam.suspect
    how = encryption(client, inspection, own, queue_id) if client is not None else None
    remarks = differences(inspection, seen)
    if as_json:
        print_json(
            {
                **listed(message),
                "client": client_object(client, how),
                **as_object(inspection, remarks),
                **judgement_object(judgement),
            }
        )
    elif headers:
        print_headers(inspection)
    else:
        _print_all(message, client, how, inspection, remarks)
        say()
        print_judgement(judgement, suspect)


def _print_all(
    message: QueuedMessage,
    client: Client | None,
    how: Encryption | None,
    inspection: Inspection,
    remarks: Sequence[Remark],
) -> None:
    _print_envelope(message, client, how, next((remark for remark in remarks if remark.header == "helo"), None))
    say()
    print_headers(inspection, remarks)
    say()
    print_hops(inspection.hops)
    say()
    print_parts(inspection.parts)
    say()
    print_text(inspection.text)
    print_notes(inspection)


def _print_envelope(
    message: QueuedMessage, client: Client | None, how: Encryption | None, remark: Remark | None
) -> None:
    expires = f", expires {_time(message.expires)}" if message.expires else ""
    retry = f", next try {_time(message.next_retry)}" if message.next_retry else ""
    say(f"{message.queue_id}  {message.state}, {message.size:,} bytes{retry}{expires}")
    if message.fault:
        say(f"damaged  {one_line(message.fault, 400)}")
    say(f"arrived  {_time(message.arrival)} from {one_line(message.client_address or 'this host', 60)}")
    if client is not None and how is not None:
        print_client(client, how, remark)
    say(f"from     {one_line(written_sender(message.sender, message.fault), 320)}")
    for recipient in message.recipients:
        reason = f"  {one_line(recipient.reason, 400)}" if recipient.reason else ""
        say(f"to       {one_line(recipient.address, 320)}{reason}")
    if message.done:
        say(f"         {message.done} more delivered already")


def _time(moment: float) -> str:
    return datetime.fromtimestamp(moment).astimezone().isoformat(" ", "seconds")
