"""`mxtui audit`: who did what."""

from collections.abc import Callable
from datetime import datetime

import click

from mxtui.audit import Audit, AuditRecord
from mxtui.cli.attach import attach, settings_of
from mxtui.cli.common import common_options
from mxtui.cli.output import narrate, print_json, table
from mxtui.errors import UsageError
from mxtui.message.sanitize import one_line


@click.command("audit")
@common_options
@click.option("--json", "as_json", is_flag=True, help="One object per act; with an ID, per message.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Newest so many.")
@click.argument("audit_id", required=False, metavar="[ID]")
def audit_command(
    queue: str | None, config: str | None, no_color: bool, as_json: bool, limit: int, audit_id: str | None
) -> None:
    """Who did what, when, why, to which messages: newest first; with an ID, every message of that act.

    On every queue of this host, or on the one that -q names.
    """
    audit = Audit(settings_of(config).audit)
    if audit_id is not None:
        _print_act(audit, audit_id, as_json=as_json)
        return
    records = list(audit.records(limit=limit, matching=_on(queue, config)))
    if as_json:
        for record in records:
            print_json(record_object(record))
    elif records:
        rows = [_row(record) for record in records]
        click.echo(table(["when", "who", "did", "messages", "what", "why", "id"], rows, "<<<><<<"))
    else:
        narrate(f"nothing on record in {audit.path}")


def _on(queue: str | None, config: str | None) -> Callable[[AuditRecord], bool] | None:
    """Whether an act was on this queue; None, and nothing is attached to, where none is named."""
    if queue is None:
        return None
    with attach(queue, config) as attached:
        path = attached.queue.source.path
    return lambda record: record.begin.queue == path


def record_object(record: AuditRecord) -> dict[str, object]:
    """One act for scripts."""
    begin = record.begin
    return {
        "id": record.id,
        "at": begin.at,
        "ended_at": record.ended_at,
        "verb": begin.what,
        "login": begin.operator.login,
        "user": begin.operator.user,
        "sudo_user": begin.operator.sudo_user,
        "tty": begin.operator.tty,
        "asked_by": begin.operator.asked_by,
        "host": begin.host,
        "queue": begin.queue,
        "selection": begin.selection,
        "reason": begin.reason,
        "messages": begin.messages,
        "bytes": begin.bytes,
        "counts": dict(record.counts),
        "complete": record.complete,
        "undoes": begin.undoes,
        "to": begin.to,
    }


def _row(record: AuditRecord) -> list[str]:
    begin = record.begin
    who = (
        begin.operator.login
        if begin.operator.login == begin.operator.user
        else f"{begin.operator.login} as {begin.operator.user}"
    )
    if begin.operator.asked_by:
        who = f"{who} for {begin.operator.asked_by}"
    counts = ", ".join(f"{number:,} {word}" for word, number in record.counts.items() if number)
    return [
        datetime.fromtimestamp(begin.at).astimezone().strftime("%Y-%m-%d %H:%M:%S"),
        one_line(who, 30),
        begin.what + ("" if record.complete else " (not finished)"),
        counts or f"{begin.messages:,}",
        one_line(f"{begin.selection} to {begin.to}" if begin.to else begin.selection, 60 if begin.to else 40),
        one_line(begin.reason, 40),
        record.id,
    ]


def _print_act(audit: Audit, audit_id: str, *, as_json: bool) -> None:
    entries = audit.entries(audit_id)
    if not entries:
        raise UsageError(f"no act {one_line(audit_id, 40)} is on record", "mxtui audit lists them.")
    for entry in entries:
        if as_json:
            print_json(
                {
                    "queue_id": entry.identity.queue_id,
                    "inode": entry.identity.inode,
                    "arrival_time": entry.identity.arrival,
                    "sender": entry.sender,
                    "result": entry.result,
                    "detail": one_line(entry.detail, 400),
                }
            )
        else:
            detail = f"  {one_line(entry.detail, 200)}" if entry.detail else ""
            click.echo(
                f"{entry.identity.queue_id}  {entry.result or 'unknown'}  {one_line(entry.sender or '<>', 60)}{detail}"
            )
