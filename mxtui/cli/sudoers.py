"""`mxtui sudoers`: the rules that let a plain user act."""

import click

from mxtui.cli.attach import attach
from mxtui.cli.common import common_options


@click.command("sudoers")
@common_options
@click.option("--group", default="%mail", show_default=True, help="Who may: a %group or a user.")
def sudoers_command(queue: str | None, config: str | None, no_color: bool, group: str) -> None:
    """The sudo rules, exact to the argument, that let a plain user act: for `visudo -f /etc/sudoers.d/mxtui`."""
    with attach(queue, config, here="sudoers") as attached:
        for line in attached.sudoers(group):
            click.echo(line)
