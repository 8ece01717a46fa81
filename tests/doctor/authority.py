"""An authoritative name server, Debian's nsd, on loopback: the whole DNS as one zone, and zones that fail."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import dns.asyncresolver
import dns.exception
import dns.resolver

from mxtui.demo.ports import free_port
from mxtui.demo.postfix import SBIN
from tests.support.waiting import wait_until

CONF = """\
server:
    ip-address: 127.0.0.1
    port: {port}
    username: ""
    chroot: ""
    zonesdir: "{folder}"
    pidfile: "{folder}/nsd.pid"
    xfrdfile: "{folder}/xfrd.state"
    zonelistfile: "{folder}/zone.list"
    database: ""
    server-count: 1
    hide-version: yes
remote-control:
    control-enable: no
zone:
    name: "."
    zonefile: "root.zone"
"""

# Never loaded, so that every question about it is answered SERVFAIL.
BROKEN = """\
zone:
    name: "{name}"
    zonefile: "missing.zone"
"""

SOA = ". 3600 IN SOA ns.example. hostmaster.example. 1 7200 3600 1209600 60\n. 3600 IN NS ns.example.\n"


def nsd_available() -> str:
    """Why there is no nsd to be had; empty where there is."""
    if shutil.which("nsd", path=SBIN) is None:
        return "nsd is not installed (Debian: apt-get install nsd)"
    return ""


class Authority:
    """Between `__enter__` and `__exit__` it answers for `zone`, master-file lines with absolute names."""

    def __init__(self, folder: Path, zone: str, broken: Sequence[str] = ()) -> None:
        self.port = free_port()
        self._folder = folder
        (folder / "root.zone").write_text(f"$TTL 3600\n{SOA}{zone}")
        conf = CONF.format(port=self.port, folder=folder) + "".join(BROKEN.format(name=name) for name in broken)
        self._conf = folder / "nsd.conf"
        self._conf.write_text(conf)

    def __enter__(self) -> Self:
        nsd = shutil.which("nsd", path=SBIN)
        assert nsd is not None
        with (self._folder / "nsd.log").open("w") as log:
            self._process = subprocess.Popen(
                [nsd, "-d", "-c", self._conf], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        wait_until(self._answers, what="nsd answers")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(30)

    def resolver(self) -> dns.asyncresolver.Resolver:
        """Asks it and nobody else."""
        made = dns.asyncresolver.Resolver(configure=False)
        made.nameservers = ["127.0.0.1"]
        made.port = self.port
        return made

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self._folder / "nsd.log").read_text()
        made = dns.resolver.Resolver(configure=False)
        made.nameservers, made.port = ["127.0.0.1"], self.port
        try:
            made.resolve(".", "SOA", lifetime=1.0)
        except dns.exception.DNSException:
            return False
        return True
