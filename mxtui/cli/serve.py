"""`mxtui serve`: the embedded backup MX, in the foreground."""

from pathlib import Path
from typing import Any

import click

from mxtui.cli.common import config_option


@click.command("serve")
@click.argument("spool", required=False, metavar="[SPOOL]")
@config_option
@click.option("--listen", multiple=True, metavar="HOST:PORT", help="Where to listen; again for more. [default: *:25]")
@click.option("--relay", multiple=True, metavar="DOMAIN=HOST[:PORT]", help="A domain and its primary; again for more.")
@click.option("--recipients", metavar="FILE|callout|any", help="Who exists. [default: callout, ask the primary]")
@click.option("--unknown", metavar="defer|hold", help="With callout, while the primary is down. [default: defer]")
@click.option("--standby", metavar="on|off", help="451 while the primary is up. [default: on]")
@click.option("--hostname", metavar="NAME", help="Our name. [default: this host's]")
@click.option("--tls-certificate", "certificate", metavar="FILE", help="PEM chain for STARTTLS.")
@click.option("--tls-key", "key", metavar="FILE", help="Its key, if it is not in the same file.")
@click.option("--expire", metavar="TIME", help="How long delivery is tried. [default: 5d]")
@click.option("--user", metavar="NAME", help="Become this user once the ports are taken.")
def serve_command(config: str | None, **flags: Any) -> None:
    """Take mail for some domains while their primaries are down, keep it safe, and deliver it when they are back.

    Everything can come from the configuration ([serve]), from flags, or both. Stops on SIGTERM when what is being
    taken and delivered is done; reloads on SIGHUP.
    """
    from mxtui.service.run import serve

    status = serve(flags, Path(config) if config else None)
    if status:
        raise click.exceptions.Exit(status)
