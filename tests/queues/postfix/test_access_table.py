"""What the access table says, and whether smtpd asks it; with a real smtpd in tests/cli/test_migrate_postfix.py."""

from dataclasses import replace

import pytest

from mxtui.model.holds import DomainHold
from mxtui.queues.postfix.access_table import asks, permits_before, table

HOLD = DomainHold("example.org", "migrate", "new host", "anna", 0.0, 9.0)
PATH = "/etc/postfix/mxtui_hold"


def entries(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("#")]


def test_each_held_domain_says_hold_and_other_domains_of_ours_below_it_do_not() -> None:
    relayed = ["example.org", "lists.example.org", "badexample.org", "low.lists.example.org"]
    other = replace(HOLD, domain="low.lists.example.org", reason="too")
    assert entries(table([HOLD, other], relayed)) == [
        "example.org HOLD migration of example.org: new host",
        "low.lists.example.org HOLD migration of low.lists.example.org: too",
        "lists.example.org DUNNO",
    ]


@pytest.mark.parametrize("reason", ["x\nother.example OK", "x\r\n* OK", "x\u2028y OK", "x\0", "x\v\f OK", "x\x85y OK"])
def test_a_reason_makes_no_entries_of_its_own(reason: str) -> None:
    (line,) = entries(table([replace(HOLD, reason=reason)], []))
    assert line.startswith("example.org HOLD migration of example.org: x")


def test_nothing_held_is_an_empty_table() -> None:
    assert entries(table([], ["example.org"])) == []


@pytest.mark.parametrize(
    ("restrictions", "asked"),
    [
        ("", False),
        (f"check_recipient_access hash:{PATH}", True),
        (f"reject_unlisted_recipient,check_recipient_access\n  lmdb:{PATH}, permit", True),
        (f"check_recipient_access proxy:hash:{PATH}", True),
        (f"check_sender_access hash:{PATH}", False),
        (f"check_recipient_access hash:{PATH}2", False),
        (f"reject_something hash:{PATH}", False),
    ],
)
def test_it_is_asked_where_recipients_are_looked_up_in_it(restrictions: str, asked: bool) -> None:
    assert asks(restrictions, PATH) is asked


def test_who_is_permitted_before_it_is_asked_passes_it_by() -> None:
    wanted = f"check_recipient_access hash:{PATH}"
    assert permits_before(f"{wanted}, permit_mynetworks, reject", PATH) == []
    assert permits_before(f"reject_non_fqdn_recipient, permit_mynetworks {wanted}", PATH) == ["permit_mynetworks"]
