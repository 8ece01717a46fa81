"""`mxtui clear`: what an operator made sure is no spam is not suspect any more, and neither is what is like it."""

from contextlib import closing

import click

from mxtui.cli.acting import may_go_on, stopping
from mxtui.cli.attach import attach, index_of
from mxtui.cli.common import FilteringCommand, common_options, filter_argument, read_filter
from mxtui.cli.output import narrate
from mxtui.cli.sifting import sift
from mxtui.errors import UsageError
from mxtui.model.campaign import Campaign
from mxtui.model.filter import EVERYTHING, JUDGED_WORDS
from mxtui.model.words import counted

MOST = 100
"""Single messages at once; of all that were ever cleared the latest 1,000 are remembered."""


@click.command("clear", cls=FilteringCommand)
@common_options
@click.option("--reason", metavar="TEXT", default="", help="Why; remembered, and on record.")
@click.option("--withdraw", is_flag=True, help="It may be spam, after all.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Show what would be cleared, and stop.")
@filter_argument
def clear_command(
    filter: tuple[str, ...],  # noqa: A002
    queue: str | None,
    config: str | None,
    no_color: bool,
    reason: str,
    withdraw: bool,
    yes: bool,
    dry_run: bool,
) -> None:
    """Say that messages are no spam: mxtui clear id:4dKq7P2GzHz9xK --reason "our own invoices"

    With a message all of its campaign is cleared, and what is like it later; a message of no campaign by its content.
    """
    wanted, text = read_filter(filter, JUDGED_WORDS)
    if wanted == EVERYTHING:
        raise UsageError("clear what?", "Give a filter: mxtui clear campaign:c7f3 --reason TEXT")
    if not (reason or withdraw or dry_run):
        raise UsageError("clear why?", "Say it: --reason TEXT")
    with attach(queue, config, here="clear") as attached, stopping() as stop:
        index = index_of(attached.queue, attached.now(), subjects=True, suspect=attached.settings.spam.suspect)
        with closing(sift(attached, index, wait=False, stop=stop)) as sifter:
            campaigns: dict[str, Campaign] = {}
            single: list[str] = []
            found = index.ids(wanted)
            for queue_id in found:
                campaign = index.campaign_of(queue_id)
                if campaign is None:
                    single.append(queue_id)
                else:
                    campaigns[campaign.name] = campaign
            if len(single) > MOST:
                raise UsageError(
                    f"{len(single):,} messages of no campaign: at most {MOST} at once", "Narrow the filter."
                )
            word = "suspect again" if withdraw else "not spam"
            for campaign in campaigns.values():
                narrate(f"{word}: campaign {campaign.name}, {counted(campaign.messages, 'message')}")
            for queue_id in single:
                narrate(f"{word}: {queue_id}, by its content")
            if not may_go_on(len(found), f"{word.capitalize()}?", yes=yes or dry_run) or dry_run:
                return
            operations = attached.operations
            operations.note(word, text, reason)
            for queue_id in (*(each.sample for each in campaigns.values()), *single):
                if withdraw:
                    sifter.withdraw_message(queue_id)
                else:
                    sifter.clear_message(queue_id, operations.operator_name, reason)
    done = "suspect again, as far as they are" if withdraw else "cleared"
    click.echo(f"{counted(len(campaigns), 'campaign')} and {counted(len(single), 'single message')} {done}")
