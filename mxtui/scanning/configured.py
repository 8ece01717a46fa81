"""The scanners that an operator has configured."""

from mxtui.config.settings import Spam
from mxtui.scanning.scanner import LARGEST, Scanner
from mxtui.scanning.where import Where


def scanners(wanted: Spam, largest: int = LARGEST) -> list[Scanner]:
    """Those of `[spam]`; none where none is named. `largest` message that they are given, in bytes."""
    found: list[Scanner] = []
    if wanted.rspamd is not None:
        from mxtui.scanning.rspamd import Rspamd  # 30 ms, which who has none need not wait for

        controller = Where(*wanted.rspamd_controller) if wanted.rspamd_controller is not None else None
        found.append(
            Rspamd(
                Where(*wanted.rspamd),
                controller=controller,
                password=wanted.rspamd_password,
                timeout=wanted.timeout,
                largest=largest,
            )
        )
    if wanted.spamassassin is not None:
        from mxtui.scanning.spamassassin import SpamAssassin

        found.append(SpamAssassin(Where(*wanted.spamassassin), timeout=wanted.timeout, largest=largest))
    return found
