"""Hosts as operators write them, ssh's command line, and what ssh says when it fails."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxtui.errors import UsageError
from mxtui.model.ssh_address import Address, parse
from mxtui.queues.remote.ssh import OPTIONS, argv, failure

MX2 = Address("mx2.example.net", "root", 2222)


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("ssh://mx2", Address("mx2")),
        ("ssh://mx2/", Address("mx2")),
        ("ssh://root@mx2.example.net:2222", MX2),
        ("ssh://[2001:db8::25]:22/var/spool/postfix-in", Address("2001:db8::25", "", 22, "/var/spool/postfix-in")),
        ("ssh://mx2/srv/my%20spool", Address("mx2", "", None, "/srv/my spool")),
    ],
)
def test_hosts_are_read_as_they_are_written(written: str, address: Address) -> None:
    assert parse(written) == address


@pytest.mark.parametrize(
    "written",
    [
        "ssh://",
        "ssh://-oProxyCommand=touch%20x",
        "ssh://-oProxyCommand=x@mx2",
        "ssh://root@-p",
        "ssh://mx2:0",
        "ssh://mx2:99999",
        "ssh://mx2 -o x",
        "ssh://mx2;id",
        "ssh://$(id)",
        "ssh://mx2/a%00b",
        "ssh://mx2/a%1bb",
        "ssh://mx2\n",
        "ssh://[mx2]",
    ],
)
def test_what_ssh_could_take_for_something_else_is_no_host(written: str) -> None:
    with pytest.raises(UsageError, match="not a host"):
        parse(written)


@given(st.text())
def test_no_host_becomes_an_option(text: str) -> None:
    try:
        address = parse(f"ssh://{text}")
    except UsageError:
        return
    command = argv(address, ["mxtui"])
    at = command.index("--")
    assert command[: 1 + len(OPTIONS)] == ["ssh", *OPTIONS]
    assert command[at + 1] == address.host
    assert not address.host.startswith("-")
    assert not address.user.startswith("-")


def test_the_far_shell_gets_words_and_no_more() -> None:
    command = argv(Address("mx2", "", None, "/srv/$(id) 'x'"), ["sudo", "-n", "mxtui"])
    assert command[-3:] == ["--", "mx2", "sudo -n mxtui agent -q '/srv/$(id) '\"'\"'x'\"'\"''"]


@pytest.mark.parametrize(
    ("status", "said", "sentence", "hint"),
    [
        (255, "root@mx2: Permission denied (publickey,password).", "asks for a password", "ssh-add"),
        (255, "Host key verification failed.", "does not know the host key", "ssh -p 2222 root@mx2.example.net"),
        (
            255,
            "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
            "not the one that is known",
            "Find out why",
        ),
        (127, "sh: 1: mxtui: not found", "no mxtui on mx2.example.net", "command ="),
        (255, "ssh: connect to host mx2 port 22: Connection refused", "Connection refused", "by hand"),
        (1, "mxtui: no queue\x1b[2J", "ended: mxtui: no queue␛", "mxtui status"),
        (0, "", "without a word", "by hand"),
    ],
)
def test_what_ssh_says_becomes_a_sentence_and_what_to_do(status: int, said: str, sentence: str, hint: str) -> None:
    error = failure(MX2, status, said)
    assert sentence in error.message
    assert hint in error.hint
