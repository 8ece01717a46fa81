"""Failures in plain words, for an operator who wants to know what to do rather than which exception it was."""

import errno
import ssl

_WORDS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ETIMEDOUT: "connection timed out",
    errno.EHOSTUNREACH: "no route to the host",
    errno.ENETUNREACH: "the network is unreachable",
    errno.ECONNRESET: "connection closed by the server",
    errno.EPIPE: "connection closed by the server",
    errno.EADDRNOTAVAIL: "this host has no address of that kind",
    errno.EAFNOSUPPORT: "this host has no address of that kind",
    errno.EACCES: "connecting is not permitted here",
    errno.EMFILE: "too many open files here",
}

LIMIT = 200
"""Characters of what a server says that are worth keeping."""


class GarbledError(ConnectionError):
    """A server that does not speak SMTP, or says more than a reply may hold."""


class UnresolvedError(ConnectionError):
    """A name that leads to no address; the text is in plain words."""


class NoSuchNameError(UnresolvedError):
    """DNS says that there is no such name, or nothing of what is wanted under it."""


def explain(error: Exception) -> str:
    """Why something on the way to a server failed, at most `LIMIT` characters; may quote the server."""
    match error:
        case GarbledError() | UnresolvedError():
            words = str(error)
        case TimeoutError() if error.errno is None:
            words = "no answer in time"
        case ssl.SSLCertVerificationError():
            words = f"certificate not verified: {error.verify_message}"
        case ssl.SSLError():
            words = f"TLS failed: {_tls_reason(error)}"
        case EOFError():
            words = "connection closed by the server"
        case OSError() if error.errno in _WORDS:
            words = _WORDS[error.errno]
        case OSError():
            words = (error.strerror or str(error) or "connection failed").lower()
        case _:
            words = str(error)
    return words[:LIMIT]


def _tls_reason(error: ssl.SSLError) -> str:
    # Set by OpenSSL's own errors only: `WRONG_VERSION_NUMBER`.
    reason: str | None = getattr(error, "reason", None)
    return (reason or str(error)).replace("_", " ").lower()
