"""`mxtui list`: messages, oldest first."""

import sys
from collections.abc import Iterator
from typing import Any, get_args

import click

from mxtui.cli.attach import attach, index_of
from mxtui.cli.common import FilteringCommand, common_options, filter_argument, read_filter
from mxtui.cli.output import narrate, print_json, table
from mxtui.cli.sifting import know_recipients, recall
from mxtui.index import Column, Index, Sort, View
from mxtui.message.sanitize import one_line
from mxtui.model.filter import JUDGED_WORDS, asks_for_subjects, depends_on_judgement
from mxtui.model.message import QueuedMessage, written_sender
from mxtui.model.reason import short, summarise
from mxtui.model.words import counted, duration

_CHUNK = 500
"""Messages held at a time, whatever the size of the queue."""


@click.command("list", cls=FilteringCommand)
@common_options
@click.option("--json", "as_json", is_flag=True, help="One object per line: a superset of `postqueue -j`.")
@click.option("--subjects", is_flag=True, help="Read subjects too (a filter that asks for them does).")
@click.option("--sort", type=click.Choice(get_args(Column)), default="age", show_default=True, help="By what to order.")
@click.option("--reverse", is_flag=True, help="Turn the order round.")
@click.option("--limit", type=click.IntRange(0), help="At most so many.")
@filter_argument
def list_command(
    filter: tuple[str, ...],  # noqa: A002
    queue: str | None,
    config: str | None,
    no_color: bool,
    as_json: bool,
    subjects: bool,
    sort: Column,
    reverse: bool,
    limit: int | None,
) -> None:
    """Messages, oldest first: all, or those that match a filter.

    \b
      mxtui list 'domain:example.org age>2h'
      mxtui list '-from:<> reason:"connection refused"'
    """
    wanted, _ = read_filter(filter, JUDGED_WORDS)
    with attach(queue, config) as attached:
        now = attached.now()
        index = index_of(attached.queue, now, subjects=subjects or not as_json or asks_for_subjects(wanted))
        know_recipients(attached, index, wanted)
        if depends_on_judgement(wanted) or sort == "score":
            recall(attached, index)
        view = index.view(wanted, Sort(sort, (sort in ("age", "score")) != reverse), now)
        shown = view.count if limit is None else min(limit, view.count)
        if as_json:
            for message in _messages(index, view, shown):
                print_json(as_object(message))
        else:
            _print_text(view, shown, now)


def _messages(index: Index, view: View, shown: int) -> Iterator[QueuedMessage]:
    for start in range(0, shown, _CHUNK):
        yield from index.messages(row.queue_id for row in view.rows(start, min(start + _CHUNK, shown)))


def as_object(message: QueuedMessage) -> dict[str, Any]:
    """`postqueue -j`'s object (postqueue(1)) and what else is known.

    Addresses are as they are in the queue, for scripts to compare; JSON escapes their control characters.
    Recipients are in the order of their envelope where files are read; postqueue tells those that were tried first.
    """
    return {
        "queue_name": message.state,
        "queue_id": message.queue_id,
        "arrival_time": int(message.arrival),
        "message_size": message.size,
        "forced_expire": message.forced_expire,
        "sender": None if message.unknown_sender else message.sender or "MAILER-DAEMON",
        "recipients": [
            {
                "address": recipient.address,
                **({"delay_reason": recipient.reason} if recipient.reason is not None else {}),
                "domain": recipient.domain,
                "dsn": recipient.dsn,
            }
            for recipient in message.recipients
        ],
        "next_retry_time": message.next_retry,
        "expire_time": message.expires,
        "client_address": message.client_address,
        "subject": message.subject,
        **({"fault": message.fault} if message.fault else {}),
    }


def _print_text(view: View, shown: int, now: float) -> None:
    heads = ["age", "queue id", "state", "size", "from", "to", "subject", "reason"]
    for start in range(0, shown, _CHUNK):
        rows = []
        for row in view.rows(start, min(start + _CHUNK, shown)):
            more = f" +{row.recipients - 1}" if row.recipients > 1 else ""
            reason = row.fault or (short(summarise(row.reason)) if row.reason else "")
            rows.append(
                [
                    duration(now - row.arrival),
                    row.queue_id,
                    row.state,
                    f"{row.size:,}",
                    one_line(written_sender(row.sender, row.fault), 36),
                    one_line(row.recipient, 36) + more,
                    one_line(row.subject or "", 40),
                    one_line(reason, 24),
                ]
            )
        text = table(heads, rows, "><<><<<<")
        sys.stdout.write((text if start == 0 else text.partition("\n")[2]) + "\n")
    of = f" of {view.count:,}" if shown < view.count else ""
    narrate(f"{counted(shown, 'message')}{of}, {view.bytes:,} bytes" if view.count else "nothing matches")
