"""By relay_recipient_maps, which postmap(1) is asked about."""

import os
from collections.abc import Sequence

import pytest

from mxtui.demo.postfix import PrivatePostfix
from mxtui.queues.postfix.layout import read_layout
from mxtui.queues.postfix.listed_recipients import ListedRecipients
from tests.conftest import PostfixFactory

pytestmark = pytest.mark.postfix


class Queue:
    """Recipients in pieces, as an index tells them."""

    def __init__(self, *pieces: Sequence[str]) -> None:
        self.pieces = pieces
        self.asked: list[int] = []

    def since(self, mark: int) -> tuple[int, Sequence[str]]:
        self.asked.append(mark)
        return (mark + 1, self.pieces[mark]) if mark < len(self.pieces) else (mark, ())


@pytest.fixture
def instance(postfix: PostfixFactory) -> PrivatePostfix:
    running = postfix(routes={"example.org": 1, "lists.example": 1})
    (running.config_directory / "recipients").write_text("info@example.org x\nann@example.org x\n@lists.example x\n")
    running.postconf(
        relay_recipient_maps=f"texthash:{running.config_directory}/recipients",
        recipient_delimiter="+",
        mydestination="here.example",
    )
    return running


def listed(instance: PrivatePostfix) -> ListedRecipients:
    return ListedRecipients(read_layout(instance.config_directory))


def test_who_is_in_the_list_is_found_as_postfix_looks_and_others_are_not(instance: PrivatePostfix) -> None:
    recipients = listed(instance)
    queue = Queue(
        ["info@example.org", "Ann+News@Example.ORG", "ghost@example.org", "+odd@example.org"],
        ["any@lists.example", "root@here.example", "somebody@elsewhere.example"],
        ["Ghost2@example.org", "\x1b[2J@example.org", "a b@example.org", "no-domain"],
    )
    recipients.look(queue.since)
    assert set(recipients.unlisted) == {"ghost@example.org", "+odd@example.org", "ghost2@example.org"}
    said = recipients.unlisted["ghost@example.org"].words(0.0)
    assert said == f"not in texthash:{instance.config_directory}/recipients (relay_recipient_maps)"


def test_each_is_asked_for_once_and_again_when_the_list_was_written(instance: PrivatePostfix) -> None:
    recipients, queue = listed(instance), Queue(["ghost@example.org"])
    recipients.look(queue.since)
    recipients.look(queue.since)
    assert queue.asked == [0, 1, 1], "what is known is not asked for again"
    table = instance.config_directory / "recipients"
    table.write_text(table.read_text() + "ghost@example.org x\n")
    os.utime(table, (2e9, 2e9))
    recipients.look(queue.since)
    assert recipients.unlisted == {}


@pytest.mark.parametrize("maps", ["", "texthash:/no/such/table", "ldap:/etc/ldap.cf", "static:all", "proxy:mysql:/x"])
def test_without_a_list_that_can_be_asked_nobody_is_missing(instance: PrivatePostfix, maps: str) -> None:
    instance.postconf(relay_recipient_maps=maps)
    recipients = listed(instance)
    recipients.look(Queue(["ghost@example.org"]).since)
    assert recipients.unlisted == {}


def test_a_list_that_breaks_says_nothing_more(instance: PrivatePostfix) -> None:
    recipients, queue = listed(instance), Queue(["ghost@example.org"])
    recipients.look(queue.since)
    assert recipients.unlisted
    (instance.config_directory / "recipients").unlink()
    recipients.look(queue.since)
    assert recipients.unlisted == {}
