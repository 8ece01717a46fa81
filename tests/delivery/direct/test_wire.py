"""The same message by Postfix's own smtp(8) and by us: not a byte differs, nor what is said before it."""

from dataclasses import replace
from typing import Any

import pytest

from mxtui.demo.postfix import PrivatePostfix
from mxtui.demo.primary import Accepted, FakePrimary
from mxtui.queues.postfix.layout import Layout
from tests.cli.milter import Milter
from tests.conftest import PostfixFactory
from tests.delivery.direct.feeding import QUICK, deliver, direct, release
from tests.queues.postfix.acting import QUIET, layout_of, settled, targets

pytestmark = pytest.mark.postfix

PLAIN = b"Subject: plain\n\nbody\n"
EIGHT = (
    "Subject: eight bits\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
    "Content-Transfer-Encoding: 8bit\n\nGrüße, ✓\n"
).encode()
LONG = b"Subject: long\n\n" + b"".join(
    b"." * 3 + b"y" * size + b"\n" for size in (993, 994, 995, 996, 1992, 2045, 9000)
)

MAIL: dict[str, tuple[list[str], bytes, dict[str, Any]]] = {
    "plain": (["info@example.org"], PLAIN, {}),
    "dots": (["info@example.org"], b"Subject: dots\n\n.\n..\n...three\n.\n", {}),
    "long": (["info@example.org"], LONG, {}),
    "exactly": (["info@example.org"], b"Subject: x\n\n" + b"z" * 998 + b"\n" + b"z" * 2048 + b"\n.\n", {}),
    "large": (["info@example.org"], b"Subject: large\n\n" + b"0123456789 abcdefghijklm .\n.\n" * 50_000, {}),
    "empty": (["info@example.org"], b"Subject: empty\n\n", {}),
    "spaces": (["info@example.org"], b"Subject: spaces\n folded\n\n\n trailing \t\n\n\n", {}),
    "eight": (["info@example.org"], EIGHT, {"mail_options": ["BODY=8BITMIME"]}),
    "undeclared": (["info@example.org"], EIGHT, {}),
    "many": ([f"user{number}@example.org" for number in range(30)], PLAIN, {}),
    "quoted": (['"two words"@example.org', '"a\\"b"@example.org', "plus+tag@example.org"], PLAIN, {}),
    "utf8": (["jos\u00e9@example.org"], EIGHT, {"mail_options": ["SMTPUTF8", "BODY=8BITMIME"]}),
    "utf8, not needed": (["info@example.org"], PLAIN, {"mail_options": ["SMTPUTF8"]}),
    "notices": (
        ["info@example.org"],
        PLAIN,
        {
            "mail_options": ["RET=HDRS", "ENVID=QQ+2B314159"],
            "rcpt_options": ["NOTIFY=FAILURE,DELAY", "ORCPT=rfc822;other+2Bone@example.net"],
        },
    ),
}


def test_it_goes_over_the_wire_as_postfix_sends_it(postfix: PostfixFactory, primary: FakePrimary) -> None:
    # It keeps what Postfix brings and says nothing: so the very same message stays queued, and goes a second time.
    primary.behave(close="accepted")
    instance = postfix(routes={"example.org": primary.port}, settings={**QUIET, "message_size_limit": "9000000"})
    layout = layout_of(instance)
    ids = {}
    for name, (recipients, content, options) in MAIL.items():
        ids[name] = instance.inject("sender+x=y@example.com", recipients, content, **options)[0]
        settled(layout, [ids[name]], "deferred")
    theirs = primary.accepted
    for name, theirs_of_it in zip(MAIL, theirs, strict=True):
        ours = by_us(layout, instance, primary, ids[name])
        assert ours.content == theirs_of_it.content, name
        assert said(ours) == said(theirs_of_it), name


def test_the_client_is_told_to_a_host_that_asks_where_that_is_wanted(
    postfix: PostfixFactory, primary: FakePrimary
) -> None:
    primary.behave(close="accepted")
    instance = postfix(routes={"example.org": primary.port}, settings=QUIET)
    layout = layout_of(instance)
    ids = [
        instance.inject("a@example.com", ["info@example.org"], PLAIN, client_address=address)[0]
        for address in ("192.0.2.7", "198.51.100.7")
    ]
    local = instance.inject("a@example.com", ["info@example.org"], PLAIN)[0]
    settled(layout, [*ids, local], "deferred")
    primary.behave(close="", extensions=("PIPELINING", "XCLIENT NAME ADDR PROTO HELO"))
    before = len(primary.accepted)
    way = direct(layout, instance.config_directory / "journal", primary.port, replace(QUICK, xclient=True))
    assert {each.fate for each in deliver(way, targets(layout, [*ids, local]), connections=1).values()} == {"delivered"}
    told = [message.client for message in primary.accepted[before:]]
    assert [each.split()[1] for each in told] == ["ADDR=192.0.2.7", "ADDR=198.51.100.7", "ADDR=127.0.0.1"]
    assert all("NAME=[UNAVAILABLE]" in each for each in told[:2])


def test_what_a_milter_edited_goes_as_postfix_sends_it_and_is_marked_behind_its_jumps(
    postfix: PostfixFactory, primary: FakePrimary
) -> None:
    primary.behave(close="accepted")
    with Milter() as milter:
        instance = postfix(
            routes={"example.org": primary.port, "b.example": primary.port},
            settings={**QUIET, "smtpd_milters": f"inet:127.0.0.1:{milter.port}"},
        )
        layout = layout_of(instance)
        given = ("sender@example.com", ["info@example.org", "removed@example.org"], b"X-Edit: 1\nSubject: x\n\n.dot\n")
        (queue_id,) = instance.inject(*given)
        settled(layout, [queue_id], "deferred")
        (theirs,) = primary.accepted
        (other,) = instance.inject(*given)
        settled(layout, [other], "deferred")
    ours = by_us(layout, instance, primary, queue_id)
    assert set(ours.recipients) == {"info@example.org", "added@b.example"}
    assert ours.content == theirs.content
    assert said(ours) == said(theirs)
    primary.behave(temporary="^info@")
    before = len(primary.accepted)
    deliver(direct(layout, instance.directory / "journal", primary.port), targets(layout, [other]))
    primary.behave(temporary="(?!)")
    release(layout, [other])
    settled(layout, [other], "")
    assert [message.recipients for message in primary.accepted[before:]] == [
        ("added@b.example",),
        ("info@example.org",),
    ]


def by_us(layout: Layout, instance: PrivatePostfix, primary: FakePrimary, queue_id: str) -> Accepted:
    """Deliver it; as it arrived."""
    primary.behave(close="")
    before = len(primary.accepted)
    way = direct(layout, instance.directory / "journal", primary.port)
    assert deliver(way, targets(layout, [queue_id]))[queue_id].fate == "delivered"
    (accepted,) = primary.accepted[before:]
    return accepted


def said(message: Accepted) -> tuple[object, ...]:
    """The envelope, its parameters in no particular order."""
    recipients = zip(message.recipients, message.recipient_parameters, strict=True)
    return (
        message.sender,
        frozenset(message.mail_parameters.split()),
        sorted((address, frozenset(parameters.split())) for address, parameters in recipients),
    )
