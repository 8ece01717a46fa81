"""`mxtui probe`: climb the health ladder once."""

import sys

import click

from mxtui.cli.attach import attach
from mxtui.cli.common import common_options
from mxtui.cli.output import narrate, print_json
from mxtui.cli.status import primary_object
from mxtui.errors import Unreachable
from mxtui.message.sanitize import one_line
from mxtui.model.health import Health, Primary, Rung
from mxtui.model.message import recipient_domain

_SIGNS = {"passed": "✓", "failed": "✗", "busy": "▲", "warning": "▲", "skipped": "·"}


@click.command("probe")
@common_options
@click.option("--json", "as_json", is_flag=True, help="One object per domain.")
@click.argument("domains", nargs=-1, metavar="[DOMAIN]...")
def probe_command(
    queue: str | None, config: str | None, no_color: bool, as_json: bool, domains: tuple[str, ...]
) -> None:
    """Check the primaries of these domains, or of all queued or relayed here. Exit 4: one is down."""
    with attach(queue, config) as attached:
        asked = [recipient_domain(domain) for domain in domains]
        if not asked:
            queued = {
                recipient.domain
                for changes in attached.queue.read(subjects=False)
                for message in changes.present
                for recipient in message.recipients
            }
            asked = sorted(queued | set(attached.relayed))
        if not asked:
            narrate("no domains are queued or relayed here; name one")
        known = attached.probe_once(asked)
    down = []
    for domain in asked:
        primary, health = known[domain]
        if health.state == "down":
            down.append(domain)
        if as_json:
            climb = health.climb.rungs if health.climb else ()
            print_json(
                {"domain": domain, "primary": primary_object(primary, health), "rungs": [_rung(r) for r in climb]}
            )
        else:
            _print(domain, primary, health, colour=not no_color and sys.stdout.isatty())
    if down:
        raise PrimaryDown(down)


class PrimaryDown(Unreachable):
    """A primary is down; which was printed."""

    def __init__(self, domains: list[str]) -> None:
        count = len(domains)
        super().__init__(f"{count} of the primaries {'is' if count == 1 else 'are'} down", "")


def _rung(rung: Rung) -> dict[str, object]:
    return {
        "name": rung.name,
        "outcome": rung.outcome,
        "milliseconds": rung.milliseconds,
        "detail": one_line(rung.detail, 400),
    }


def _print(domain: str, primary: Primary | None, health: Health, *, colour: bool) -> None:
    state = health.state
    if colour:
        paint = {"up": "green", "down": "red"}.get(state, "yellow")
        state_word = click.style(state, fg=paint, bold=True)
    else:
        state_word = state
    where = f"{one_line(primary.host, 255)}:{primary.port} ({primary.source})" if primary else "no primary"
    detail = "" if health.state == "up" else f"  {one_line(health.detail, 200)}"
    click.echo(f"{one_line(domain, 255)}  {where}  {state_word}{detail}")
    for rung in health.climb.rungs if health.climb else ():
        took = f"{rung.milliseconds:6.0f} ms" if rung.milliseconds is not None else "         "
        click.echo(f"  {_SIGNS[rung.outcome]} {rung.name:<9}{took}  {one_line(rung.detail, 200)}")
