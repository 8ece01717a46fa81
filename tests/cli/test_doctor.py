"""`mxtui doctor` as an operator runs it: on a Postfix, on a spool, with its exit status, text and JSON."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mxtui.cli.attach import attach
from mxtui.cli.doctor import QUEUED, _relayed
from mxtui.demo.postfix import SBIN, PrivatePostfix
from mxtui.demo.primary import FakePrimary
from mxtui.doctor.catalogue import CATALOGUE
from mxtui.doctor.record import FOLDER
from mxtui.drills import Drills
from mxtui.folders import queue_digest
from tests.cli.running import Done, run
from tests.doctor.authority import Authority, nsd_available
from tests.service.serving import HOSTNAME, Serve
from tests.support.waiting import wait_until

ZONE = f"""\
{HOSTNAME}. IN A 127.0.0.1
1.0.0.127.in-addr.arpa. IN PTR {HOSTNAME}.
example.org. IN MX 10 mx1.example.org.
example.org. IN MX 12 {HOSTNAME}.
mx1.example.org. IN A 127.0.0.1
"""

LOOPBACK_IS_NOT_PUBLIC = {"mx_addresses": "fail", "name_address": "fail"}
"""What is so of every test that runs the command itself."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    if reason := nsd_available():
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with Authority(tmp_path_factory.mktemp("nsd"), ZONE) as running:
        yield running


class Doctor:
    """`mxtui doctor` on a spool."""

    def __init__(self, backup: Serve, folder: Path) -> None:
        self._backup = backup
        self._folder = folder
        self.state = folder / "state"
        self.kept = self.state / FOLDER / f"{queue_digest(backup.spool)}.json"
        self.drills = Drills(str(backup.spool), self.state).path

    def __call__(self, *words: str) -> Done:
        argv = ["-q", str(self._backup.spool), "--config", str(self._backup.config), *words]
        return run([sys.executable, "-m", "mxtui", "doctor", *argv], {"XDG_CONFIG_HOME": str(self._folder)})


@pytest.fixture(scope="module")
def doctor(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doctor]:
    folder = tmp_path_factory.mktemp("spool")
    with ExitStack() as stack:
        primary = stack.enter_context(FakePrimary())
        recipients = folder / "recipients"
        recipients.write_text("anna@example.org\n")
        settings = f"""
state = "{folder}/state"
[drill.addresses]
"example.org" = "drill@example.org"
[doctor]
nameservers = ["127.0.0.1:{authority.port}"]
[serve]
spool = "{folder}/spool"
hostname = "{HOSTNAME}"
expire = "12h"
recipients = "{recipients}"
listen = ["127.0.0.1:{{port}}"]
[serve.relay]
"example.org" = "mx1.example.org:{primary.port}"
"""
        backup = Serve(folder, {}, settings=settings, recipients=str(recipients))
        backup.config.write_text(settings.format(port=backup.port))
        stack.enter_context(backup)
        yield Doctor(backup, folder)


def wrong(findings: list[dict[str, str]]) -> dict[str, str]:
    return {each["check"]: each["verdict"] for each in findings if each["verdict"] in ("warn", "fail")}


def test_a_spool_is_examined_by_its_configuration(doctor: Doctor) -> None:
    done = doctor("--json")
    (report,) = done.objects
    found = wrong(report["findings"])
    found.pop("clock", None)  # as the machine has it
    assert found == {
        **LOOPBACK_IS_NOT_PUBLIC,
        "mx_order": "warn",
        "certificate_here": "warn",
        "lifetimes": "fail",
        "drill": "warn",
    }
    assert done.status == 1
    assert report["fail"] == sum(each["verdict"] == "fail" for each in report["findings"])
    by_check = {each["check"]: each for each in report["findings"]}
    assert by_check["mx_order"]["evidence"] == "10 mx1.example.org, we have 12: a gap of 2"
    assert by_check["mx_order"]["fix"] == [
        "example.org. IN MX 10 mx1.example.org.",
        f"example.org. IN MX 20 {HOSTNAME}.",
    ]
    assert by_check["relay_only"]["verdict"] == "pass"
    assert by_check["recipients_known"]["evidence"].startswith("1 address in ")
    assert {each["check"] for each in report["findings"]} == set(CATALOGUE)
    assert set(by_check["loop"]) == {"check", "family", "verdict", "subject", "evidence", "why", "fix", "reference"}


def test_the_result_is_kept_for_whoever_asks_later(doctor: Doctor) -> None:
    (report,) = doctor("--json").objects
    kept = json.loads(doctor.kept.read_text())
    findings = kept.pop("findings")
    assert kept == {name: value for name, value in report.items() if name != "findings"}
    assert wrong(findings) == wrong(report["findings"])
    assert [path.name for path in doctor.state.iterdir()] == [FOLDER]
    doctor("other.example", "--json")
    assert json.loads(doctor.kept.read_text())["taken_at"] == report["taken_at"], (
        "a look at one domain is not the state of all"
    )


def test_text_tells_what_is_wrong_why_and_what_to_do(doctor: Doctor) -> None:
    done = doctor()
    assert done.status == 1
    assert done.err == ""
    assert "✗ fail  lifetimes\n        mail is tried for 12h 00m\n        Wanted: mail is kept for 4 to 5" in done.text
    assert '        fix  mxtui.toml, [serve]: expire = "5d"\n             systemctl reload mxtui\n' in done.text
    assert "▲ warn  mx_order  example.org\n        10 mx1.example.org, we have 12: a gap of 2\n" in done.text
    assert "pass" not in done.text.replace("passed", "")
    assert "✓ pass  relay_only" in doctor("--all").text
    assert "\x1b" not in done.text


def test_a_drill_on_record_is_taken_into_account(doctor: Doctor) -> None:
    record = doctor.drills
    record.parent.mkdir()
    record.write_text(
        '{"at": 1, "domain": "example.org", "path": "queue", "result": "passed", "seconds": 2, "detail": ""}\nhalf a li'
    )
    try:
        (report,) = doctor("--json").objects
        assert next(each for each in report["findings"] if each["check"] == "drill")["evidence"].startswith(
            "passed, but"
        )
    finally:
        shutil.rmtree(record.parent)


NOBODY = 65534


@pytest.fixture(scope="module")
def postfix_config(authority: Authority, folder: Path, servers: ExitStack) -> tuple[PrivatePostfix, Path]:
    primary = servers.enter_context(FakePrimary())
    instance = servers.enter_context(PrivatePostfix(folder / "postfix", routes={"example.org": primary.port}))
    config = folder / "mxtui.toml"
    state = folder / "state"
    config.write_text(f'state = "{state}"\n[doctor]\nnameservers = ["127.0.0.1:{authority.port}"]\n')
    state.mkdir(mode=0o777)
    state.chmod(0o777)
    return instance, config


def test_a_postfix_is_examined_by_root_and_by_somebody_else(postfix_config: tuple[PrivatePostfix, Path]) -> None:
    instance, config = postfix_config
    words = ["doctor", "-q", str(instance.config_directory), "--config", str(config), "--json"]
    env = {"XDG_CONFIG_HOME": str(config.parent)}
    by_root = run([sys.executable, "-m", "mxtui", *words], env)
    by_nobody = run([sys.executable, "-m", "tests.cli.as_user", str(NOBODY), str(NOBODY), *words], env)
    assert by_nobody.out, by_nobody.err
    (one,), (other,) = by_root.objects, by_nobody.objects
    assert (by_root.status, by_nobody.status) == (1, 1)
    verdicts = {(each["check"], each["subject"]): each["verdict"] for each in one["findings"]}
    others = {(each["check"], each["subject"]): each["verdict"] for each in other["findings"]}
    differ = {check: (verdicts.get(check), others.get(check)) for check in verdicts.keys() | others.keys()
              if verdicts.get(check) != others.get(check)}  # fmt: skip
    assert differ == {("sudo", ""): ("skipped", "warn")}
    assert {each["verdict"] for each in one["findings"] if each["check"] == "recipients_known"} == {"fail"}


def test_every_check_is_explained(doctor: Doctor) -> None:
    said = doctor("--explain")
    assert said.status == 0
    assert all(f"  {name:<20}{check.title}\n" in said.text for name, check in CATALOGUE.items())
    assert "RFC 1870" in doctor("--explain", "offers_size").text
    assert doctor("--explain", "nonsense").status == 2


def test_a_word_that_is_no_domain_is_refused(doctor: Doctor) -> None:
    done = doctor("../etc")
    assert (done.status, done.out) == (2, b"")
    assert "not a domain" in done.err


def test_what_strangers_queued_is_looked_at_within_bounds_and_names_that_are_none_are_not(
    folder: Path, servers: ExitStack
) -> None:
    instance = servers.enter_context(PrivatePostfix(folder / "queued", routes={}))
    instance.postconf(default_transport="smtp:[127.0.0.1]:1", defer_transports="error smtp")
    config = folder / "queued.toml"
    config.write_text(f'state = "{folder}/state"\n')
    instance.inject("a@example.com", [f"bob@d{number:03}.example" for number in range(QUEUED + 2)])
    instance.inject("a@example.com", ["bob@deep.example"])
    instance.inject("a@example.com", ["bob@deep.example"])
    shell = "bob@`touch${IFS}/tmp/pwned`"  # what smtpd(8) would not take, others may
    sendmail = ["sendmail", "-C", str(instance.config_directory), "-f", "a@example.com", shell]
    subprocess.run(sendmail, input=b"Subject: x\n\nx\n", env={**os.environ, "PATH": SBIN}, timeout=30, check=True)
    deferred = instance.queue_directory / "deferred"
    wait_until(lambda: sum(path.is_file() for path in deferred.rglob("*")) == 4)
    told: list[str] = []
    with attach(str(instance.config_directory), str(config)) as attached:
        looked_at = _relayed(attached, told.append)
    assert looked_at == ["deep.example", *(f"d{number:03}.example" for number in range(QUEUED - 1))]
    assert told == [
        "nobody can tell which domains are relayed here: those that are queued are looked at",
        "1 name left out: no names of domains",
        "3 queued domains left out, those with the fewest messages: name them to look at them",
    ]
