"""`mxtui learn`, with SpamAssassin as Debian ships it: on request only, and on record."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.running import Done, run
from tests.delivery.spooling import make_spool
from tests.queues.spool.making import envelope, put
from tests.support.scanners import Running, sample, spamd


@pytest.fixture(scope="module")
def scanner() -> Iterator[Running]:
    with spamd() as running:
        yield running


class Learning:
    """A spool with mail in it, and `mxtui` that knows a scanner, or none."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.spool = make_spool(folder)
        at = f'spamassassin = "127.0.0.1:{port}"\ntimeout = "30s"\n' if port else ""
        self.config = folder / "mxtui.toml"
        self.config.write_text(f'audit = "{folder}/audit.jsonl"\nstate = "{folder}/state"\n[spam]\n{at}')

    def put(self, text: bytes) -> str:
        return put(self.spool, envelope(text), text=text).id

    def __call__(self, *words: str) -> Done:
        queue = [] if words[0] == "audit" else ["-q", str(self.spool.path)]
        at = 2 if words[0] == "learn" else 1
        argv = [sys.executable, "-m", "mxtui", *words[:at], *queue, "--config", str(self.config), *words[at:]]
        return run(argv, {"XDG_CONFIG_HOME": str(self.folder)})


def test_each_content_is_learned_once_and_it_is_on_record(tmp_path: Path, scanner: Running) -> None:
    learning = Learning(tmp_path, scanner.port)
    spam = [learning.put(sample("spam")) for _ in range(3)]
    ham = learning.put(sample("nonspam"))
    done = learning("learn", "spam", f"-id:{ham}", "--yes", "--reason", "made sure", "--json")
    assert done.status == 0, done.err
    *lines, summary = done.objects
    assert [line["learned"] for line in lines] == [True]
    assert (summary["learned"], summary["failed"]) == (1, 0)
    assert learning("learn", "ham", f"id:{ham}", "--yes").status == 0
    of_ham, of_spam = learning("audit", "--json").objects
    assert (of_spam["verb"], of_spam["reason"], of_spam["messages"]) == ("learn spam", "made sure", 3)
    assert (of_spam["counts"], of_spam["complete"]) == ({"learned": 1, "same": 2}, True)
    assert (of_ham["verb"], of_ham["counts"]) == ("learn ham", {"learned": 1})
    each = learning("audit", of_spam["id"], "--json").objects
    assert {line["queue_id"] for line in each} == set(spam)
    (taught,) = (line for line in each if line["result"] == "learned")
    assert taught["detail"] == "learned by spamassassin"
    assert [line["detail"] for line in each if line["result"] == "same"] == [
        f"the same content as {taught['queue_id']}"
    ] * 2
    assert len(learning("list", "--json").objects) == 4  # where they were


def test_nothing_is_taught_without_being_asked_for(tmp_path: Path, scanner: Running) -> None:
    learning = Learning(tmp_path, scanner.port)
    learning.put(sample("spam"))
    for words in ([], ["id:*", "--dry-run"], ["id:*"]):
        done = learning("learn", "spam", *words)
        assert done.out == b""
    assert not (tmp_path / "audit.jsonl").exists()
    done = learning("learn", "ham")
    assert (done.status, "mxtui learn ham campaign:c7f3" in done.err) == (2, True)


def test_without_a_scanner_it_says_how_to_have_one(tmp_path: Path) -> None:
    learning = Learning(tmp_path, 0)
    done = learning("learn", "spam", "id:x", "--yes")
    assert done.status == 2
    assert "[spam] rspamd or spamassassin" in done.err


def test_one_that_is_down_is_named_for_each_message(tmp_path: Path) -> None:
    learning = Learning(tmp_path, 1)
    queue_id = learning.put(sample("spam"))
    done = learning("learn", "spam", f"id:{queue_id}", "--yes")
    assert done.status == 1
    assert f"{queue_id}  spamassassin: connection refused" in done.err
    (act,) = learning("audit", "--json").objects
    assert act["counts"] == {"failed": 1}
    (line,) = learning("audit", act["id"], "--json").objects
    assert (line["queue_id"], line["result"]) == (queue_id, "failed")
    assert line["detail"] == "spamassassin: connection refused"
