"""Commands on a queue behind Debian's sshd: read there, done there, on record here and there."""

from collections.abc import Iterator

import pytest

from tests.cli.elsewhere import Elsewhere, mail_elsewhere
from tests.support.sshd import HOST


@pytest.fixture(scope="module")
def elsewhere(need_postfix: None) -> Iterator[Elsewhere]:
    with mail_elsewhere() as made:
        yield made


def test_a_host_is_looked_at_by_name_or_by_address(elsewhere: Elsewhere) -> None:
    made = elsewhere.mail("looked@example.com")
    (status,) = elsewhere("status", "--json").objects
    assert status["source"]["path"] == f"ssh://{HOST}{elsewhere.postfix.queue_directory}"
    (domain,) = status["domains"]
    assert domain["primary"]["state"] == "up"
    assert domain["primary"]["port"] == elsewhere.primary.port
    by_address = elsewhere("list", "--json", "from:looked@*", queue=f"ssh://{HOST}{elsewhere.postfix.config_directory}")
    assert [one["queue_id"] for one in by_address.objects] == [made]
    assert elsewhere("list", "--json").out == elsewhere.there("list", "--json").out
    assert elsewhere("show", "--raw", made).out == elsewhere.there("show", "--raw", made).out


def test_what_is_done_there_is_on_record_on_both_hosts_under_one_name(elsewhere: Elsewhere) -> None:
    made = elsewhere.mail("held@example.com")
    assert elsewhere("hold", "--yes", "--reason", "wait", "from:held@*").status == 0
    assert elsewhere.state(made) == "hold"
    here, there = elsewhere("audit", "--json", queue="").objects[0], elsewhere.there("audit", "--json").objects[0]
    assert here["id"] == there["id"]
    assert here["counts"] == there["counts"] == {"done": 1}
    assert (here["reason"], there["reason"]) == ("wait", "wait")
    assert here["queue"] == f"ssh://{HOST}{there['queue']}"
    assert there["asked_by"].startswith(f"{here['login']}@")
    assert here["asked_by"] == ""


def test_a_deletion_is_kept_there_and_taken_back_from_here(elsewhere: Elsewhere) -> None:
    made = elsewhere.mail("deleted@example.com")
    assert elsewhere("delete", "--yes", "from:deleted@*").status == 0
    (kept,) = [one for one in elsewhere("restore", "--list", "--json").objects if one["queue_id"] == made]
    assert not (elsewhere.folder / "kept").exists()
    assert elsewhere("restore", "--yes", "--act", kept["audit_id"]).status == 0
    assert [one["sender"] for one in elsewhere("list", "--json", "from:deleted@*").objects] == ["deleted@example.com"]


def test_spam_is_put_in_quarantine_there_and_let_out_again_from_here(elsewhere: Elsewhere) -> None:
    made = elsewhere.mail("junk@example.com")
    assert elsewhere("quarantine", "--yes", "--reason", "spam", "from:junk@*").status == 0
    assert elsewhere.state(made) == "hold", "as Postfix has it; that it is quarantine is on record"
    for look in (elsewhere, elsewhere.there):
        assert [one["queue_id"] for one in look("list", "--json", "is:quarantined").objects] == [made]
    assert elsewhere("release", "--yes", "is:quarantined").status == 0
    assert elsewhere.state(made) != "hold"


def test_a_flush_is_a_drain_of_that_host(elsewhere: Elsewhere) -> None:
    elsewhere.mail("flushed@example.com")
    elsewhere.postfix.postconf(defer_transports="")
    try:
        done = elsewhere("flush", "--yes", "--json", "--all")
        assert done.objects[-1]["phase"] == "done"
        status = elsewhere.there("drain", "--json").objects[0]
        assert status["progress"]["delivered"] == done.objects[-1]["delivered"]
        assert elsewhere("drain", "--json").objects[0]["began"] == status["began"]
        assert "delivered" in elsewhere("drain", "report").text
    finally:
        elsewhere.postfix.postconf(defer_transports="smtp")


@pytest.mark.parametrize(
    "words", [("doctor",), ("metrics",), ("suspend", "example.org"), ("flush", "--all", "--direct")]
)
def test_what_is_done_on_the_host_itself_says_so_and_how(elsewhere: Elsewhere, words: tuple[str, ...]) -> None:
    done = elsewhere(*words)
    assert done.status == 2
    assert f"ssh -t {HOST} mxtui {words[0]}" in done.err


def test_an_agent_does_not_lead_on_to_another_host(elsewhere: Elsewhere) -> None:
    done = elsewhere("agent")
    assert done.status == 2
    assert "runs on the host of the queue" in done.err


def test_a_host_key_that_is_not_known_is_left_to_the_operator(elsewhere: Elsewhere) -> None:
    elsewhere.server.known_hosts.write_text("")
    try:
        done = elsewhere("status")
    finally:
        elsewhere.server.know_host_key()
    assert done.status == 4
    assert f"ssh does not know the host key of {HOST}" in done.err
    assert f"compare the key before you accept it: ssh {HOST}" in done.err


def test_a_host_that_asks_for_a_password_is_told_to_the_operator(elsewhere: Elsewhere) -> None:
    keys = elsewhere.server.folder / "authorized_keys"
    known = keys.read_bytes()
    keys.write_bytes(b"")
    try:
        done = elsewhere("status")
    finally:
        keys.write_bytes(known)
    assert done.status == 4
    assert "asks for a password, or knows none of your keys" in done.err
    assert "ssh-add" in done.err


def test_a_host_that_is_not_there_is_not_waited_for(elsewhere: Elsewhere) -> None:
    done = elsewhere("status", queue="ssh://root@127.0.0.1:9")
    assert done.status == 4
    assert "Connection refused" in done.err
