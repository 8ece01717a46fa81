"""`mxtui learn`: scanners are taught what an operator has made sure of, and never otherwise."""

import asyncio
import hashlib
from collections.abc import Iterator, Sequence

import click

from mxtui.audit import Happened
from mxtui.cli.acting import PartlyDone, may_go_on, select, stopping
from mxtui.cli.attach import Attached, attach
from mxtui.cli.common import FilteringCommand, common_options, filter_argument
from mxtui.cli.output import narrate, print_json
from mxtui.errors import NoQueue, NotPermitted, UsageError
from mxtui.message.sanitize import one_line
from mxtui.model.evidence import Submitted
from mxtui.model.plan import Target
from mxtui.model.planning import same_message
from mxtui.model.words import counted
from mxtui.scanning.configured import scanners
from mxtui.scanning.scanner import LARGEST


@click.group("learn")
def learn_command() -> None:
    """Teach the configured scanners: `mxtui learn spam campaign:c7f3`, `mxtui learn ham id:4dKq7P2GzHz9xK`.

    Messages stay where they are. What is taught goes to whoever else uses that scanner.
    """


def _command(kind: str, summary: str) -> None:
    @learn_command.command(kind, cls=FilteringCommand, help=summary)
    @common_options
    @click.option("--json", "as_json", is_flag=True, help="A line per message and scanner, and a summary.")
    @click.option("--reason", metavar="TEXT", default="", help="Why, for the audit.")
    @click.option("--yes", is_flag=True, help="Do not ask.")
    @click.option("--dry-run", is_flag=True, help="Show what would be taught, and stop.")
    @filter_argument
    def command(
        filter: tuple[str, ...],  # noqa: A002
        queue: str | None,
        config: str | None,
        no_color: bool,
        as_json: bool,
        reason: str,
        yes: bool,
        dry_run: bool,
    ) -> None:
        with attach(queue, config) as attached:
            _learn(attached, kind, filter, reason=reason, yes=yes, dry_run=dry_run, as_json=as_json)


_command("spam", "These messages are spam.")
_command("ham", "These messages are none.")


def _learn(
    attached: Attached, kind: str, words: Sequence[str], *, reason: str, yes: bool, dry_run: bool, as_json: bool
) -> None:
    teachers = scanners(attached.settings.spam)
    if not teachers:
        raise UsageError("no scanner is configured", "Name one: [spam] rspamd or spamassassin, in /etc/mxtui.toml.")
    content = attached.queue.capabilities().content
    if not content.allowed:
        raise NotPermitted(f"messages cannot be read: {content.why_not}", content.hint)
    if not words:  # there is no --all: nobody has made sure of everything
        raise UsageError(f"learn what as {kind}?", f"Give a filter: mxtui learn {kind} campaign:c7f3")
    targets, selection = select(attached, words, everything=False, verb="learn")
    names = " and ".join(f"{scanner.name} at {scanner.where}" for scanner in teachers)
    narrate(f"learn as {kind}: {counted(len(targets), 'message')}, by {names}; each content once")
    question = f"Learn {counted(len(targets), 'message')} as {kind}?"
    if dry_run or not may_go_on(len(targets), question, yes=yes):
        return
    act = attached.operations.telling(f"learn {kind}", targets, selection, reason)
    learned = failed = 0
    with stopping() as stop:
        for target, raw, instead in _contents(attached, targets):
            if stop.is_set():
                break
            if raw is None:
                act.told([instead])
                continue
            faults = []
            for scanner in teachers:
                why = asyncio.run(scanner.learn(_submitted(target, raw), spam=kind == "spam"))
                learned, failed = learned + (not why), failed + bool(why)
                faults += [f"{scanner.name}: {why}"] if why else []
                if as_json:
                    print_json(
                        {"queue_id": target.queue_id, "scanner": scanner.name, "learned": not why, "detail": why}
                    )
                elif why:
                    narrate(f"  {target.queue_id}  {scanner.name}: {one_line(why, 300)}")
            taught = [scanner.name for scanner in teachers if not any(each.startswith(scanner.name) for each in faults)]
            detail = "; ".join([*faults, *([f"learned by {' and '.join(taught)}"] if taught else [])])
            act.told([Happened(target.queue_id, "failed" if faults else "learned", detail)])
        act.end(complete=not stop.is_set())
    if as_json:
        print_json({"summary": "learn", "kind": kind, "learned": learned, "failed": failed})
    else:
        click.echo(f"{learned:,} learned as {kind}" + (f", {failed:,} not" if failed else ""))
    if failed:
        raise PartlyDone


def _contents(attached: Attached, targets: Sequence[Target]) -> Iterator[tuple[Target, bytes | None, Happened]]:
    """Each content once. Of what is gone, another message by now, too large, or known by another one: why not."""
    seen: dict[bytes, str] = {}
    for target in targets:
        raw, instead = _content(attached, target)
        digest = hashlib.sha256(raw).digest() if raw is not None else b""
        if raw is not None and digest in seen:
            raw, instead = None, Happened(target.queue_id, "same", f"the same content as {seen[digest]}")
        elif raw is not None:
            seen[digest] = target.queue_id
        yield target, raw, instead


def _content(attached: Attached, target: Target) -> tuple[bytes | None, Happened]:
    gone = Happened(target.queue_id, "gone")
    message = attached.queue.find(target.queue_id)
    if message is None or not same_message(message.identity, target.identity):
        return None, gone
    try:
        raw = attached.queue.content(target.queue_id, LARGEST + 1)
    except NoQueue:
        return None, gone
    return (raw, gone) if len(raw) <= LARGEST else (None, Happened(target.queue_id, "refused", "too large to learn"))


def _submitted(target: Target, raw: bytes) -> Submitted:
    return Submitted(raw, False, target.sender, (), None, target.identity.arrival, target.queue_id)
