"""The certificate that STARTTLS shows to clients (RFC 3207, RFC 8314)."""

import ssl
from pathlib import Path

from mxtui.errors import ConfigError


def server_context(certificate: Path, key: Path | None, said_by: str) -> ssl.SSLContext:
    """A context with this chain and key, which have to belong together. `said_by` names the option or setting.

    Raises:
        ConfigError: a file that cannot be read, is not PEM, or a key that is another's.
    """
    # TLS 1.2 and later. Between mail servers most of the alternative is no encryption at all, yet 1.1 helps no one.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for file in (certificate, key or certificate):
        _readable(file, said_by)
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except ssl.SSLError as error:
        reason = (error.reason or "not PEM").replace("_", " ").lower()
        files = f"{certificate} and {key}" if key else str(certificate)
        raise ConfigError(
            f"{said_by}: {files}: {reason}", "A PEM chain, our own certificate first, and its key without password."
        ) from None
    except ValueError:
        raise ConfigError(f"{said_by}: {key or certificate} has a password", "Nobody is there to type it.") from None
    return context


def _readable(file: Path, said_by: str) -> None:
    try:
        with file.open("rb"):
            return
    except OSError as error:
        hint = "The user that serve runs as has to be able to read it."
        raise ConfigError(f"{said_by}: {file}: {error.strerror}", hint) from None


def _no_password() -> str:
    raise ValueError
