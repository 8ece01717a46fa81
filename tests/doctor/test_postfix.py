"""The doctor on a real Postfix: nothing is found where all is well, and of each setting that is not the very fault."""

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from mxtui.demo.postfix import SBIN, PrivatePostfix
from mxtui.demo.primary import FakePrimary
from mxtui.doctor.examine import Asked, examine
from mxtui.doctor.finding import Report
from mxtui.doctor.gather.means import Means
from mxtui.doctor.gather.postfix import ExaminedPostfix
from mxtui.primary.lookup import Lookup
from mxtui.queues.postfix.access_table import PostfixCatch
from mxtui.queues.postfix.layout import read_layout
from mxtui.queues.postfix.permission import POSTSUPER, Privileges, postsuper
from mxtui.queues.postfix.routing import PostfixRouter
from tests.doctor.authority import Authority
from tests.doctor.world import OURS, US, Authorities, of, wrong

DOMAIN = "example.org"

ZONE = f"""\
{US}. IN A 127.0.0.12
12.0.0.127.in-addr.arpa. IN PTR {US}.
{DOMAIN}. IN MX 10 mx1.{DOMAIN}.
{DOMAIN}. IN MX 20 {US}.
mx1.{DOMAIN}. IN A 127.0.0.1
"""


class Backup:
    """A private Postfix that is set up right, and the doctor for it."""

    def __init__(self, postfix: PrivatePostfix, authority: Authority, authorities: Authorities) -> None:
        self.postfix = postfix
        self.recipients = postfix.config_directory / "relay_recipients"
        self._authority = authority
        self._authorities = authorities

    def conf(self, **settings: str) -> None:
        """Change main.cf; nobody is told, for the doctor asks postconf(1)."""
        self.run("postconf", *(f"{name}={value}" for name, value in settings.items()))
        self.age()

    def age(self) -> None:
        """Postfix's programs let a second pass after the last change of a file that they read."""
        then = time.time() - 60
        for path in self.postfix.config_directory.iterdir():
            if path.suffix in (".cf", "") and path.stat().st_mtime > then:
                os.utime(path, (then, then))

    def run(self, program: str, *words: str) -> None:
        argv = [program, "-c", str(self.postfix.config_directory), *words]
        subprocess.run(argv, env={"PATH": SBIN}, check=True, capture_output=True)

    def write_recipients(self, *entries: str) -> None:
        self.recipients.write_text("".join(f"{entry} OK\n" for entry in entries))
        self.run("postmap", f"hash:{self.recipients}")
        self.age()

    def look(self, privileges: Privileges | None = None) -> Report:
        layout = read_layout(self.postfix.config_directory)
        system = ExaminedPostfix(layout, PostfixRouter(layout), PostfixCatch(layout, [DOMAIN]), privileges)
        assert system.domains() == [DOMAIN]
        means = Means(
            lookup=Lookup(self._authority.resolver, lifetime=4.0),
            public=lambda address: True,
            own=OURS.__eq__,
            context=self._authorities.trusting,
        )
        asked = Asked([DOMAIN], {DOMAIN: f"anna@{DOMAIN}"}, synchronised=lambda: True)
        return asyncio.run(examine(system, asked, means))

    @contextmanager
    def otherwise(self, **settings: str) -> Iterator[None]:
        """For a while."""
        main = self.postfix.config_directory / "main.cf"
        before = main.read_bytes()
        self.conf(**settings)
        try:
            yield
        finally:
            main.write_bytes(before)
            self.age()


@pytest.fixture(scope="module")
def backup(
    folder: Path, servers: ExitStack, need_nsd: None, tmp_path_factory: pytest.TempPathFactory, authorities: Authorities
) -> Backup:
    authority = servers.enter_context(Authority(tmp_path_factory.mktemp("nsd"), ZONE))
    primary = servers.enter_context(FakePrimary())
    certificate = folder / "mx2.pem"
    certificate.write_bytes(authorities.certificate(US).private_key_and_cert_chain_pem.bytes())
    postfix = PrivatePostfix(folder / "postfix", routes={DOMAIN: primary.port}, long_queue_ids=True)
    postfix.create()
    made = Backup(postfix, authority, authorities)
    made.run("postconf", "-M", "tlsmgr/unix=tlsmgr unix - - n 1000? 1 tlsmgr")
    hold = f"hash:{postfix.config_directory}/mxtui_hold"
    (postfix.config_directory / "mxtui_hold").touch()
    made.run("postmap", hold)
    made.write_recipients(f"anna@{DOMAIN}")
    made.conf(
        smtpd_forbid_bare_newline="normalize",
        relay_recipient_maps=f"hash:{made.recipients}",
        smtpd_recipient_restrictions=f"check_recipient_access {hold}",
        smtpd_tls_security_level="may",
        smtpd_tls_chain_files=str(certificate),
        maillog_file_prefixes=f"{postfix.directory}, /var/log",
    )
    (postfix.config_directory / "transport").write_text(f"{DOMAIN} smtp:[mx1.{DOMAIN}]:{primary.port}\n")
    servers.callback(postfix.abort)
    postfix.start()
    return made


def test_where_all_is_well_nothing_is_found(backup: Backup) -> None:
    report = backup.look()
    assert wrong(report) == {}, report.wrong
    assert of(report, "relay_only").evidence.startswith("mxtui-probe@example.com from a stranger (192.0.2.1): 554")
    assert of(report, "recipients_known").evidence == f"hash:{backup.recipients}"
    assert of(report, "certificate_here").evidence.endswith(f"for {US}")
    assert report.seconds < 10


PLANTED: Mapping[str, tuple[Mapping[str, str], Mapping[str, str]]] = {
    "mail is given up within hours": ({"maximal_queue_lifetime": "2h"}, {"lifetimes": "fail"}),
    "mail is given up after two days": ({"maximal_queue_lifetime": "2d"}, {"lifetimes": "warn"}),
    "bounces are given up at once": ({"bounce_queue_lifetime": "0"}, {"lifetimes": "warn"}),
    "mail is kept for ever": ({"maximal_queue_lifetime": "90d"}, {"lifetimes": "warn"}),
    "pauses of half a day": ({"maximal_backoff_time": "12h"}, {"backoff": "warn"}),
    "pauses of a second": ({"minimal_backoff_time": "1s"}, {"backoff": "warn"}),
    "the shortest pause is the longest": ({"minimal_backoff_time": "2h"}, {"backoff": "fail"}),
    "the queue is seldom looked at": ({"queue_run_delay": "1h"}, {"backoff": "warn"}),
    "warnings after minutes": ({"delay_warning_time": "10m"}, {"warning_time": "warn"}),
    "warnings after the end": ({"delay_warning_time": "6d"}, {"warning_time": "warn"}),
    "soft bounces": ({"soft_bounce": "yes"}, {"soft_bounce": "fail"}),
    "a transport left deferred": ({"defer_transports": "smtp"}, {"deferred_transports": "fail"}),
    "bare newlines": ({"smtpd_forbid_bare_newline": "no"}, {"smuggling": "fail"}),
    "bare newlines are passed on": ({"cleanup_replace_stray_cr_lf": "no"}, {"smuggling": "warn"}),
    "short queue IDs": ({"enable_long_queue_ids": "no"}, {"queue_ids": "warn"}),
    "a log that nobody can read": ({"maillog_file": "/var/log/nowhere.log"}, {"log": "warn"}),
    "no table of holds": ({"smtpd_recipient_restrictions": ""}, {"migration_table": "warn"}),
    "no list of recipients": ({"relay_recipient_maps": ""}, {"recipients_known": "fail"}),
    "everybody is a recipient": ({"relay_recipient_maps": "static:ok"}, {"recipients_known": "fail"}),
    "a local domain as well": ({"mydestination": f"localhost, {DOMAIN}"}, {"domain_once": "fail"}),
    "a virtual domain as well": ({"virtual_mailbox_domains": DOMAIN}, {"domain_once": "fail"}),
    "an alias domain as well": ({"virtual_alias_domains": DOMAIN}, {"domain_once": "fail"}),
    "everybody is trusted": ({"mynetworks": "127.0.0.0/8, 0.0.0.0/0"}, {"relay_only": "fail"}),
    "no restriction at all": ({"smtpd_relay_restrictions": "permit_mynetworks"}, {"relay_only": "fail"}),
    "a permit that is too early": (
        {"smtpd_relay_restrictions": "permit_naked_ip_address, reject_unauth_destination"},
        {"relay_only": "fail"},
    ),
    "a fallback that may send it back": ({"smtp_fallback_relay": "[relay.example.com]"}, {"loop": "warn"}),
    "a fallback that is us": ({"smtp_fallback_relay": f"[{US}]:25"}, {"loop": "fail"}),
    "too little is kept free": ({"queue_minfree": "1000"}, {"disk_room": "warn"}),
}


@pytest.mark.parametrize("what", PLANTED)
def test_each_setting_that_is_not_well_is_found_and_nothing_else(what: str, backup: Backup) -> None:
    settings, found = PLANTED[what]
    with backup.otherwise(**settings):
        report = backup.look()
    assert wrong(report) == found, report.wrong
    assert all(each.fix for each in report.wrong)


def test_a_fix_is_lines_that_work_as_they_stand(backup: Backup) -> None:
    with backup.otherwise(soft_bounce="yes", smtpd_forbid_bare_newline="no", maximal_queue_lifetime="2h",
                          minimal_backoff_time="2h", delay_warning_time="10m", queue_minfree="1000",
                          smtp_fallback_relay="[relay.example.com]"):  # fmt: skip
        report = backup.look()
        assert len(report.wrong) == 7
        for line in (line for each in report.wrong for line in each.fix):
            if line.startswith("postconf "):
                subprocess.run(["sh", "-c", line], env={"PATH": SBIN}, check=True)
        assert wrong(backup.look()) == {}


def test_recipients_verified_at_the_primary_need_no_list(backup: Backup) -> None:
    before = "check_recipient_access hash:{}/mxtui_hold, reject_unauth_destination, reject_unverified_recipient"
    with backup.otherwise(
        relay_recipient_maps="", smtpd_recipient_restrictions=before.format(backup.postfix.config_directory)
    ):
        assert wrong(backup.look()) == {}


def test_a_list_that_is_old_not_indexed_or_too_wide_is_found(backup: Backup) -> None:
    try:
        backup.write_recipients(f"@{DOMAIN}")
        assert wrong(backup.look()) == {"recipients_known": "fail"}
        backup.write_recipients(f"anna@{DOMAIN}")
        old = time.time() - 60 * 86400
        index = Path(f"{backup.recipients}.db")
        for path in (backup.recipients, index):
            os.utime(path, (old, old))
        report = backup.look()
        assert wrong(report) == {"recipients_fresh": "warn"}
        assert of(report, "recipients_fresh").evidence == "last written 60d 00h ago"
        os.utime(backup.recipients, (old + 3600, old + 3600))
        report = backup.look()
        assert wrong(report) == {"recipients_fresh": "fail"}
        assert "after postmap(1) ran" in of(report, "recipients_fresh").evidence
    finally:
        backup.write_recipients(f"anna@{DOMAIN}")
    index.unlink()
    try:
        report = backup.look()
        assert of(report, "recipients_fresh").evidence == f"{index} does not exist: smtpd defers all mail"
        assert of(report, "recipients_known").verdict == "skipped"
    finally:
        backup.write_recipients(f"anna@{DOMAIN}")


def test_a_queue_that_its_owner_may_not_write_to_is_found(backup: Backup) -> None:
    incoming = backup.postfix.queue_directory / "incoming"
    mode = incoming.stat().st_mode
    incoming.chmod(0o500)
    try:
        assert wrong(backup.look()) == {"disk_writable": "fail"}
    finally:
        incoming.chmod(mode)


def test_who_is_not_root_hears_which_rule_is_missing(backup: Backup, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = read_layout(backup.postfix.config_directory)
    exact = [" ".join(postsuper(layout, arguments)) for arguments in POSTSUPER.values()]

    def verdict(*allowed: str) -> tuple[str, str]:
        script = backup.postfix.directory / "sudo"
        cases = "".join(f"'-n -l {command}') exit 0;;\n" for command in allowed)
        script.write_text(f'#!/bin/sh\ncase "$*" in\n{cases}esac\nexit 1\n')
        script.chmod(0o755)
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        found = of(backup.look(Privileges(root=False, sudo=str(script))), "sudo")
        monkeypatch.undo()
        return found.verdict, found.evidence

    assert verdict(*exact) == ("pass", "all 5 commands, and no more")
    assert verdict(*exact[:-1]) == ("warn", f"sudo refuses 1 command of 5: {exact[-1]}")
    everything = " ".join(postsuper(layout, ("-d", "ALL")))
    assert verdict(*exact, everything) == ("fail", f"sudo would run {everything}")


def test_a_postfix_that_is_down_is_examined_all_the_same(backup: Backup) -> None:
    backup.postfix.stop()
    try:
        report = backup.look()
        assert wrong(report) == {"answers": "fail"}
        assert of(report, "relay_only").evidence.startswith("by its settings; it could not be tried")
        assert of(report, "answers").fix == (f"postfix -c {backup.postfix.config_directory} start",)
    finally:
        backup.postfix.start()
