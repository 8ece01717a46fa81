"""`mxtui restore`: deleted messages back into the queue."""

from collections.abc import Sequence
from typing import Any

import click

from mxtui.cli.acting import confirmed, finish, show_plan, stopping
from mxtui.cli.attach import Attached, attach
from mxtui.cli.common import common_options
from mxtui.cli.output import narrate, print_json, table
from mxtui.errors import NoQueue, UsageError
from mxtui.message.sanitize import one_line
from mxtui.model.source import Verb
from mxtui.model.words import counted, duration
from mxtui.vault import KeptCopy


@click.command("restore")
@common_options
@click.option("--list", "listing", is_flag=True, help="Show what can be restored to this queue.")
@click.option("--all", "everything", is_flag=True, help="Every kept copy that was not put back yet.")
@click.option("--act", "act", metavar="AUDIT_ID", help="Everything that one deletion removed.")
@click.option("--force", is_flag=True, help="Also what was put back before: it will be delivered twice.")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--reason", metavar="TEXT", default="", help="Why, for the audit.")
@click.option("--json", "as_json", is_flag=True, help="The plan, a line per message, a summary.")
@click.argument("queue_ids", nargs=-1, metavar="[ID]...")
def restore_command(queue: str | None, config: str | None, queue_ids: Sequence[str], **options: Any) -> None:
    """Put deleted messages back through the mail system, under new queue IDs."""
    with attach(queue, config) as attached:
        restore(attached, queue_ids, **options)


def restore(
    attached: Attached,
    queue_ids: Sequence[str],
    *,
    listing: bool,
    everything: bool,
    act: str | None,
    force: bool,
    dry_run: bool,
    yes: bool,
    reason: str,
    as_json: bool,
    no_color: bool,
) -> None:
    """List copies, or plan, ask, put back and tell."""
    operations = attached.operations
    if listing:
        _list(list(operations.copies()), attached.now(), as_json=as_json)
        return
    if (bool(queue_ids) + everything + (act is not None)) != 1:
        raise UsageError("restore what?", "Name queue IDs, or --act AUDIT_ID, or --all; --list shows what is kept.")
    if queue_ids:
        copies = [copy for queue_id in queue_ids for copy in operations.copies(queue_id=queue_id)]
        missing = [queue_id for queue_id in queue_ids if not any(copy.target.queue_id == queue_id for copy in copies)]
        if missing:
            raise NoQueue(
                f"no copy is kept of {one_line(', '.join(missing), 200)}", "mxtui restore --list shows what is."
            )
        selection = " ".join(queue_ids)
    else:
        copies = list(operations.copies(audit_id=act))
        selection = f"act {act}" if act else "--all"
    attached.require(Verb.RESTORE)
    plan = operations.plan_restore(copies, selection, forced=force)
    show_plan(plan, as_json=as_json)
    if dry_run or not confirmed(plan, yes=yes):
        return
    with stopping() as stop:
        finish(operations.execute(plan, reason=reason, stop=stop), plan, as_json=as_json)


def _list(copies: Sequence[KeptCopy], now: float, *, as_json: bool) -> None:
    if as_json:
        for copy in copies:
            print_json(
                {
                    "queue_id": copy.target.queue_id,
                    "audit_id": copy.audit_id,
                    "kept_at": copy.kept_at,
                    "expire_time": copy.expires,
                    "restored": copy.restored,
                    "sender": copy.target.sender or "MAILER-DAEMON",
                    "message_size": copy.target.size,
                }
            )
        return
    rows = [
        [
            copy.target.queue_id,
            f"{duration(now - copy.kept_at)} ago",
            one_line(copy.target.sender or "<>", 40),
            f"{copy.target.size:,}",
            copy.audit_id,
            "" if copy.restored is None else f"put back {one_line(copy.restored, 60)}",
        ]
        for copy in copies
    ]
    if rows:
        click.echo(table(["queue id", "deleted", "from", "size", "act", ""], rows, "<<<><<"))
    narrate(f"{counted(len(rows), 'copy', 'copies')} kept" if rows else "no copies are kept")
