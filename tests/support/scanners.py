"""rspamd and SpamAssassin as Debian ships them: private, on loopback, told to ask nobody.

with rspamd() as scanner: scanner.port, scanner.controller
with spamd() as scanner: scanner.port
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.waiting import wait_until

BEGIN = 90.0
"""Seconds: rspamd compiles its patterns first, for 10 s on an idle machine."""

PASSWORD = "learning"

GTUBE = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
"""What every scanner takes for spam (https://spamassassin.apache.org/gtube/)."""

SAMPLES = Path("/usr/share/doc/spamassassin/examples")

_ASKING = [
    "antivirus", "arc", "asn", "aws_s3", "bimi", "clickhouse", "dcc", "dkim", "dkim_signing", "dmarc", "elastic",
    "external_relay", "external_services", "fuzzy_check", "greylist", "history_redis", "metadata_exporter",
    "metric_exporter", "mx_check", "neural", "p0f", "phishing", "ratelimit", "rbl", "redis", "replies", "reputation",
    "rspamd_update", "spf", "surbl", "url_redirector",
]  # fmt: skip
"""Modules of rspamd that ask others, or keep what they learn elsewhere."""


@dataclass(frozen=True)
class Running:
    """A scanner on loopback."""

    port: int
    process: subprocess.Popen[bytes]
    controller: int = 0
    """rspamd's port for learning."""


def needs(program: str) -> None:
    """Skip where it is not installed; fail where CI should have installed it."""
    if shutil.which(program) is None and not Path("/usr/sbin", program).exists():
        if os.environ.get("CI"):
            pytest.fail(f"{program} is not installed")
        pytest.skip(f"needs Debian's {program}")


@contextmanager
def rspamd() -> Iterator[Running]:
    """Takes 10 s to begin: one for many tests."""
    needs("rspamd")
    with tempfile.TemporaryDirectory(prefix="mxtui-rspamd-", ignore_cleanup_errors=True) as folder:
        root = Path(folder)
        root.chmod(0o755)
        port, controller = _free_ports(2)
        _configure(root, port, controller)
        if os.geteuid() == 0:
            owner = pwd.getpwnam("_rspamd")
            for path in (root, *root.rglob("*")):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        as_user = ["-u", "_rspamd", "-g", "_rspamd"] if os.geteuid() == 0 else []
        with _running(["rspamd", "-f", *as_user, "-c", str(root / "rspamd.conf")], root / "out") as process:
            _wait_for(process, (port, controller), root / "out")
            yield Running(port, process, controller)


@contextmanager
def spamd() -> Iterator[Running]:
    """Takes 5 s to begin. It looks up its own host's name at its first message, for minutes where DNS is dead: it is
    told not to wait, and has seen a message before a test relies on its time.
    """
    needs("spamd")
    with tempfile.TemporaryDirectory(prefix="mxtui-spamd-", ignore_cleanup_errors=True) as folder:
        root = Path(folder)
        root.chmod(0o777)  # spamd gives root up, and keeps what it learns here
        (port,) = _free_ports(1)
        settings = [
            "use_bayes 1", f"bayes_path {root}/bayes", "bayes_file_mode 0777", "bayes_auto_learn 0",
            "skip_rbl_checks 1", "dns_available no",
        ]  # fmt: skip
        argv = [
            "spamd", "--listen", f"127.0.0.1:{port}", "--local", "--nouser-config", "--max-children", "1",
            "--allow-tell", "--helper-home-dir", str(root), "--syslog", "stderr", "--username", "nobody",
            *(f"--cf={line}" for line in settings),
        ]  # fmt: skip
        with _running(argv, root / "out") as process:
            _wait_for(process, (port,), root / "out")
            _see_a_message(port)
            yield Running(port, process)


def sample(name: str) -> bytes:
    """One of the messages that SpamAssassin ships: `spam`, `nonspam`."""
    needs("spamd")
    return (SAMPLES / f"sample-{name}.txt").read_bytes()


def _configure(root: Path, port: int, controller: int) -> None:
    for name in ("local.d", "override.d", "db", "run", "log"):
        (root / name).mkdir()
    # Redis is what Debian's settings name: here what it learns is in files of its own.
    (root / "override.d" / "classifier-bayes.conf").write_text(
        f'''
        backend = "sqlite3"; cache {{ type = "sqlite3"; path = "{root}/db/learned.sqlite"; }} min_learns = 1;
        statfile {{ symbol = "BAYES_HAM"; spam = false; path = "{root}/db/ham.sqlite"; }}
        statfile {{ symbol = "BAYES_SPAM"; spam = true; path = "{root}/db/spam.sqlite"; }}
        '''
    )
    for module in _ASKING:
        (root / "override.d" / f"{module}.conf").write_text("enabled = false;\n")
    (root / "rspamd.conf").write_text(
        f"""
        .include "$CONFDIR/common.conf"
        options {{
            .include "$CONFDIR/options.inc"
            pidfile = "{root}/run/rspamd.pid";
            dns {{ nameserver = ["127.0.0.1:9"]; timeout = 0.1s; retransmits = 1; }}
            filters = "chartable,regexp";
            cache_file = "{root}/db/symbols.cache";
            control_socket = "{root}/db/rspamd.sock mode=0600";
            local_addrs = "127.0.0.0/8, ::1";
        }}
        logging {{ type = "console"; level = "notice"; }}
        worker "normal" {{ bind_socket = "127.0.0.1:{port}"; count = 1; mime = true; }}
        worker "controller" {{
            bind_socket = "127.0.0.1:{controller}"; count = 1; password = "{PASSWORD}"; secure_ip = [];
        }}
        """
    )


@contextmanager
def _running(argv: Sequence[str], out: Path) -> Iterator[subprocess.Popen[bytes]]:
    local = out.parent
    variables = {"LOCAL_CONFDIR": local, "DBDIR": local / "db", "RUNDIR": local / "run", "LOGDIR": local / "log"}
    if argv[0] == "rspamd":
        argv = [*argv, *(f"--var={name}={value}" for name, value in variables.items())]
    hasty = os.environ | {"RES_OPTIONS": "timeout:1 attempts:1"}  # resolv.conf(5)
    with out.open("wb") as written:
        process = subprocess.Popen(
            argv, stdout=written, stderr=written, stdin=subprocess.DEVNULL, cwd=local, start_new_session=True, env=hasty
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        with suppress(ProcessLookupError):  # those that it left, where it was killed itself
            os.killpg(process.pid, signal.SIGKILL)


def _wait_for(process: subprocess.Popen[bytes], ports: Sequence[int], out: Path) -> None:
    def listening() -> bool:
        assert process.poll() is None, out.read_text(errors="replace")[-2000:]
        return all(map(_answers, ports))

    wait_until(listening, BEGIN)


def _see_a_message(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), BEGIN) as connection:
        connection.sendall(b"CHECK SPAMC/1.5\r\n\r\n" + sample("nonspam"))
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as answer:
            assert b" 0 EX_OK" in answer.readline()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _free_ports(count: int) -> list[int]:
    taken = [socket.socket() for _ in range(count)]
    try:
        for each in taken:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in taken]
    finally:
        for each in taken:
            each.close()
