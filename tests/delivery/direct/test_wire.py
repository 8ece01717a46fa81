"""The same message by Postfix's own smtp(8) and by us: not a byte differs, nor what is said before it."""

from typing import Any

import pytest

from mxtui.demo.primary import Accepted, FakePrimary
from tests.conftest import PostfixFactory
from tests.delivery.direct.feeding import deliver, direct
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
    primary.behave(close="")
    for name, theirs_of_it in zip(MAIL, theirs, strict=True):
        before = len(primary.accepted)
        settled_by_us = deliver(
            direct(layout, instance.directory / "journal", primary.port), targets(layout, [ids[name]])
        )
        assert settled_by_us[ids[name]].fate == "delivered", (name, settled_by_us)
        (ours,) = primary.accepted[before:]
        assert ours.content == theirs_of_it.content, name
        assert said(ours) == said(theirs_of_it), name


def said(message: Accepted) -> tuple[object, ...]:
    """The envelope, its parameters in no particular order."""
    recipients = zip(message.recipients, message.recipient_parameters, strict=True)
    return (
        message.sender,
        frozenset(message.mail_parameters.split()),
        sorted((address, frozenset(parameters.split())) for address, parameters in recipients),
    )
