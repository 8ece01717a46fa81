"""The doctor on the scenario's Postfix, with zones of its own in which some things are not as they should be."""

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mxtui.cli.attach import Attached
from mxtui.doctor.examine import Asked, examine
from mxtui.doctor.finding import Report
from mxtui.doctor.gather.means import Means
from mxtui.primary.lookup import Lookup
from mxtui.tui.services import Services
from tests.doctor.authority import Authority

US = "mx2.example.net"


def zone(domains: list[str]) -> str:
    """Right for all but three."""
    lines = [f"{US}. IN A 127.0.0.1", f"1.0.0.127.in-addr.arpa. IN PTR {US}."]
    for domain in domains:
        number = 15 if domain == "clinic.example" else 20
        host = f"mail.{domain}" if domain == "school.example" else f"mx1.{domain}"
        lines += [f"{domain}. IN MX 10 {host}.", f"{domain}. IN MX {number} {US}.", f"mx1.{domain}. IN A 127.0.0.1"]
        if host.startswith("mail."):
            lines.append(f"{host}. IN CNAME mx1.{domain}.")
        if domain == "example.org":
            lines += [f'_mta-sts.{domain}. IN TXT "v=STSv1; id=20261123"', f"mta-sts.{domain}. IN A 127.0.0.1"]
    return "\n".join(lines) + "\n"


def with_doctor(attached: Attached, given: Services) -> Services:
    """The same services; loopback counts as an address of the world."""
    system = attached.site.examined()
    domains = sorted(system.domains())

    def look() -> Report:
        with tempfile.TemporaryDirectory() as folder, Authority(Path(folder), zone(domains)) as authority:
            own: Callable[[str], bool] = "127.0.0.1".__eq__
            means = Means(lookup=Lookup(authority.resolver, lifetime=4.0), public=lambda _: True, own=own)
            return asyncio.run(examine(system, Asked(domains, synchronised=lambda: True), means))

    return replace(given, examine=look)
