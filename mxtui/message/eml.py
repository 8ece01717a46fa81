"""Save a message, or a part of one, as a file for another program to look at: never opened or run here."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from mxtui.errors import MxtuiError, UsageError

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")


def eml_name(queue_id: str) -> str:
    """A file name for a message, whatever its queue ID looks like.

    >>> eml_name("4dKq7P2GzHz9xK"), eml_name("../x")
    ('4dKq7P2GzHz9xK.eml', '___x.eml')
    """
    return (_UNSAFE.sub("_", queue_id[:60]).lstrip("-") or "message") + ".eml"


def part_name(queue_id: str, number: int, filename: str) -> str:
    """A file name for a part: of what its sender calls it no more than letters, digits and one ending.

    >>> part_name("4dKq7P2GzHz9xK", 3, "../Rechnung_<U+202E>fdp.exe")
    '4dKq7P2GzHz9xK.3.Rechnung_U_202E_fdp.exe'
    """
    stem, dot, ending = filename.replace("\\", "/").rpartition("/")[2].rpartition(".")
    if not dot:
        stem, ending = ending, ""
    words = _UNSAFE.sub("_", stem).strip("_")[:60]
    last = _UNSAFE.sub("", ending)[:10]
    return ".".join(each for each in (eml_name(queue_id)[:-4], str(number), words, last) if each)


def save_new(chunks: Iterable[bytes], path: Path) -> int:
    """Write bytes as they are, line ends included, to a new file of mode 0600; how many.

    Neither a file nor a link that is there already is touched: the folder may be one that others write to. A file
    that cannot be finished is removed.

    Raises:
        UsageError: something has this name already.
        MxtuiError: it cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise UsageError(f"{path} exists already", "Choose another name: nothing is overwritten.") from None
    except OSError as error:
        raise MxtuiError(f"cannot write {path}: {error.strerror}", "Choose another folder.") from error
    size = 0
    try:
        with os.fdopen(descriptor, "wb") as file:
            for chunk in chunks:
                size += file.write(chunk)
            file.flush()
            os.fsync(descriptor)
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise MxtuiError(f"cannot write {path}: {error.strerror}", "Choose another folder.") from error
        raise
    return size
