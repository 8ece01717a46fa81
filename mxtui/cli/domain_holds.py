"""What `suspend`, `resume` and `migrate` share: options, domains, times, and how a hold is shown."""

import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click

from mxtui.cli.acting import result_object
from mxtui.cli.output import narrate, print_json, table
from mxtui.errors import UsageError
from mxtui.message.sanitize import one_line
from mxtui.model.holds import Catching, DomainHold, domain_of, within, words
from mxtui.model.message import QueuedMessage
from mxtui.model.plan import Result
from mxtui.model.units import DURATION_EXAMPLES, MOMENT_EXAMPLES, parse_duration, parse_moment
from mxtui.model.words import clock, counted, some

if TYPE_CHECKING:
    from mxtui.cli.attach import Attached
    from mxtui.queues.queue import Queue


def queued_for(queue: "Queue", domain: str) -> Iterable[QueuedMessage]:
    """Everything queued for a domain, or for one below it, from one read."""
    found: dict[str, QueuedMessage] = {}
    for changes in queue.read(subjects=False):
        for gone in changes.gone:
            found.pop(gone, None)
        for message in changes.present:
            found.pop(message.queue_id, None)
            if any(within(recipient.domain, domain) for recipient in message.recipients):
                found[message.queue_id] = message
    return found.values()


def doubt(attached: "Attached", domain: str) -> None:
    """Say so where no mail is taken for a domain: a slip of the pen leaves the right one as it is."""
    relayed = sorted(attached.site.relayed())
    if relayed and not any(within(each, domain) or within(domain, each) for each in relayed):
        known = one_line(some(relayed), 200)
        narrate(f"! {domain} is none of the domains that mail is relayed for ({known}): is it spelled so?")


def named_domain(text: str) -> str:
    """A domain of the command line. Raises UsageError."""
    try:
        return domain_of(text)
    except ValueError as error:
        raise UsageError(str(error), "A domain, as in: mxtui migrate start example.org") from None


def lasting(for_: str | None, until: str | None, default: float | None) -> float:
    """Seconds from now on. Raises UsageError where neither or both were said, or it cannot be understood."""
    if for_ is not None and until is not None:
        raise UsageError("--for and --until contradict each other", "Leave out one of them.")
    now = time.time()
    try:
        if for_ is not None:
            return float(parse_duration(for_))
        if until is not None:
            return parse_moment(until, now) - now
    except ValueError as error:
        raise UsageError(str(error), f"--for {DURATION_EXAMPLES}; --until {MOMENT_EXAMPLES}") from None
    if default is None:
        raise UsageError("for how long?", f"--for {DURATION_EXAMPLES}, or --until {MOMENT_EXAMPLES}.")
    return default


def conclude(results: Iterable[Result], said: str, *, as_json: bool) -> tuple[list[str], bool]:
    """Tell what became of each message and, in words, of the domain; the IDs that were done, and whether it was all.

    What was delivered, or removed, before its turn is no failure.
    """
    done: list[str] = []
    counts: dict[str, int] = {}
    for result in results:
        counts[result.result] = counts.get(result.result, 0) + 1
        if result.result == "done":
            done.append(result.queue_id)
        if as_json:
            print_json(result_object(result))
        elif result.result != "done":
            narrate(f"  {result.queue_id}  {result.result}: {one_line(result.detail, 300)}")
    if as_json:
        print_json({"summary": said, "done": 0, **counts})
    else:
        others = "".join(f", {number:,} {word}" for word, number in counts.items() if word != "done")
        click.echo(f"{said}: {counted(len(done), 'message')}{others}" if counts else said)
    return done, not (counts.get("failed") or counts.get("refused"))


def hold_object(hold: DomainHold) -> dict[str, Any]:
    """A hold for scripts."""
    return {
        "domain": hold.domain,
        "kind": hold.kind,
        "reason": one_line(hold.reason, 400),
        "owner": one_line(hold.owner, 80),
        "since": round(hold.since, 3),
        "until": round(hold.until, 3),
        "to": hold.to or None,
        "caught_since": hold.caught_since,
        "ending": hold.ending,
    }


def show_holds(
    holds: Mapping[str, DomainHold], participle: str, *, as_json: bool, more: Mapping[str, Mapping[str, Any]]
) -> None:
    """All of them, or that no domain is `participle`; `more` by domain: what was counted besides."""
    if as_json:
        for domain, hold in holds.items():
            print_json({**hold_object(hold), **more.get(domain, {})})
        return
    now = time.time()
    rows = [
        [
            domain,
            words(hold, now),
            f"until {clock(hold.until, now)}",
            *(f"{count:,}" for count in more.get(domain, {}).values() if isinstance(count, int)),
            one_line(hold.owner, 20),
            one_line(hold.reason, 60),
        ]
        for domain, hold in holds.items()
    ]
    if rows:
        numbers = [name for name in ("messages", "bytes") if all(name in each for each in more.values()) and more]
        heads = ["domain", "state", "", *numbers, "by", "why"]
        click.echo(table(heads, rows, "<<<" + ">" * len(numbers) + "<<"))
    else:
        narrate(f"no domain is {participle}")


def show_catching(catching: Catching) -> None:
    """Whether new mail is caught; where it is not, what would have it caught."""
    if catching.works:
        return
    narrate(f"new mail is not caught: {one_line(catching.why_not, 400)}. To have it caught:")
    for line in catching.lines:
        narrate(f"  {line}")
