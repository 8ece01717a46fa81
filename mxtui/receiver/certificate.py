"""The certificate shown after STARTTLS, read again when its files change: certificates live for weeks by now."""

import os
import ssl
from collections.abc import Callable
from typing import NamedTuple

from mxtui.errors import ConfigError
from mxtui.receiver.settings import CertificateFiles

Log = Callable[..., None]


class _Seen(NamedTuple):
    """What tells one version of a file from the next: a renewal may keep size and second."""

    modified: int
    size: int
    inode: int


class Certificate:
    """Raises ConfigError where it cannot be used to begin with; later, the last good one stays."""

    def __init__(self, files: CertificateFiles, log: Log) -> None:
        self._files = files
        self._log = log
        try:
            self._seen = self._look()
            self._context = _load(files)
        except OSError as error:  # of which ssl.SSLError is one
            raise ConfigError(
                f"the certificate {files.chain} with the key {files.key} cannot be used: {error}",
                "both are PEM files that mxtui's user may read, and the key is the certificate's, without a password",
            ) from error

    def context(self) -> ssl.SSLContext:
        """The one to use now. Costs two stat(2), and a millisecond when the files changed."""
        try:
            seen = self._look()
            if seen != self._seen:
                self._seen = seen  # a broken one is tried, and complained of, once
                self._context = _load(self._files)
                self._log("certificate_reloaded", file=str(self._files.chain))
        except OSError as error:
            self._log("certificate_broken", level="error", file=str(self._files.chain), error=str(error))
        return self._context

    def _look(self) -> tuple[_Seen, ...]:
        found = (os.stat(self._files.chain), os.stat(self._files.key))  # noqa: PTH116
        return tuple(_Seen(each.st_mtime_ns, each.st_size, each.st_ino) for each in found)


def _load(files: CertificateFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # TLS 1.2 and later; no client certificates asked for
    context.load_cert_chain(files.chain, files.key, password=_no_password)
    return context


def _no_password() -> str:
    """Without this OpenSSL asks on the terminal, and a service has none to be asked on: it would hang."""
    raise ssl.SSLError("the key is encrypted, and nobody is here to type its password")
