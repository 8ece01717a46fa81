"""Who knows the recipients, by the settings: a file, the primaries, or nobody."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from mxtui.errors import ConfigError
from mxtui.receiver.recipients.callout import CallOut
from mxtui.receiver.recipients.file import RecipientFile
from mxtui.receiver.recipients.learned import FILE, LearnedRecipients
from mxtui.receiver.recipients.verdict import AnyRecipient, Recipients
from mxtui.service import parts
from mxtui.service.log import Log
from mxtui.service.wanted import Wanted


class Asking:
    """Makes the one that is wanted. What was learned by call-out outlives every change of the settings."""

    def __init__(
        self, spool: Path, primary_of: Callable[[str], tuple[str, int] | None], hostname: str, log: Log
    ) -> None:
        self._spool = spool
        self._primary_of = primary_of
        self._hostname = hostname
        self._log = log
        self._callout: CallOut | None = None

    async def recipients(self, wanted: Wanted) -> Recipients:
        """Raises ConfigError, which names the setting: a file that cannot be used."""
        match wanted.serve.recipients:
            case "any":
                self._log(
                    "any_recipient", "warning",
                    text="what the primary refuses later can only be returned, to senders that spammers made up",
                )  # fmt: skip
                return AnyRecipient()
            case Path() as file:
                with parts.naming(wanted, "recipients"):
                    return await asyncio.to_thread(RecipientFile, file, self._log, clock=time.monotonic)
            case _:
                self._callout = self._callout or self._make_callout()
                return self._callout

    def _make_callout(self) -> CallOut:
        path = self._spool / FILE
        try:
            learned = LearnedRecipients(path)
        except OSError as error:
            raise ConfigError(f"{path}: {error.strerror}", "It is a cache: it can be removed.") from None
        return CallOut(self._primary_of, learned, self._log, hostname=self._hostname)

    async def close(self) -> None:
        """Ask nothing more."""
        if self._callout is not None:
            await self._callout.close()
