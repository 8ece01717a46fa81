"""Our own sender as the way of a drain: to the primaries, or to another host that an operator names."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from mxtui.audit import Happened
from mxtui.cli.attach import Attached
from mxtui.cli.output import narrate
from mxtui.cli.sites import PostfixSite, SpoolSite
from mxtui.drains import Drains
from mxtui.errors import Guarded, MxtuiError, UsageError
from mxtui.left import LeftByGuards
from mxtui.model.drain.interrupted import UNANSWERED, Interrupted
from mxtui.model.drain.way import Way
from mxtui.model.next_hop import NextHop, parse_host
from mxtui.model.route import Router
from mxtui.model.source import Verb
from mxtui.model.words import counted

if TYPE_CHECKING:
    from mxtui.queues.postfix.direct.recovery import Recovered


def named_host(text: str) -> NextHop:
    """`HOST`, `HOST:PORT` or `[ADDRESS]:PORT`: that very host, no MX looked up. Raises UsageError."""
    try:
        return parse_host(text)
    except ValueError as error:
        raise UsageError(f"--to: {error}", "HOST, HOST:PORT or [ADDRESS]:PORT.") from None


def router_to(attached: Attached, to: NextHop | None) -> Router:
    """Where the mail is to go."""
    if to is None:
        return attached.router()
    from mxtui.primary.route import SingleRouter

    return SingleRouter(to, attached.router())


def own_way(attached: Attached, router: Router, to: NextHop | None, drains: Drains) -> Way:
    """Our own sender. Raises Guarded: a `serve` delivers this spool, and goes where it was told to."""
    site = attached.site
    if isinstance(site, PostfixSite):
        return site.direct(router, drains.folder / "journal")
    assert isinstance(site, SpoolSite)
    if to is None:
        return attached.queue
    if attached.queue.capabilities().running:
        raise Guarded("serve delivers this spool, to the primaries that it knows",
                      "Stop it first, or redirect the messages: mxtui redirect --host.")  # fmt: skip
    return site.forwarding(router)


def finish_interrupted(
    attached: Attached, *, dry_run: bool = False, tell: Callable[[str], object] = narrate
) -> Interrupted:
    """Have what a killed run of our own sender had in hold where it was again, so that a plan sees it; and tell.

    Before anything is planned, whatever the verb: to everybody else it looks held, and what was accepted and is not
    marked yet would be sent again; a `dry_run` only tells. What was never answered is nothing that a guard left any
    more. Returns at once where no run was interrupted, where one goes on, and where one may not look: then one cannot
    know of what guards left, either. Raises what cannot be helped, as the drain would.
    """
    site, drains = attached.site, attached.drains
    if not isinstance(site, PostfixSite) or drains.busy:
        return Interrupted()
    from mxtui.queues.postfix.direct.journal import read, replay, unusable

    folder = drains.folder / "journal"
    try:
        if not (unfinished := replay(read(folder))):
            return Interrupted()
    except (PermissionError, NotADirectoryError):
        return Interrupted()
    except OSError as error:
        raise unusable(folder, error) from error
    if dry_run:
        doubtful = sum(each.begun is not None for each in unfinished.values())
        if others := len(unfinished) - doubtful:
            are = "is" if others == 1 else "are"
            tell(
                f"{counted(others, 'message')} of a run that was interrupted {are} in hold, and put back before any act"
            )
        if doubtful:
            tell(f"{counted(doubtful, 'message')} {'was' if doubtful == 1 else 'were'} {UNANSWERED}")
        return Interrupted()
    recovered = site.direct(attached.router(), folder).recover()
    with suppress(MxtuiError, OSError):  # whoever cannot write it does nothing that needs a record either
        attached.operations.audit.end_broken_off(Verb.FLUSH, attached.queue.source.path, dict(_happened(recovered)))
    LeftByGuards(drains.folder).forget({each.queue_id for each in recovered.unknown})
    found = Interrupted(tuple(each.identity for each in recovered.unknown), recovered.released)
    for words in found.words:
        tell(words)
    return found


def _happened(recovered: "Recovered") -> Iterator[tuple[str, Happened]]:
    """What a killed run had no time to put on record, by queue ID."""
    for each in recovered.delivered:
        yield each, Happened(each, "delivered", "taken by the primary before the run was killed: its journal")
    for each in recovered.released:
        yield each, Happened(each, "left", "not sent before the run was killed")
    for unknown in recovered.unknown:
        yield unknown.queue_id, Happened(unknown.queue_id, "unknown", UNANSWERED)


def steps(to: NextHop | None, messages: int, *, postfix: bool) -> tuple[str, ...]:
    """What our own sender will do, for the plan."""
    host = f"{to.host}:{to.port}" if to is not None else "each domain's primary"
    sending = f"SMTP to {host}, a journal written before and after each message  (of {messages:,})"
    if not postfix:
        return (sending,)
    return (
        f"hold, lock and check again  (each of {messages:,}, while it is sent)",
        sending,
        "mark delivered recipients in the queue file; postsuper -d where none is left, else release as it was",
    )
