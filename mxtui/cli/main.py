"""The command line: which commands there are, and how errors leave.

Modules of commands are imported when used, so that `mxtui status` does not pay for the console (Textual alone costs
0.2 s to import) nor for DNS.
"""

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from mxtui import __version__
from mxtui.cli.asking import Asker
from mxtui.cli.common import fail, several_queues
from mxtui.errors import MxtuiError, UsageError
from mxtui.model.source import Verb

COMMANDS: dict[str, tuple[str, str]] = {
    "status": ("mxtui.cli.status", "Totals, domains, primaries, alerts: one look, then exit."),
    "hosts": ("mxtui.cli.hosts", "Several queues side by side, and where their hosts disagree."),
    "list": ("mxtui.cli.listing", "Messages, oldest first."),
    "show": ("mxtui.cli.show", "One message: envelope, recipients, headers, body."),
    "hold": ("mxtui.cli.acting", "Keep messages from being tried."),
    "release": ("mxtui.cli.acting", "Undo a hold."),
    "quarantine": ("mxtui.cli.acting", "Put suspect messages out of the way of drains and releases."),
    "renew": ("mxtui.cli.acting", "Give messages a new lifetime before they expire."),
    "redirect": ("mxtui.cli.acting", "Send messages to another address or another host."),
    "reject": ("mxtui.cli.acting", "Return messages to their senders with a notice."),
    "delete": ("mxtui.cli.acting", "Remove messages silently; a copy is kept."),
    "restore": ("mxtui.cli.restore", "Put deleted messages back into the queue."),
    "flush": ("mxtui.cli.flush", "Drain to the primary, guarded and paced, to a verdict for each message."),
    "drain": ("mxtui.cli.drain", "How the drain that runs stands; pause, resume or stop it."),
    "suspend": ("mxtui.cli.suspend", "Leave a domain's mail alone for a while; it ends by itself."),
    "resume": ("mxtui.cli.suspend", "End a suspension now."),
    "migrate": ("mxtui.cli.migrate", "Hold a domain while its primary moves."),
    "announce": ("mxtui.cli.announce", "Say when a primary is to be back, for the forecast."),
    "suspects": ("mxtui.cli.suspects", "Campaigns and suspected spam, largest first."),
    "clear": ("mxtui.cli.clear", "Say that messages and their campaigns are no spam; it is remembered."),
    "learn": ("mxtui.cli.learn", "Teach the configured scanners what is spam, and what is not."),
    "probe": ("mxtui.cli.probe", "Climb the health ladder of primaries once."),
    "history": ("mxtui.cli.history", "How domains fared in the last hours and days."),
    "doctor": ("mxtui.cli.doctor", "Is this backup MX set up right?"),
    "alerts": ("mxtui.cli.alerts", "Everything that needs an operator, and what is over."),
    "ack": ("mxtui.cli.alerts", "Acknowledge an alert: known, and for how long."),
    "check": ("mxtui.cli.check", "Monitoring plugin: one line, perfdata, exit 0/1/2/3."),
    "metrics": ("mxtui.cli.metrics", "Prometheus text, to stdout or a textfile."),
    "drill": ("mxtui.cli.drill", "Send a marked message through the backup, and follow it."),
    "audit": ("mxtui.cli.audit", "Who did what, when, why, to which messages."),
    "serve": ("mxtui.cli.serve", "The embedded backup MX: take mail while primaries are down, deliver it when up."),
    "agent": ("mxtui.cli.agent", "The far end of a console on another host; ssh runs it."),
    "demo": ("mxtui.cli.demo", "A real outage on loopback, and the console on it."),
    "sudoers": ("mxtui.cli.sudoers", "The sudo rules that let a plain user act."),
}
"""Name → (module, first line of its help); the command is the module's attribute of that name."""


class Commands(click.Group):
    """Finds commands by name and imports only the one that runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order an operator meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(module), f"{cmd_name}_command")
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run it. A reader of stdout that has seen enough, as in `mxtui list | head`, is no error.

        A verb that was cut short by that has been done in part: it may have stopped between two batches.
        """
        try:
            value = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:  # click would leave with 1 whatever the command
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise click.exceptions.Exit(1 if ctx.invoked_subcommand in tuple(Verb) else 0) from None
        return value

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in `--help`, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.command(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Filters, in quotes: 'domain:example.org age>2h -from:<>'   Exit: 0 done, 1 in part, 2 usage, "
    "3 not permitted, 4 not reachable, 5 refused by a guard.",
)
@click.version_option(__version__, "-V", "--version", message="mxtui %(version)s")
@several_queues
@click.option("--no-mouse", is_flag=True, help="Leave the mouse to the terminal.")
@click.option("--ascii", "ascii_only", is_flag=True, help="Draw with ASCII only.")
@click.option("--theme", metavar="NAME", help="A colour theme: tokyo-night, catppuccin-latte, ansi-dark …")
@click.option("--plain", is_flag=True, help="Lines and words in place of a screen, for screen readers.")
@click.pass_context
def command(
    ctx: click.Context,
    queue: tuple[str, ...],
    config: str | None,
    no_color: bool,
    no_mouse: bool,
    ascii_only: bool,
    theme: str | None,
    plain: bool,
) -> None:
    """The operator's console for backup mail servers. Without a command: the console."""
    if ctx.invoked_subcommand is None and plain:
        from mxtui.cli.plain.session import open_plain

        if len(queue) > 1:
            raise UsageError(f"--plain is for one queue, and {len(queue)} are named", "Name one by -q.")
        open_plain(queue[0] if queue else None, config)
    elif ctx.invoked_subcommand is None:
        from mxtui.cli.console import open_console

        open_console(queue, config, no_color=no_color, mouse=not no_mouse, ascii_only=ascii_only, theme=theme)
    elif queue:
        _must_take_a_queue(ctx, ctx.invoked_subcommand)


def _must_take_a_queue(ctx: click.Context, name: str) -> None:
    """Raises UsageError: a queue was named before a command that would not look at it."""
    group = ctx.command
    assert isinstance(group, click.Group)
    command = group.get_command(ctx, name)
    takes = isinstance(command, click.Group) or (command and any(each.name == "queue" for each in command.params))
    if command is not None and not takes:
        raise UsageError(f"-q means nothing to mxtui {name}", f"See mxtui {name} --help.")


def run() -> None:
    """The `mxtui` command: every expected failure is one line or two on stderr, and an exit status with a meaning."""
    if status := run_words():
        sys.exit(status)


def run_words(words: Sequence[str] | None = None, asker: Asker | None = None) -> int:
    """What `mxtui` with these words does (None: those of this process), and its exit status.

    `asker` puts its questions to the operator where that is not the terminal.
    """
    try:
        # Not standalone, click hands back the status of an Exit instead of raising it; commands themselves return None.
        status = command(words, standalone_mode=False, prog_name="mxtui", windows_expand_args=False, obj=asker)
    except MxtuiError as error:
        return fail(error)
    except click.exceptions.Abort:
        click.echo("stopped", err=True)
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    return status if isinstance(status, int) else 0
