"""Recipients that do not exist, though nobody tried to deliver to them: by what call-outs have learned."""

import json
import sys
import time
from pathlib import Path

import pytest

from mxtui.model.envelope import EnvelopeRecipient
from mxtui.queues.spool.store import Spool
from mxtui.receiver.recipients.learned import FILE, Learned, LearnedRecipients
from tests.cli.running import Done, Mxtui, run
from tests.conftest import PostfixFactory
from tests.delivery.spooling import make_spool
from tests.queues.spool.making import envelope, put

TEXT = b"From: ann@example.net\nSubject: hello\n\nhello\n"


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    config = f'audit = "{tmp_path}/audit.jsonl"\nstate = "{tmp_path}/state"\n'
    (tmp_path / "mxtui.toml").write_text(config)
    return make_spool(tmp_path)


def to(spool: Spool, *addresses: str) -> str:
    recipients = tuple(EnvelopeRecipient(each) for each in addresses)
    return put(spool, envelope(TEXT, recipients=recipients), text=TEXT).id


def mxtui(spool: Spool, verb: str, *words: str) -> Done:
    folder = spool.path.parent
    argv = [sys.executable, "-m", "mxtui", verb, "-q", str(spool.path), "--config", str(folder / "mxtui.toml"), *words]
    return run(argv, {"XDG_CONFIG_HOME": str(folder)})


def learned(spool: Spool, address: str, outcome: str, ago: float) -> None:
    journal = LearnedRecipients(spool.path / FILE)
    journal.learn(Learned(address, outcome, time.time() - ago, "550 5.1.1 no such user"))  # type: ignore[arg-type]
    journal.close()


def test_mail_to_somebody_whom_the_primary_did_not_know_is_unknown_and_it_is_told_how_that_is_known(
    spool: Spool,
) -> None:
    ghost = to(spool, "Ghost@example.org", "info@example.org")
    user = to(spool, "info@example.org")
    assert mxtui(spool, "list", "is:unknown", "--json").objects == []
    learned(spool, "ghost@example.org", "bad", 5 * 3600)
    learned(spool, "info@example.org", "good", 3600)
    assert [each["queue_id"] for each in mxtui(spool, "list", "is:unknown", "--json").objects] == [ghost]
    assert [each["queue_id"] for each in mxtui(spool, "list", "-is:unknown", "--json").objects] == [user]
    planned = mxtui(spool, "hold", "is:unknown", "--dry-run", "--json").objects[0]
    assert planned["queue_ids"] == [ghost]
    found = json.loads(mxtui(spool, "show", ghost, "--json").out)["evidence"]
    (evidence,) = (each for each in found if each["name"] == "unknown_recipient")
    assert evidence["detail"] == (
        "1 of 2 recipients do not exist: call-out to the primary 5h 00m ago: 550 5.1.1 no such user"
    )


def test_what_was_learned_long_ago_or_of_a_whole_domain_says_nothing(spool: Spool) -> None:
    to(spool, "ghost@example.org")
    learned(spool, "ghost@example.org", "bad", 8 * 86_400)
    learned(spool, "@example.org", "bad", 3600)
    assert mxtui(spool, "list", "is:unknown", "--json").objects == []


@pytest.mark.postfix
def test_on_postfix_who_is_not_in_its_list_of_recipients_is_unknown(postfix: PostfixFactory, tmp_path: Path) -> None:
    instance = postfix(routes={"example.org": 1}, settings={"defer_transports": "smtp, relay"})
    mxtui = Mxtui(instance, tmp_path)
    (ghost,) = instance.inject("ann@example.net", ["ghost@example.org", "info@example.org"])
    instance.inject("ann@example.net", ["info@example.org"])
    assert mxtui("list", "is:unknown", "--json").objects == []
    table = instance.config_directory / "recipients"
    table.write_text("info@example.org x\n")
    instance.postconf(relay_recipient_maps=f"texthash:{table}")
    assert [each["queue_id"] for each in mxtui("list", "is:unknown", "--json").objects] == [ghost]
    found = json.loads(mxtui("show", ghost, "--json").out)["evidence"]
    (evidence,) = (each for each in found if each["name"] == "unknown_recipient")
    assert evidence["detail"] == f"1 of 2 recipients do not exist: not in texthash:{table} (relay_recipient_maps)"
