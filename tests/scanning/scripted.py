"""A scanner that does what a test says, and a gate with it."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any, Literal

from mxtui.model.evidence import Evidence, Scan, Submitted
from mxtui.model.screening import Rules
from mxtui.scanning.gate import Bounds, Gate

GTUBE = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"


@dataclass
class Scripted:
    """Judges by the word in `X-Action`, fails while there is a `fault`, and waits while its gate is closed."""

    name: Literal["rspamd", "spamassassin"] = "rspamd"
    fault: str = ""
    seen: list[Submitted] = field(default_factory=list)
    at_once: int = 0
    most: int = 0
    open: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.open.set()

    async def scan(self, submitted: Submitted) -> Scan:
        self.seen.append(submitted)
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await self.open.wait()
        finally:
            self.at_once -= 1
        if self.fault:
            return Scan(self.name, time.time(), fault=self.fault)
        action = next(
            (line[10:].decode() for line in submitted.raw.split(b"\n") if line.startswith(b"X-Action: ")), "no action"
        )
        score = 0.5 if action in ("no action", "ham") else 16.0
        found = Evidence("BAYES_SPAM", "Bayes spam", "", 5.1, self.name)
        return Scan(self.name, time.time(), score, 15.0, action, (found,))


def gate(*scanners: Scripted, rules: Rules = Rules(), log: Any = None, **bounds: Any) -> Gate:  # noqa: B008 (frozen)
    return Gate(scanners, rules, Bounds(**bounds), log or (lambda *_, **__: None), time.time)
