"""Our own sender as the way of a drain: to the primaries, or to another host that an operator names."""

from dataclasses import replace
from typing import Final, NamedTuple

from mxtui.cli.attach import Attached
from mxtui.cli.output import narrate
from mxtui.cli.sites import PostfixSite, SpoolSite
from mxtui.drains import Drains
from mxtui.errors import Guarded, UsageError
from mxtui.left import LeftByGuards
from mxtui.model.drain.way import Way
from mxtui.model.message import Identity
from mxtui.model.next_hop import NextHop, parse_host
from mxtui.model.plan import Plan, Result, Target
from mxtui.model.planning import same_message
from mxtui.model.route import Router
from mxtui.model.words import counted

PERHAPS: Final = "was sent and never answered: perhaps delivered"


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


class Interrupted(NamedTuple):
    """What a killed run of our own sender had in hold."""

    doubtful: tuple[Identity, ...] = ()
    """Sent and never answered: in hold until an operator decides."""
    released: frozenset[str] = frozenset()
    """IDs that are where they were again."""

    def heeded(self, plan: Plan) -> Plan:
        """The plan, which may have been made before: without what may have been delivered already."""
        doubtful = {each.queue_id: each for each in self.doubtful}
        going: list[Target] = []
        left_out: list[Result] = []
        for target in plan.targets:
            found = doubtful.get(target.queue_id)
            if found is not None and same_message(target.identity, found):
                left_out.append(Result(target.queue_id, plan.verb, "refused", PERHAPS))
            else:
                going.append(target._replace(state="deferred") if target.queue_id in self.released else target)
        return replace(plan, targets=tuple(going), excluded=(*plan.excluded, *left_out))


def finish_interrupted(attached: Attached, router: Router, drains: Drains) -> Interrupted:
    """Have what a killed run of our own sender had in hold where it was again, so that a plan sees it; and tell.

    What was never answered is nothing that a guard left any more: whoever delivers next would send it again. Returns at
    once where no run was interrupted, and where one may not look: then one cannot know of what guards left, either.
    Raises what cannot be helped, as the drain would.
    """
    site = attached.site
    if not isinstance(site, PostfixSite):
        return Interrupted()
    from mxtui.queues.postfix.direct.journal import read, replay, unusable

    folder = drains.folder / "journal"
    try:
        if not replay(read(folder)):
            return Interrupted()
    except (PermissionError, NotADirectoryError):
        return Interrupted()
    except OSError as error:
        raise unusable(folder, error) from error
    found = site.direct(router, folder).recover()
    if found.released:
        narrate(f"{counted(len(found.released), 'message')} of a run that was interrupted taken out of hold again")
    for each in found.unknown:
        narrate(f"{each.queue_id} {PERHAPS}. It stays in hold; release or delete it")
    LeftByGuards(drains.folder).forget({each.queue_id for each in found.unknown})
    return Interrupted(tuple(each.identity for each in found.unknown), found.released)


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
