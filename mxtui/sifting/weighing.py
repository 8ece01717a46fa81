"""What it says of messages that they belong together: evidence from the facts of a campaign. Pure."""

from collections.abc import Iterator
from typing import Final

from mxtui.model.campaign import Campaign
from mxtui.model.evidence import Evidence

LEAST: Final = 5
"""Messages from which on they are a campaign, and have a name."""

MANY: Final = 20
"""Messages, or senders' domains: no house writes under so many."""

EACH: Final = 0.8
"""Share of messages that have a sender of their own."""


def weigh(campaign: Campaign) -> tuple[Evidence, ...]:
    """Evidence in points, gravest first; each message of the campaign gets the sum of them."""
    return tuple(sorted(_evidence(campaign), key=lambda each: -each.points))


def _evidence(campaign: Campaign) -> Iterator[Evidence]:
    if campaign.messages < LEAST or campaign.kind == "single":
        return
    match campaign.kind:
        case "bounces":
            yield from _about_bounces(campaign)
        case "campaign":
            yield from _about_senders(campaign)
        case "bulk":
            yield _said("bulk", "bulk mail", f"{campaign.messages:,} alike from one house", 0.0)
    yield from _about_recipients(campaign)


def _about_bounces(campaign: Campaign) -> Iterator[Evidence]:
    many = campaign.messages >= MANY
    yield _said(
        "backscatter", "backscatter", f"{campaign.messages:,} bounces that return the same letter", 7.0 if many else 4.0
    )
    if campaign.networks >= 5:
        detail = f"it was sent from elsewhere: {campaign.networks:,} networks return it"
        yield _said("returned_by_many", "returned by many", detail, 4.0)


def _about_senders(campaign: Campaign) -> Iterator[Evidence]:
    many = campaign.messages >= MANY and campaign.sender_shapes >= LEAST
    detail = f"{campaign.messages:,} messages alike from {campaign.senders:,} senders"
    yield _said("same_text", "same text, many senders", detail, 6.0 if many else 3.0)
    if campaign.sender_shapes >= max(EACH * campaign.messages, 10):
        detail = f"nearly each of {campaign.messages:,} has a sender of its own"
        yield _said("sender_each", "a sender for each", detail, 3.0)
    if campaign.networks >= 10:
        yield _said("many_networks", "from all over", f"handed in from {campaign.networks:,} networks", 2.0)
    elif campaign.sender_domains >= 2 * MANY and 0 < campaign.networks <= 2:
        detail = f"{campaign.sender_domains:,} senders' domains, all from {campaign.networks:,} networks"
        yield _said("one_network", "many domains, one network", detail.replace("1 networks", "one network"), 3.0)


def _about_recipients(campaign: Campaign) -> Iterator[Evidence]:
    share = campaign.unknown_recipients / campaign.recipients if campaign.recipients else 0.0
    if campaign.unknown_recipients >= LEAST and share >= 0.05:
        detail = f"{campaign.unknown_recipients:,} of {campaign.recipients:,} recipients do not exist"
        if campaign.unknown_untried:
            detail += f", {campaign.unknown_untried:,} by call-outs or lists"
        yield _said("unknown_recipients", "unknown recipients", detail, 4.0 if share >= 0.2 else 2.0)


def _said(name: str, title: str, detail: str, points: float) -> Evidence:
    return Evidence(name, title, detail, points, "mxtui")
