"""What the receiver says (RFC 5321 4.2), each with its enhanced status code (RFC 2034, RFC 3463).

No reply repeats what a client said: nothing hostile comes back, and none needs SMTPUTF8.
"""

from typing import Final

OK: Final = "250 2.0.0 Ok"
SENDER_OK: Final = "250 2.1.0 Ok"
RECIPIENT_OK: Final = "250 2.1.5 Ok"
BYE: Final = "221 2.0.0 Bye"
READY_FOR_TLS: Final = "220 2.0.0 Ready to start TLS"
GO_AHEAD: Final = "354 End data with <CR><LF>.<CR><LF>"
HELP: Final = "214 2.0.0 A relay for its own domains only; see RFC 5321"
CANNOT_VERIFY: Final = "252 2.0.0 Cannot tell, but will take a message and attempt delivery"

SHUTTING_DOWN: Final = "421 4.3.2 Shutting down, try again later"
TOO_MANY_CONNECTIONS: Final = "421 4.3.2 Too many connections, try again later"
TOO_MANY_FROM_YOU: Final = "421 4.7.0 Too many connections from your address, try again later"
TOO_MANY_ERRORS: Final = "421 4.7.0 Too many errors"
TOO_MANY_COMMANDS: Final = "421 4.7.0 Too many commands without a message"
TIMEOUT: Final = "421 4.4.2 Timeout, closing connection"
NOT_SMTP: Final = "421 4.7.0 This is a mail server"
PLAINTEXT_AFTER_STARTTLS: Final = "421 4.7.0 Commands after STARTTLS and before the handshake are not taken"
TOO_SOON: Final = "421 4.7.0 Message sent without waiting for 354"

NOT_STORED: Final = "451 4.3.0 The message could not be stored, try again later"
SUSPECT: Final = "451 4.7.1 Not now, try again later"
LOCAL_ERROR: Final = "451 4.3.0 Local error, try again later"
UNDECIDED: Final = "451 4.4.3 Cannot verify this recipient now, try again later"
TOO_MANY_RECIPIENTS: Final = "452 4.5.3 Too many recipients, send the rest in another message"
NO_ROOM: Final = "452 4.3.1 Insufficient system storage, try again later"
NO_MEMORY: Final = "452 4.3.1 Too much mail at once, try again later"

LINE_TOO_LONG: Final = "500 5.5.2 Line too long"
UNRECOGNISED: Final = "500 5.5.2 Command not recognised"
BAD_CHARACTERS: Final = "500 5.5.2 Control characters or 8-bit text in a command"
NO_ARGUMENT_EXPECTED: Final = "501 5.5.4 No argument expected"
ARGUMENT_EXPECTED: Final = "501 5.5.4 Argument missing or malformed"
BAD_SENDER: Final = "501 5.1.7 Bad sender address syntax"
BAD_RECIPIENT: Final = "501 5.1.3 Bad recipient address syntax"
BAD_PARAMETER: Final = "501 5.5.4 Bad parameter"
NOT_IMPLEMENTED: Final = "502 5.5.1 Command not implemented"
HELO_FIRST: Final = "503 5.5.1 Send EHLO or HELO first"
MAIL_FIRST: Final = "503 5.5.1 Send MAIL first"
NESTED_MAIL: Final = "503 5.5.1 Nested MAIL"
ALREADY_TLS: Final = "503 5.5.1 TLS is active already"
RECIPIENTS_FIRST: Final = "554 5.5.1 No valid recipients"
UNKNOWN_RECIPIENT: Final = "550 5.1.1 User unknown"
NO_MAILBOX_HERE: Final = "550 5.1.1 No mailboxes here, write to the postmaster of the domain you mean"
NO_RELAY: Final = "550 5.7.1 Relay access denied"
TOO_BIG: Final = "552 5.3.4 Message too big"
TEXT_LINE_TOO_LONG: Final = "554 5.6.0 A line of the message is too long"
SPAM: Final = "554 5.7.1 Refused as spam"
LOOP: Final = "554 5.4.6 Mail loop detected"
NO_SMTPUTF8: Final = "553 5.6.7 Not an ASCII address, and SMTPUTF8 was not asked for"
UNKNOWN_PARAMETER: Final = "555 5.5.4 Parameter not recognised"


class RefusedError(Exception):
    """A command is answered with this reply instead of being carried out."""

    def __init__(self, reply: str) -> None:
        super().__init__(reply)
        self.reply = reply
