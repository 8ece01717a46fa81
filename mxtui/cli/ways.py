"""Our own sender as the way of a drain: to the primaries, or to another host that an operator names."""

from mxtui.cli.attach import Attached
from mxtui.cli.sites import PostfixSite, SpoolSite
from mxtui.drains import Drains
from mxtui.errors import Guarded, UsageError
from mxtui.model.drain.way import Way
from mxtui.model.next_hop import NextHop, parse_host
from mxtui.model.route import Router


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
