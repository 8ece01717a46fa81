"""`mxtui hosts`: one look at several queues side by side, and at what only all of them together tell."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import click

from mxtui.cli.attach import attach, settings_of
from mxtui.cli.common import several_queues
from mxtui.cli.members import Member, all_of, named
from mxtui.cli.output import print_json, table
from mxtui.cli.status import alert_object, look, looked_at
from mxtui.errors import MxtuiError, UsageError
from mxtui.message.sanitize import one_line
from mxtui.model.fleet import HostStatus, across
from mxtui.model.words import counted, duration

UNREACHED = 4
"""Exit status: no host could be reached."""


@click.command("hosts")
@several_queues
@click.option("--json", "as_json", is_flag=True, help="One object a host.")
@click.option("--no-probe", is_flag=True, help="Leave the primaries alone.")
def hosts_command(queue: tuple[str, ...], config: str | None, no_color: bool, as_json: bool, no_probe: bool) -> None:
    """All of [[hosts]], or the queues named by -q: how each is reached, what waits there, and where they disagree.

    Exit status 1 where a host could not be reached, 4 where none could.
    """
    given = settings_of(config)
    members = named(queue) if queue else all_of(given)
    if not members:
        raise UsageError("no hosts are known", 'Name queues by -q, or [[hosts]] with name = "mx2" in the settings.')
    with ThreadPoolExecutor(len(members)) as side_by_side:
        seen = list(side_by_side.map(partial(_seen, config=config, probe=not no_probe), members))
    if as_json:
        for host in seen:
            print_json(as_object(host))
    else:
        print_text(seen)
    if away := sum(bool(host.fault) for host in seen):
        raise click.exceptions.Exit(UNREACHED if away == len(seen) else 1)


def _seen(member: Member, config: str | None, *, probe: bool) -> HostStatus:
    """One of them; what is wrong with it keeps nobody from seeing the others."""
    began = time.monotonic()
    try:
        with attach(member.source, config) as attached:
            answered = time.monotonic()
            overview = looked_at(attached, look(attached.queue, attached.now()), probe=probe)
            lag = answered - began if attached.elsewhere else None
            return HostStatus(member.name, overview, lag=lag, version=attached.version)
    except MxtuiError as error:
        return HostStatus(member.name, fault=error.message, hint=error.hint)


def as_object(host: HostStatus) -> dict[str, Any]:
    """The stable form that scripts read."""
    overview = host.overview
    said: dict[str, Any] = {"host": host.name, "reached": not host.fault}
    if overview is None:
        return {**said, "fault": one_line(host.fault, 400), "hint": one_line(host.hint, 400)}
    domains = [
        {
            "domain": one_line(row.domain, 255),
            "messages": row.totals.messages,
            "primary": row.health.state if row.health is not None else None,
        }
        for row in overview.domains
    ]
    return {
        **said,
        "kind": overview.source.kind,
        "path": one_line(overview.source.path, 400),
        "version": one_line(host.version, 40) or None,
        "connected_in": None if host.lag is None else round(host.lag, 3),
        "messages": overview.queue.messages,
        "held": overview.queue.states.get("hold", 0),
        "oldest_arrival_time": overview.queue.oldest_arrival,
        "disk_used": None if overview.space is None else round(overview.space.used_share, 3),
        "domains": domains,
        "alerts": [alert_object(alert) for alert in overview.alerts],
    }


def print_text(hosts: Sequence[HostStatus]) -> None:
    """A line each, then what they disagree on."""
    rows = [_row(host) for host in hosts]
    click.echo(table(["HOST", "QUEUED", "OLDEST", "HELD", "DISK", ""], rows, "<>>>><"))
    for host in hosts:
        if host.fault:
            click.echo(f"\n{host.name}: {one_line(host.fault, 400)}\n  {one_line(host.hint, 400)}".rstrip())
    found = [row for row in across(hosts) if row.finding]
    if found:
        click.echo(f"\n{counted(len(found), 'domain')} on which they disagree:")
        for row in found:
            click.echo(f"  {one_line(row.domain, 255)}: {one_line(row.finding, 400)}")


def _row(host: HostStatus) -> list[str]:
    overview = host.overview
    if overview is None:
        return [host.name, "-", "-", "-", "-", "away"]
    oldest, alert = overview.queue.oldest_arrival, host.alert
    said = "" if alert is None else f"{alert.domain or ''} {alert.text}".strip()
    return [
        host.name,
        f"{overview.queue.messages:,}",
        duration(max(0.0, overview.taken_at - oldest)) if oldest is not None else "-",
        f"{overview.queue.states.get('hold', 0):,}",
        f"{overview.space.used_share:.0%}" if overview.space is not None else "-",
        one_line(said, 100),
    ]
