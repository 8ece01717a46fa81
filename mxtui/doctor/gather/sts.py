"""A domain's MTA-STS policy: record and file (RFC 8461 3). The file is the domain's own, so hostile, and bounded."""

import re
from typing import Final

from mxtui.doctor.facts import Sts
from mxtui.doctor.gather.dns import texts
from mxtui.doctor.gather.https import fetch
from mxtui.doctor.gather.means import Means
from mxtui.primary.words import explain

PATH: Final = "/.well-known/mta-sts.txt"

LARGEST: Final = 64 * 1024
"""Bytes of a policy (RFC 8461 3.3)."""

MOST: Final = 100
"""Patterns that are kept."""

MODES: Final = ("enforce", "testing", "none")

_ID: Final = re.compile(r"(?i)v=STSv1\s*;\s*id\s*=\s*[a-z0-9]{1,32}\s*;?.*")


async def policy(domain: str, means: Means) -> Sts:
    """The policy, or what is wrong with it. Raises UnresolvedError: the record could not be had."""
    records = await texts(f"_mta-sts.{domain}", "v=STSv1", means)
    if not records:
        return Sts()
    if len(records) > 1 or not _ID.fullmatch(records[0]):
        return Sts(records[0], problem=f"_mta-sts.{domain} has {len(records)} records"
                   if len(records) > 1 else f"the record has no id: {records[0]}")  # fmt: skip
    try:
        fetched = await fetch(f"mta-sts.{domain}", PATH, means, LARGEST)
    except (OSError, EOFError, ValueError) as error:
        return Sts(records[0], problem=explain(error))
    if fetched.status != 200:
        return Sts(
            records[0], problem=f"it answers {fetched.status}, and senders follow no redirect", offset=fetched.offset
        )
    try:
        mode, patterns = read_policy(fetched.body.decode("utf-8", "backslashreplace"))
    except ValueError as error:
        return Sts(records[0], problem=str(error), offset=fetched.offset)
    return Sts(records[0], mode, patterns, offset=fetched.offset)


def read_policy(text: str) -> tuple[str, tuple[str, ...]]:
    """Mode and `mx` patterns of a policy. Raises ValueError: senders cannot use it.

    >>> read_policy("version: STSv1\\nmode: enforce\\nmx: *.example.net\\nmax_age: 86400\\n")
    ('enforce', ('*.example.net',))
    """
    fields: dict[str, str] = {}
    patterns: list[str] = []
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        key, value = key.strip(), value.strip()
        if not line.strip():
            continue
        if not colon:
            raise ValueError(f"not a line of a policy: {line[:80]}")
        if key == "mx":
            patterns.append(value)
        else:
            fields.setdefault(key, value)
    if fields.get("version") != "STSv1":
        raise ValueError(f"version: {fields.get('version', 'missing')[:40]}, not STSv1")
    mode = fields.get("mode", "missing")
    if mode not in MODES:
        raise ValueError(f"mode: {mode[:40]}, not {', '.join(MODES)}")
    if not re.fullmatch(r"\d{1,10}", fields.get("max_age", "")):
        raise ValueError(f"max_age: {fields.get('max_age', 'missing')[:40]}, not seconds")
    return mode, tuple(patterns[:MOST])
