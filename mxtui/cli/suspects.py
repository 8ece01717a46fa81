"""`mxtui suspects`: campaigns and suspected spam, largest first."""

import sys
import time
from contextlib import closing
from dataclasses import replace
from typing import Any

import click

from mxtui.alerting.facts import silent_scanners
from mxtui.cli.acting import stopping
from mxtui.cli.attach import attach, index_of
from mxtui.cli.common import FilteringCommand, common_options, filter_argument, read_filter
from mxtui.cli.output import narrate, print_json, table
from mxtui.cli.sifting import know_recipients, sift
from mxtui.errors import NotPermitted
from mxtui.index import Sort
from mxtui.message.sanitize import one_line
from mxtui.model.campaign import SINGLE, Campaign, Sifted
from mxtui.model.evidence import Evidence
from mxtui.model.filter import JUDGED_WORDS
from mxtui.model.message import written_sender
from mxtui.model.words import counted, duration
from mxtui.sifting.weighing import weigh


@click.command("suspects", cls=FilteringCommand)
@common_options
@click.option("--json", "as_json", is_flag=True, help="One object for each campaign, and a summary.")
@click.option("--wait", is_flag=True, help="Until everything queued has been judged.")
@filter_argument
def suspects_command(
    filter: tuple[str, ...],  # noqa: A002
    queue: str | None,
    config: str | None,
    no_color: bool,
    as_json: bool,
    wait: bool,
) -> None:
    """Campaigns, largest first: mail that belongs together by text, sender, network, subject. Bulk mail comes after
    them, and last "single messages": suspects that are of no campaign.

    With a filter those that have messages which match it. Name a campaign's messages by campaign:ID, all that reach
    the configured score by is:suspect: mxtui reject --dry-run campaign:c7f3
    """
    wanted, _ = read_filter(filter, JUDGED_WORDS)
    with attach(queue, config, here="suspects") as attached, stopping() as stop:
        index = index_of(attached.queue, attached.now(), subjects=True, suspect=attached.settings.spam.suspect)
        know_recipients(attached, index)
        with closing(sift(attached, index, wait=wait, stop=stop)) as sifter:
            known = sifter.suspects()
            progress, campaigns = known.sifted, list(known.groups)
        if progress.scanned is not None and not progress.scan_faults:  # they were not asked about any message
            progress = replace(progress, scan_faults=silent_scanners(attached.settings))
        if progress.fault:
            raise NotPermitted(f"nothing can be judged: {progress.fault}", "Run as root, or as who may read messages.")
        if filter:
            rows = index.view(wanted, Sort()).rows(0, len(index))
            concerned = {row.campaign or SINGLE for row in rows if row.campaign or row.suspect}
            campaigns = [each for each in campaigns if each.name in concerned]
    if as_json:
        for campaign in campaigns:
            print_json(as_object(campaign))
        print_json(_summary(progress, len(campaigns)))
    elif campaigns:
        sys.stdout.write(_as_table(campaigns, len(index)) + "\n")
    _tell(progress, len(campaigns))


def as_object(campaign: Campaign) -> dict[str, Any]:
    """The stable form that scripts read."""
    return {
        "campaign": campaign.name or None,
        "filter": campaign.selection,
        "messages": campaign.messages,
        "score": campaign.score,
        "reasons": [reason(each) for each in weigh(campaign)],
        "sample_queue_id": campaign.sample,
        "senders": campaign.senders,
        "recipients": campaign.recipients,
        "kind": campaign.kind,
        "unknown_recipients": campaign.unknown_recipients,
        "networks": campaign.networks,
        "subject": one_line(campaign.subject, 200),
        "oldest_arrival_time": round(campaign.oldest, 3),
        "cleared": campaign.cleared,
    }


def _summary(progress: Sifted, groups: int) -> dict[str, Any]:
    """The last line: how far judging has come. Figures of scanners are null where none is configured."""
    configured = progress.scanned is not None
    return {
        "summary": "suspects",
        "groups": groups,
        "judged": progress.judged,
        "waiting": progress.waiting,
        "unreadable": progress.skipped,
        "scanned": progress.scanned,
        "unscanned": progress.unscanned if configured else None,
        "unscannable": progress.unscannable if configured else None,
        "scanners_down": list(progress.scan_faults),
    }


def reason(evidence: Evidence) -> str:
    """One piece in words."""
    return f"{evidence.title}: {evidence.detail}"


def _as_table(campaigns: list[Campaign], queued: int) -> str:
    now = time.time()
    rows = [
        [
            each.title,
            each.kind,
            "cleared" if each.cleared else f"{each.score:.1f}",
            f"{each.messages:,}",
            f"{each.messages / max(1, queued):.0%}",
            f"{each.senders:,}",
            f"{each.recipients:,}",
            f"{each.unknown_recipients:,}" if each.unknown_recipients else "",
            duration(now - each.oldest),
            each.sample,
            one_line(each.subject or written_sender(each.sender, None), 60),
        ]
        for each in campaigns
    ]
    heads = [
        "campaign",
        "kind",
        "score",
        "messages",
        "share",
        "senders",
        "recipients",
        "unknown",
        "age",
        "sample",
        "subject",
    ]
    return table(heads, rows, "<<>>>>>>><<")


def _tell(progress: Sifted, shown: int) -> None:
    narrate(f"{counted(shown, 'group')} among {counted(progress.judged, 'message')}")
    if progress.waiting:
        narrate(f"{counted(progress.waiting, 'message')} not judged yet: --wait judges them all")
    if progress.scanned is not None:
        left = "unscanned" if progress.scan_faults else "waiting for a scanner"
        more = f", {progress.unseen:,} {left}" if progress.unseen or progress.scan_faults else ""
        more += f", {progress.unscannable:,} that no scanner takes" if progress.unscannable else ""
        narrate(f"{counted(progress.scanned, 'message')} scanned{more}")
    for fault in progress.scan_faults:
        narrate(f"unscanned is not clean: {fault}")
    if progress.skipped:
        narrate(f"{counted(progress.skipped, 'message')} could not be read")
