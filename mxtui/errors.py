"""Every error mxtui raises on purpose.

    MxtuiError                    exit 1
    ├── ConfigError               exit 2   a setting: names file, key and line
    ├── UsageError                exit 2   a command line that makes no sense
    │   └── FilterError           exit 2   a filter: names position and what was expected
    ├── NotPermitted              exit 3   the operator may not; the hint says what would allow it
    ├── Unreadable                exit 1   a message that could not be laid open; it can be saved
    ├── Unreachable               exit 4   queue or server not there
    │   ├── NoQueue               exit 4   nothing found, or not a queue
    │   ├── CommandFailed         exit 4   a program of the mail system failed: command, status, text
    │   └── HistoryFailed         exit 4   the history cannot be read or written; everything else goes on
    │       └── HistoryDamaged    exit 4   its file is none, or no longer one
    └── Guarded                   exit 5   refused for safety, nothing done: a primary that is not healthy
        ├── InDelivery            exit 5   a message that somebody delivers or changes at this moment
        └── AuditFailed           exit 5   the intent could not be recorded
            └── ResultsLost       exit 1   something was done and could not be recorded

Each carries a `message` (what and which) and a `hint` (what to do about it). Text from outside that goes into either
passes `mxtui.message.sanitize` where it is shown, not here.
"""


class MxtuiError(Exception):
    """Something an operator has to know about."""

    exit_status = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(MxtuiError):
    """A setting that cannot be used."""

    exit_status = 2


class UsageError(MxtuiError):
    """A command line that cannot be carried out as written."""

    exit_status = 2


class FilterError(UsageError):
    """A filter that cannot be understood. `position` counts characters from 0."""

    def __init__(self, message: str, position: int, expected: str = "") -> None:
        super().__init__(message, expected)
        self.position = position
        self.expected = expected


class NotPermitted(MxtuiError, PermissionError):
    """Not allowed for this user; the hint says what would allow it."""

    exit_status = 3


class Unreadable(MxtuiError):
    """A message that could not be laid open: too much work, or a fault in what reads it. The message is not harmed."""


class Unreachable(MxtuiError):
    """A queue or a server that cannot be reached."""

    exit_status = 4


class NoQueue(Unreachable):
    """No queue at all, or a path that is not one."""


class CommandFailed(Unreachable):
    """A program of the mail system failed."""


class HistoryFailed(Unreachable):
    """The history cannot be read or written; everything else goes on. `it` in the message is the history."""


class HistoryDamaged(HistoryFailed):
    """The file of the history is none, or no longer one."""


class Guarded(MxtuiError):
    """Refused for safety."""

    exit_status = 5


class InDelivery(Guarded):
    """A message that somebody delivers or changes at this moment."""


class AuditFailed(Guarded, OSError):
    """The audit cannot be written: without a record nothing is done."""


class ResultsLost(AuditFailed):
    """Messages were acted on, and that cannot be recorded; the message says how many."""

    exit_status = 1
