"""Bad days: each is a clear sentence and an exit status, and nothing is lost or done by halves."""

import grp
import os
import pwd
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mxtui.demo.postfix import PrivatePostfix
from tests.cli.running import Done, Mxtui, run
from tests.queues.postfix.acting import QUIET, layout_of, settled, state

pytestmark = pytest.mark.postfix

NOBODY_LISTENS = 1

NOBODY = pwd.getpwnam("nobody").pw_uid
VERBS = ("hold", "release", "reject", "delete", "flush")


@pytest.fixture(scope="module")
def instance(folder: Path, servers: ExitStack) -> PrivatePostfix:
    return servers.enter_context(
        PrivatePostfix(folder / "postfix", routes={"example.org": NOBODY_LISTENS}, settings=QUIET)
    )


@pytest.fixture(scope="module")
def ids(instance: PrivatePostfix) -> list[str]:
    """Three messages that stay where they are, whatever is tried here."""
    ids = instance.inject("a@client.example", ["info@example.org"], count=3)
    settled(layout_of(instance), ids, "deferred")
    return ids


@pytest.fixture
def mxtui(instance: PrivatePostfix, ids: list[str], tmp_path: Path) -> Iterator[Mxtui]:
    yield Mxtui(instance, tmp_path)
    assert {state(layout_of(instance), queue_id) for queue_id in ids} == {"deferred"}, "nothing was done"


def as_nobody(mxtui: Mxtui, group: str, *words: str) -> Done:
    """`mxtui` as a user who owns nothing, in one group."""
    arguments = mxtui.argv(*words)[3:]
    del arguments[arguments.index("--config") : arguments.index("--config") + 2]
    gid = str(grp.getgrnam(group).gr_gid)
    home = mxtui.instance.directory.parent / "home"
    home.mkdir(exist_ok=True)
    os.chown(home, NOBODY, int(gid))
    argv = [sys.executable, "-m", "tests.cli.as_user", str(NOBODY), gid, *arguments]
    return run(argv, {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "XDG_STATE_HOME": str(home)})


# -- Postfix is stopped ---------------------------------------------------------------------------------------------


@pytest.fixture
def stopped(instance: PrivatePostfix, ids: list[str]) -> Iterator[PrivatePostfix]:
    instance.stop()
    yield instance
    instance.start()


def test_a_stopped_postfix_can_be_read_and_is_not_acted_on(
    mxtui: Mxtui, stopped: PrivatePostfix, ids: list[str]
) -> None:
    assert {each["queue_id"] for each in mxtui("list", "--json").objects} == set(ids)
    (status,) = mxtui("status", "--json", "--no-probe").objects
    assert status["queue"]["messages"] == len(ids)
    assert ("stopped", "critical") in {(alert["name"], alert["severity"]) for alert in status["alerts"]}
    assert mxtui("show", "--raw", ids[0]).out.endswith(b"\n\nbody\n")
    for verb in VERBS:
        done = mxtui(verb, "domain:example.org", "--yes")
        assert (done.status, done.out) == (4, b"")
        assert f"{verb} is not possible: Postfix is stopped" in done.err
        assert f"Start it: postfix -c {stopped.config_directory} start" in done.err
    assert not mxtui.audit.exists()


# -- no permission --------------------------------------------------------------------------------------------------


def test_a_member_of_postdrop_sees_the_queue_and_is_told_what_would_allow_more(mxtui: Mxtui, ids: list[str]) -> None:
    listed = as_nobody(mxtui, "postdrop", "list", "--json")
    assert listed.status == 0, listed.err
    assert {each["queue_id"] for each in listed.objects} == set(ids)
    assert {each["recipients"][0]["delay_reason"] for each in listed.objects} != {None}
    for verb in ("hold", "delete"):
        done = as_nobody(mxtui, "postdrop", verb, "domain:example.org", "--yes")
        assert (done.status, done.out) == (3, b"")
        assert "only root may change the queue" in done.err
        assert "NOPASSWD: /" in done.err
    shown = as_nobody(mxtui, "postdrop", "show", "--raw", ids[0])
    assert (shown.status, shown.out) == (3, b"")
    assert "root and the postfix user" in shown.err


def test_a_stranger_is_told_why_there_is_nothing_to_see(mxtui: Mxtui, ids: list[str]) -> None:
    for words in (["status", "--no-probe"], ["hold", "domain:example.org", "--yes"], ["show", ids[0]]):
        done = as_nobody(mxtui, "nogroup", *words)
        assert (done.status, done.out) == (3, b""), words
        assert len(done.err.splitlines()) >= 2, "with a hint"
        assert "Traceback" not in done.err


# -- wrong places ---------------------------------------------------------------------------------------------------


def test_a_wrong_directory_is_named_with_what_is_missing(mxtui: Mxtui, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for source, said in [
        (tmp_path / "nothing", "does not exist"),
        (file, "is not a directory"),
        (tmp_path, "neither a Postfix configuration directory (no main.cf) nor a Postfix queue directory"),
    ]:
        done = run([sys.executable, "-m", "mxtui", "list", "-q", str(source)])
        assert (done.status, done.out) == (4, b"")
        assert f"{source} {said}" in done.err.replace(f"{source} is neither", f"{source} neither")
        assert "postmulti -l" in done.err


def test_a_queue_directory_serves_as_well_as_its_configuration(mxtui: Mxtui, ids: list[str]) -> None:
    done = run([sys.executable, "-m", "mxtui", "list", "--json", "-q", str(mxtui.instance.queue_directory)])
    assert {each["queue_id"] for each in done.objects} == set(ids)


def test_a_queue_of_nobody_is_not_taken_for_another(mxtui: Mxtui, tmp_path: Path) -> None:
    for name in ("active", "deferred", "incoming", "hold"):
        (tmp_path / name).mkdir()
    done = run([sys.executable, "-m", "mxtui", "list", "-q", str(tmp_path)])
    assert (done.status, done.out) == (4, b"")
    assert "none of the instances known here uses it" in done.err


# -- settings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[probe]\ninterval = 30\n", ":2: probe.interval: 30 will not do"),
        ("\n\nqueu = '/etc/postfix'\n", ":3: queu: no such setting"),
        ("[probe]\nintervall = '30s'\n", ":2: probe.intervall: no such setting"),
        ("audit = 'relative'\n", ":1: audit: 'relative' will not do"),
        ("[probe\n", "line 1"),
    ],
)
def test_a_mistake_in_the_settings_names_file_key_and_line(mxtui: Mxtui, text: str, said: str) -> None:
    mxtui.config.write_text(text)
    done = mxtui("audit")
    assert (done.status, done.out) == (2, b"")
    assert str(mxtui.config) in done.err
    assert said in done.err
    assert len(done.err.splitlines()) >= 2, "with a hint"


def test_an_unknown_setting_names_the_nearest(mxtui: Mxtui) -> None:
    mxtui.config.write_text("[probe]\nintervall = '30s'\n")
    assert "Did you mean probe.interval?" in mxtui("list").err


def test_settings_that_are_not_there_are_an_error_only_where_they_were_asked_for(mxtui: Mxtui) -> None:
    mxtui.config.unlink()
    done = mxtui("list")
    assert done.status == 2
    assert f"{mxtui.config}: no such file" in done.err


# -- the audit ------------------------------------------------------------------------------------------------------


def test_nothing_is_done_when_the_audit_has_no_room(mxtui: Mxtui) -> None:
    """A limit on the size of files stands for a full disk: a write ends half way, too, and needs no mount."""
    before = b'{"event":"begin"}\n' * 10
    mxtui.audit.write_bytes(before)
    for verb in ("hold", "flush"):
        force = ["--force"] if verb == "flush" else []
        argv = mxtui.argv(verb, "domain:example.org", "--yes", *force)
        done = run(["prlimit", f"--fsize={len(before) + 100}", *argv])
        assert (done.status, done.out) == (5, b"")
        assert f"the audit cannot be written to {mxtui.audit}: File too large" in done.err
        assert "Nothing is done without a record. Free some space there" in done.err
    assert mxtui.audit.read_bytes() == before, "no line cut short is left behind"


def test_nothing_is_done_when_the_audit_is_no_file_of_ours(mxtui: Mxtui, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    (tmp_path / "file").touch()
    for audit in (link, tmp_path, tmp_path / "file" / "audit.jsonl"):
        mxtui.config.write_text(f'audit = "{audit}"\n')
        done = mxtui("hold", "domain:example.org", "--yes")
        assert done.status == 5
        assert f"the audit cannot be written to {audit}" in done.err
        assert "free some space" not in done.err.lower()
    assert not (tmp_path / "elsewhere").exists()


def test_nothing_is_deleted_when_no_copy_can_be_kept(mxtui: Mxtui, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    mxtui.config.write_text(f'audit = "{mxtui.audit}"\n[kept]\nfolder = "{tmp_path / "file" / "kept"}"\n')
    done = mxtui("delete", "domain:example.org", "--yes")
    assert done.status == 5
    assert "Traceback" not in done.err
    assert str(tmp_path / "file") in done.err


# -- commands -------------------------------------------------------------------------------------------------------


def test_the_console_needs_a_terminal_and_says_what_does_not(mxtui: Mxtui) -> None:
    done = run([sys.executable, "-m", "mxtui", "-q", str(mxtui.instance.config_directory)])
    assert (done.status, done.out) == (2, b"")
    assert "needs a terminal" in done.err
    assert "mxtui status" in done.err


def test_an_unknown_command_or_option_is_a_usage_error(mxtui: Mxtui) -> None:
    for words in (["lst"], ["list", "--jsn"], ["hold", "--sort", "age"]):
        done = run([sys.executable, "-m", "mxtui", *words])
        assert (done.status, done.out) == (2, b"")
        assert "No such" in done.err
