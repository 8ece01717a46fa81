"""A real Postfix of one's own: everything in one directory, loopback only, unable to reach any other host.

Started for demonstrations and tests; never touches the system's instance. Needs root, since Postfix's master does.
"""

import grp
import os
import pwd
import re
import shutil
import smtplib
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from mxtui.demo.ports import free_port
from mxtui.errors import CommandFailed, NoQueue, NotPermitted

SBIN: Final = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
"""Debian keeps Postfix's commands where a plain user's PATH does not look."""

MAIN_CF: Final = """\
compatibility_level = 3.6
queue_directory = {directory}/queue
data_directory = {directory}/data
maillog_file = {directory}/log/mail.log
maillog_file_prefixes = {directory}
mail_owner = postfix
setgid_group = postdrop
myhostname = {hostname}
mydestination =
inet_interfaces = loopback-only
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
relay_domains = texthash:{directory}/etc/relay_domains
transport_maps = texthash:{directory}/etc/transport
# What has no route above goes nowhere: nothing can leave this host.
default_transport = error:5.3.0 this private Postfix delivers to loopback only
relay_transport = $default_transport
local_transport = $default_transport
local_recipient_maps =
alias_maps =
alias_database =
notify_classes =
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_peername_lookup = no
smtpd_authorized_xclient_hosts = 127.0.0.1
smtputf8_autodetect_classes = all
in_flow_delay = 0
# Relayed mail passes unedited, as on a backup MX.
local_header_rewrite_clients =
enable_long_queue_ids = {long_queue_ids}
"""

MASTER_CF: Final = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

QUEUES: Final = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "saved", "trace")
QUICK_START: Final = "quick-start"
"""Tells postfix(1) to start once without its checks, as after `postfix quick-stop`: two seconds of a hundred forks."""

SET_BACK: Final = 10.0
START_TIMEOUT: Final = 30.0
STOP_TIMEOUT: Final = 30.0
RELOAD_TIMEOUT: Final = 30.0
COMMAND_TIMEOUT: Final = 60.0


def postfix_available() -> str:
    """Why no private Postfix can be started here, as a sentence; empty when one can."""
    if shutil.which("postfix", path=SBIN) is None:
        return "Postfix is not installed (Debian: apt-get install postfix)"
    if os.geteuid() != 0:
        return "only root can start a Postfix"
    return ""


class PrivatePostfix:
    """A Postfix in `directory`, running between `__enter__` and `__exit__`.

    `routes` maps a relay domain to the loopback port of its primary; every other destination is refused. `settings`
    are main.cf parameters that go on top (`minimal_backoff_time="2s"`). The directory is made passable for Postfix's
    own user, and is left behind: who made it removes it.

    Raises NoQueue (not installed), NotPermitted (not root), CommandFailed.
    """

    def __init__(
        self,
        directory: Path,
        *,
        routes: Mapping[str, int] | None = None,
        smtp_port: int | None = None,
        settings: Mapping[str, str] | None = None,
        long_queue_ids: bool = False,
        hostname: str = "mx2.example.net",
    ) -> None:
        self.directory = directory.resolve()
        self.config_directory = self.directory / "etc"
        self.queue_directory = self.directory / "queue"
        self.log = self.directory / "log" / "mail.log"
        self.smtp_port = smtp_port or free_port()
        self.hostname = hostname
        self._routes = dict(routes or {})
        self._settings = dict(settings or {})
        self._long_queue_ids = long_queue_ids

    def __enter__(self) -> Self:
        self.create()
        try:
            self.start()
        except BaseException:
            self.abort()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.abort()

    def create(self) -> None:
        """Write the configuration and make the directories; `start` does the rest."""
        if reason := postfix_available():
            raise (NotPermitted if "root" in reason else NoQueue)("no private Postfix can be started", reason)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o755)
        for name in ("etc", "log"):
            (self.directory / name).mkdir(exist_ok=True)
        self._make_queue()
        main = MAIN_CF.format(
            directory=self.directory, hostname=self.hostname, long_queue_ids="yes" if self._long_queue_ids else "no"
        )
        (self.config_directory / "main.cf").write_text(main)
        (self.config_directory / "master.cf").write_text(MASTER_CF.format(port=self.smtp_port))
        self._write_routes()
        if self._settings:
            self._edit(self._settings)

    def start(self) -> None:
        """Start the daemons and wait until mail is taken."""
        self._set_back_configuration()
        self._postfix("start")
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                with self.connect():
                    return
            except (OSError, smtplib.SMTPException):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def stop(self) -> None:
        """An orderly stop: deliveries under way finish first."""
        self._postfix("stop")

    def abort(self) -> None:
        """Stop at once, whatever is going on; nothing happens when it is not running."""
        if self.is_running():
            self._postfix("abort")
            self._wait_until(lambda: not self.is_running(), STOP_TIMEOUT, "it does not end")

    def reload(self) -> None:
        """Have every daemon read the configuration again, and wait until each that had the old one is gone.

        `postfix reload` itself only asks for that, and a daemon that is about to go still answers: what it is told, to
        flush the queue or to take mail, is lost or judged by the old configuration. A daemon in the midst of an SMTP
        conversation goes when that is over.
        """
        old = self._daemons()
        self._set_back_configuration()
        self._postfix("reload")
        self._wait_until(lambda: not old & self._daemons(), RELOAD_TIMEOUT, "daemons with the old configuration stay")

    def is_running(self) -> bool:
        """Whether its master lives."""
        return self._command("postfix", "-c", str(self.config_directory), "status").returncode == 0

    def route(self, domain: str, port: int) -> None:
        """Relay `domain` to the primary on loopback `port` from now on."""
        self._routes[domain] = port
        self._write_routes()
        self.reload()

    def postconf(self, **settings: str) -> None:
        """Change main.cf parameters and reload."""
        self._edit(settings)
        self.reload()

    def connect(self) -> smtplib.SMTP:
        """An SMTP connection to this Postfix, greeted."""
        smtp = smtplib.SMTP("127.0.0.1", self.smtp_port, local_hostname="client.example.com", timeout=30)
        smtp.ehlo_or_helo_if_needed()
        return smtp

    def inject(
        self,
        sender: str,
        recipients: Sequence[str],
        content: bytes = b"Subject: a message\n\nbody\n",
        *,
        count: int = 1,
        client_address: str | None = None,
        mail_options: Sequence[str] = (),
        rcpt_options: Sequence[str] = (),
    ) -> list[str]:
        """Hand in `count` messages over one SMTP connection; their queue IDs, in order.

        Line ends of `content` may be LF. `client_address` has the mail look as if it came from there (XCLIENT); such a
        client may only send to the relay domains. Raises smtplib.SMTPResponseException when Postfix refuses.
        """
        with self.connect() as smtp:
            if client_address is not None:
                _accepted(smtp.docmd("XCLIENT", f"ADDR={client_address} NAME=[UNAVAILABLE]"))
                smtp.ehlo()
            content = re.sub(rb"\r?\n", b"\r\n", content)
            queue_ids = []
            for _ in range(count):
                if "SMTPUTF8" in mail_options:
                    smtp.command_encoding = "utf-8"
                _accepted(smtp.mail(sender, mail_options))
                for recipient in recipients:
                    _accepted(smtp.rcpt(recipient, rcpt_options))
                queue_ids.append(_accepted(smtp.data(content)).rpartition("queued as ")[2].strip())
            return queue_ids

    def _make_queue(self) -> None:
        """The directories as Postfix's own postfix-files(5) has them, which it would make one process at a time."""
        owner, group = pwd.getpwnam("postfix").pw_uid, grp.getgrnam("postdrop").gr_gid
        queue = self.queue_directory
        _make_directory(queue, 0o755, 0, 0)
        _make_directory(queue / "pid", 0o755, 0, 0)
        _make_directory(queue / "private", 0o700, owner, 0)
        _make_directory(queue / "public", 0o710, owner, group)
        _make_directory(queue / "maildrop", 0o730, owner, group)
        for name in QUEUES:
            _make_directory(queue / name, 0o700, owner, 0)
        _make_directory(self.directory / "data", 0o755, owner, 0)
        (queue / QUICK_START).touch()

    def _set_back_configuration(self) -> None:
        """Have what is written look as if it had been for a while.

        Every program of Postfix lets a second pass after the last change of a file that it reads, lest that be half
        written (dict_load_file_xt() in dict.c); what is here is whole before it is started or told to reload.
        """
        then = time.time() - SET_BACK
        for path in self.config_directory.iterdir():
            if path.is_file() and path.stat().st_mtime > then:
                os.utime(path, (then, then))

    def _daemons(self) -> set[int]:
        """Process IDs of what master has started."""
        try:
            master = int((self.queue_directory / "pid" / "master.pid").read_text())
            return {int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split()}
        except (OSError, ValueError):
            return set()

    def _wait_until(self, condition: Callable[[], bool], timeout: float, otherwise: str) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                raise CommandFailed(f"Postfix in {self.directory}: {otherwise}", f"waited for {timeout:.0f} s")
            time.sleep(0.01)

    def _write_routes(self) -> None:
        (self.config_directory / "relay_domains").write_text("".join(f"{domain} OK\n" for domain in self._routes))
        (self.config_directory / "transport").write_text(
            "".join(f"{domain} smtp:[127.0.0.1]:{port}\n" for domain, port in self._routes.items())
        )

    def _edit(self, settings: Mapping[str, str]) -> None:
        self._checked("postconf", "-c", str(self.config_directory), *(f"{name}={settings[name]}" for name in settings))

    def _postfix(self, verb: str) -> None:
        self._checked("postfix", "-c", str(self.config_directory), verb)

    def _checked(self, *argv: str) -> None:
        done = self._command(*argv)
        if done.returncode:
            log = self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""
            raise CommandFailed(f"{' '.join(argv)}: exit status {done.returncode}", f"{done.stderr}\n{log}".strip())

    def _command(self, *argv: str) -> subprocess.CompletedProcess[str]:
        # The daemons inherit standard output: pipes would stay open for as long as they live.
        errors = self.directory / "log" / "command"
        with errors.open("w") as stderr:
            done = subprocess.run(
                argv,
                env={"PATH": SBIN},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                timeout=COMMAND_TIMEOUT,
                check=False,
            )
        return subprocess.CompletedProcess(done.args, done.returncode, "", errors.read_text(errors="replace"))


def _make_directory(path: Path, mode: int, owner: int, group: int) -> None:
    path.mkdir(exist_ok=True)
    path.chmod(mode)
    os.chown(path, owner, group)


def _accepted(answer: tuple[int, bytes]) -> str:
    code, text = answer
    if code >= 400:
        raise smtplib.SMTPResponseException(code, text)
    return text.decode("utf-8", "replace")
