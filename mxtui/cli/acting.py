"""`hold`, `release`, `quarantine`, `redirect`, `reject`, `delete`: as the keys do, from filter to plan to audit."""

import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from mxtui.cli.asking import agreed
from mxtui.cli.attach import Attached, attach, index_of
from mxtui.cli.common import Decorated, FilteringCommand, common_options, filter_argument, read_filter
from mxtui.cli.output import narrate, print_json
from mxtui.cli.sifting import know_recipients, recall
from mxtui.errors import MxtuiError, UsageError
from mxtui.message.sanitize import one_line
from mxtui.model.filter import (
    EVERYTHING,
    JUDGED_WORDS,
    Field,
    Filter,
    Match,
    asks_for_subjects,
    depends_on_judgement,
)
from mxtui.model.plan import Plan, Result, Target
from mxtui.model.planning import target_of
from mxtui.model.redirect import Redirect, read_redirect
from mxtui.model.source import Verb
from mxtui.model.words import counted
from mxtui.signals import GONE, handling

PAST: dict[Verb, str] = {
    Verb.HOLD: "held",
    Verb.RELEASE: "released",
    Verb.REJECT: "returned",
    Verb.DELETE: "deleted",
    Verb.RESTORE: "restored",
    Verb.FLUSH: "flushed",
    Verb.REDIRECT: "redirected",
    Verb.RENEW: "renewed",
    Verb.QUARANTINE: "quarantined",
    Verb.UNQUARANTINE: "taken out of quarantine",
}


def changing_options(command: Decorated) -> Decorated:
    """What every verb that changes something takes."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="The plan, a line per message, a summary."),
        click.option("--reason", metavar="TEXT", default="", help="Why, for the audit."),
        click.option("--yes", is_flag=True, help="Do not ask."),
        click.option("--dry-run", is_flag=True, help="Show the plan and stop."),
        click.option("--all", "everything", is_flag=True, help="Every message; needed where no filter is given."),
    ):
        command = option(command)
    return filter_argument(common_options(command))


def _verb_command(verb: Verb, summary: str) -> click.Command:
    @click.command(verb.value, cls=FilteringCommand, help=summary)
    @changing_options
    def command(filter: tuple[str, ...], queue: str | None, config: str | None, **options: Any) -> None:  # noqa: A002
        with attach(queue, config) as attached:
            act(attached, verb, filter, **options)

    if verb is Verb.DELETE:
        command = click.option("--no-copy", is_flag=True, help="Keep no copy: cannot be undone.")(command)
    return command


hold_command = _verb_command(Verb.HOLD, "Keep messages from being tried until they are released.")
release_command = _verb_command(
    Verb.RELEASE,
    "Undo a hold and try at once; renews the lifetime of mail that would expire instead. What is in quarantine stays "
    "there unless it is named: mxtui release is:quarantined",
)
quarantine_command = _verb_command(
    Verb.QUARANTINE, "Keep messages out of every drain and every release that does not name them; nobody is told."
)
renew_command = _verb_command(
    Verb.RENEW, "Give messages a new lifetime, so that they do not expire: mxtui renew 'expires<24h'"
)
reject_command = _verb_command(Verb.REJECT, "Return messages to their senders with a non-delivery notice.")
delete_command = _verb_command(Verb.DELETE, "Remove messages silently. A copy is kept; `mxtui restore` puts it back.")


@click.command("redirect", cls=FilteringCommand)
@changing_options
@click.option("--to", "address", metavar="ADDRESS", default="", help="Who gets it instead.")
@click.option("--host", metavar="HOST[:PORT]", default="", help="Who it is delivered to, whatever the routes say.")
@click.option("--only", metavar="ADDRESS", default="", help="In place of this recipient, and of no other.")
@click.option("--back", is_flag=True, help="To the addresses that it came with, by their own routes.")
def redirect_command(
    filter: tuple[str, ...],  # noqa: A002
    queue: str | None,
    config: str | None,
    address: str,
    host: str,
    only: str,
    back: bool,
    **options: Any,
) -> None:
    """Send messages to another address or another host; who has one already is not concerned.

    What was given up is tried again, what is held stays held. An address without a host has to be in a relayed domain.
    """
    where = read_redirect(address, host, only, back=back)
    with attach(queue, config) as attached:
        act(attached, Verb.REDIRECT, filter, where=where, **options)


def act(
    attached: Attached,
    verb: Verb,
    words: Sequence[str],
    *,
    everything: bool,
    dry_run: bool,
    yes: bool,
    reason: str,
    as_json: bool,
    no_color: bool = False,
    no_copy: bool = False,
    where: Redirect | None = None,
) -> None:
    """Plan, ask, do, tell; leaves with status 1 when any message was not done."""
    from mxtui.cli.ways import finish_interrupted

    attached.require(verb)
    interrupted = finish_interrupted(attached, dry_run=dry_run)
    targets, selection = select(attached, words, everything=everything, verb=verb)
    plan = attached.operations.plan(verb, targets, selection, keep_copy=not no_copy, where=where)
    plan = interrupted.heeded(plan)
    show_plan(plan, as_json=as_json)
    if dry_run or not confirmed(plan, yes=yes):
        return
    with stopping() as stop:
        finish(attached.operations.execute(plan, reason, stop), plan, as_json=as_json)


def select(attached: Attached, words: Sequence[str], *, everything: bool, verb: str) -> tuple[list[Target], str]:
    """The messages that a filter names now.

    Raises:
        UsageError: neither a filter nor `--all`, or both.
    """
    wanted, text = read_filter(words, JUDGED_WORDS)
    if (wanted == EVERYTHING) != everything:
        if everything:
            raise UsageError("--all and a filter contradict each other", "Leave out one of them.")
        raise UsageError(
            f"{verb} what?", f"Give a filter (mxtui {verb} domain:example.org), or --all for every message."
        )
    ids = _exact_ids(wanted)
    if ids is not None:  # no need to read 100,000 messages to act on one
        found = [attached.queue.find(queue_id) for queue_id in ids]
        return [target_of(message) for message in found if message is not None], text
    suspect = attached.settings.spam.suspect
    index = index_of(attached.queue, attached.now(), subjects=asks_for_subjects(wanted), suspect=suspect)
    know_recipients(attached, index, wanted)
    if depends_on_judgement(wanted):
        recall(attached, index)
    return index.targets(index.ids(wanted)), text or "--all"


def _exact_ids(wanted: Filter) -> list[str] | None:
    if isinstance(wanted, Match) and wanted.field is Field.ID and not any(value.wildcard for value in wanted.values):
        return [value.text for value in wanted.values]
    return None


def plan_object(plan: Plan) -> dict[str, Any]:
    """A plan for scripts."""
    return {
        "plan": plan.verb,
        "selection": plan.selection,
        "messages": len(plan.targets),
        "recipients": plan.recipients,
        "bytes": plan.bytes,
        "senders": plan.senders,
        "null_senders": plan.null_senders,
        "queue_ids": [target.queue_id for target in plan.targets],
        "cautions": [
            {"title": caution.title, "text": caution.text, "safer": caution.safer} for caution in plan.cautions
        ],
        "steps": plan.steps,
        "excluded": [result_object(result) for result in plan.excluded],
        "reversible": plan.reversible,
        "to": None if plan.where is None else str(plan.where),
    }


def result_object(result: Result) -> dict[str, Any]:
    """What became of one message, for scripts."""
    return {
        "queue_id": result.queue_id,
        "action": result.action,
        "result": result.result,
        "detail": one_line(result.detail, 400),
    }


SHOWN = 5
"""Messages named that a plan leaves out."""


def show_plan(plan: Plan, *, as_json: bool) -> None:
    """What would happen, before anything does."""
    if as_json:
        print_json(plan_object(plan))
        return
    null = f", {counted(plan.null_senders, 'null sender')}" if plan.null_senders else ""
    to = "" if plan.where is None else f" to {plan.where}" if not plan.where.back else " back"
    narrate(
        f"{plan.verb} {counted(len(plan.targets), 'message')}{to}: {plan.bytes:,} bytes, "
        f"{counted(plan.recipients, 'recipient')}, {counted(plan.senders, 'sender')}{null}"
    )
    for caution in plan.cautions:
        safer = f" Safer: mxtui {caution.safer}." if caution.safer else ""
        narrate(f"  ! {caution.title}: {one_line(caution.text, 600)}.{safer}")
    if plan.excluded:
        narrate(f"  left out: {counted(len(plan.excluded), 'message')}")
        for result in plan.excluded[:SHOWN]:
            narrate(f"    {result.queue_id}  {one_line(result.detail, 200)}")
        if (more := len(plan.excluded) - SHOWN) > 0:
            narrate(f"    and {more:,} more; --json names all")
    for number, step in enumerate(plan.steps, 1):
        narrate(f"  {number}  {step}")
    if not plan.reversible and plan.targets and plan.verb is not Verb.FLUSH:
        narrate("  This cannot be undone.")


def confirmed(plan: Plan, *, yes: bool) -> bool:
    """Whether to go on. Without a terminal nobody can be asked, so `--yes` must have been said.

    Raises:
        UsageError: no terminal and no `--yes`.
    """
    question = f"{plan.verb.value.capitalize()} {counted(len(plan.targets), 'message')}?"
    return may_go_on(len(plan.targets), question, yes=yes)


def may_go_on(messages: int, question: str, *, yes: bool) -> bool:
    """As `confirmed`, of something that is no plan."""
    if not messages:
        narrate("nothing to do")
        return False
    return agreed(question, yes=yes)


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """An event that is set by Ctrl-C and by a closed terminal: what is begun is finished and recorded, then it ends."""
    stop = threading.Event()

    def ask(*_: object) -> None:
        stop.set()

    with handling((signal.SIGINT, *GONE), ask):
        yield stop


def finish(results: Iterator[Result], plan: Plan, *, as_json: bool) -> None:
    """Print what became of each message; leave with status 1 when any was not done."""
    started = time.monotonic()
    counts: dict[str, int] = {}
    for result in results:
        counts[result.result] = counts.get(result.result, 0) + 1
        if as_json:
            print_json(result_object(result))
        elif result.result != "done":
            narrate(f"  {result.queue_id}  {result.result}: {one_line(result.detail, 300)}")
    done = counts.pop("done", 0)
    left = len(plan.targets) - done - sum(counts.values())
    if as_json:
        print_json(
            {
                "summary": plan.verb,
                "done": done,
                **counts,
                "not_tried": left,
                "seconds": round(time.monotonic() - started, 3),
            }
        )
    else:
        others = "".join(f", {number:,} {word}" for word, number in counts.items())
        untried = f", {left:,} not tried" if left else ""
        click.echo(f"{counted(done, 'message')} {PAST[plan.verb]}{others}{untried}")
    if counts or left:
        raise PartlyDone


class PartlyDone(MxtuiError):
    """Some messages were not done; each was named."""

    def __init__(self) -> None:
        super().__init__("not everything was done; see above")
