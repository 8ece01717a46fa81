"""What a user may do, and what is said when not."""

from dataclasses import replace
from pathlib import Path

import pytest

from mxtui.demo.postfix import PrivatePostfix
from mxtui.model.source import Verb
from mxtui.queues.postfix.layout import Layout
from mxtui.queues.postfix.master import master_runs
from mxtui.queues.postfix.permission import POSTSUPER, Privileges, permissions, postsuper, sudoers_lines
from tests.conftest import PostfixFactory
from tests.queues.postfix.acting import layout_of

pytestmark = pytest.mark.postfix


@pytest.fixture
def instance(postfix: PostfixFactory) -> PrivatePostfix:
    return postfix()


@pytest.fixture
def layout(instance: PrivatePostfix) -> Layout:
    return layout_of(instance)


def test_root_may_do_everything_while_postfix_runs(layout: Layout) -> None:
    verbs = permissions(layout, Privileges(root=True), running=True)
    assert set(verbs) == set(Verb)
    refused = {verb: permission for verb, permission in verbs.items() if not permission.allowed}
    assert set(refused) == {Verb.REDIRECT}
    assert "no way to redirect" in refused[Verb.REDIRECT].why_not


def test_whether_postfix_runs_is_known_without_its_help(instance: PrivatePostfix, layout: Layout) -> None:
    assert master_runs(layout.queue_directory)
    instance.stop()
    assert not master_runs(layout.queue_directory)


def test_a_stopped_postfix_that_logs_to_a_file_is_not_acted_on(layout: Layout) -> None:
    verbs = permissions(layout, Privileges(root=True), running=False)
    for verb in POSTSUPER:
        assert not verbs[verb].allowed
        assert "only the first message" in verbs[verb].why_not
        assert "start" in verbs[verb].hint
    assert not verbs[Verb.FLUSH].allowed


def test_a_stopped_postfix_that_logs_to_syslog_can_be_acted_on(layout: Layout) -> None:
    verbs = permissions(replace(layout, maillog_file=None), Privileges(root=True), running=False)
    assert {verb for verb, permission in verbs.items() if not permission.allowed} == {
        Verb.REJECT, Verb.RENEW, Verb.FLUSH, Verb.REDIRECT,
    }  # fmt: skip


def test_who_may_not_is_told_the_sudo_rule(layout: Layout) -> None:
    verbs = permissions(layout, Privileges(root=False, sudo="/nonexistent/sudo"), running=True)
    assert not verbs[Verb.HOLD].allowed
    command = f"{layout.command_directory}/postsuper -c {layout.config_directory} -h - deferred incoming"
    assert verbs[Verb.HOLD].hint.endswith(f"ALL=(root) NOPASSWD: {command}")
    assert verbs[Verb.FLUSH].allowed


def test_a_deletion_that_keeps_a_copy_takes_more_rules_and_the_hint_says_so(layout: Layout) -> None:
    verbs = permissions(layout, Privileges(root=False, sudo="/nonexistent/sudo"), running=True)
    assert "--no-copy" in verbs[Verb.DELETE].hint
    assert "hold and release" in verbs[Verb.DELETE].hint
    assert verbs[Verb.DELETE].hint.endswith("-d - hold deferred incoming")


def fake_sudo(tmp_path: Path, allowed: str) -> tuple[Path, Path]:
    """A sudo that allows commands containing a text, and counts how often it was asked."""
    sudo, asked = tmp_path / "sudo", tmp_path / "asked"
    sudo.write_text(f'#!/bin/sh\necho "$*" >> {asked}\ncase "$*" in *"{allowed}"*) exit 0;; esac\nexit 1\n')
    sudo.chmod(0o755)
    return sudo, asked


def test_exact_sudo_rules_are_found_and_used(layout: Layout, tmp_path: Path) -> None:
    sudo, asked = fake_sudo(tmp_path, "-h - deferred")
    privileges = Privileges(root=False, sudo=str(sudo))
    for _ in range(3):
        verbs = permissions(layout, privileges, running=True)
    assert [verb for verb in POSTSUPER if verbs[verb].allowed] == [Verb.HOLD]
    assert len(asked.read_text().splitlines()) == len(POSTSUPER), "sudo is asked once, not at every look"
    command = postsuper(layout, POSTSUPER[Verb.HOLD])
    assert privileges.argv(command) == [str(sudo), "-n", *command]
    assert Path(command[0]).is_absolute()


def test_the_sudoers_lines_allow_no_id_as_an_argument(layout: Layout) -> None:
    lines = sudoers_lines(layout)
    assert len(lines) == len(POSTSUPER)
    assert all(" - " in line and "*" not in line and "active" not in line for line in lines)
