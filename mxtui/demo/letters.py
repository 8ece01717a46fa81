"""Mail for demonstrations: varied, plausible, and all of it invented."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime

SENDERS = (
    "m.keller@bank.example",
    "newsletter@shop.example",
    "h.sato@museum.example",
    "ops@monitor.example",
    "no-reply@town.example",
    "a.novak@school.example",
    "members-bounce@lists.example",
    "l.rossi@clinic.example",
    "p.dubois@travel.example",
)
SUBJECTS = (
    "Re: signed contract, second draft",
    "Your November offers",
    "Приглашение на выставку, 12 декабря",
    "[disk] web3 /var 91 % full",
    "Agenda for Thursday",
    "Fwd: parents' evening",
    "[members] Minutes of 19 November",
    "Appointment moved to Tuesday",
    "Photos, part 2 of 3",
    "Grüße aus Köln",
)
RECIPIENTS = ("info", "anna", "press", "office", "sales", "root", "board", "hr", "webmaster")
CLIENTS = ("192.0.2.17", "198.51.100.7", "203.0.113.40")


@dataclass(frozen=True, slots=True)
class Letter:
    """A message and its envelope."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    client_address: str
    mail_options: tuple[str, ...] = ()


def letter(domain: str, chance: random.Random) -> Letter:
    """Some message to this domain: mostly plain, now and then a bounce, an attachment, several recipients, or spam."""
    kind = chance.random()
    sender = chance.choice(SENDERS)
    to = [f"{name}@{domain}" for name in chance.sample(RECIPIENTS, 3 if kind < 0.08 else 1)]
    message = EmailMessage()
    message["From"], message["To"] = sender, to[0]
    message["Subject"] = chance.choice(SUBJECTS)
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = f"<{chance.getrandbits(64):x}@{sender.partition('@')[2]}>"
    message.set_content("Good evening,\n\nthe papers are attached as agreed. Please confirm.\n\nKind regards\n" * 3)
    if kind > 0.9:
        sender = ""
        message.replace_header("From", "Mail Delivery System <MAILER-DAEMON@relay.example>")
        message.replace_header("Subject", "Undelivered Mail Returned to Sender")
    elif kind > 0.75:
        return spam(to[0], chance)
    elif kind > 0.6:
        message.add_attachment(
            chance.randbytes(chance.randrange(2_000, 400_000)), "application", "pdf", filename="Vertrag Köln.pdf"
        )
    return Letter(sender, tuple(to), message.as_bytes(), chance.choice(CLIENTS))


def spam(to: str, chance: random.Random) -> Letter:
    """One letter of a campaign: made-up senders, one payload."""
    number = chance.randrange(88_000, 89_000)
    name = chance.choice(("service", "kundendienst", "buchhaltung", "mahnung", "support", "kasse"))
    message = EmailMessage()
    message["From"] = "Bank Example <konto@bank.example>"
    message["Reply-To"] = "zahlung@mailbox.example"
    message["To"] = to
    message["Subject"] = f"Offene Rechnung {number}"
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = f"<{number}@localhost>"
    message.set_content(
        "Sehr geehrte Damen und Herren,\n\ntrotz unserer Erinnerung vom 9. November ist die Rechnung noch offen.\n"
        f"Bitte zahlen Sie unter https://pay.rechnung.example/{number}\n"
    )
    message.add_attachment(
        b"PK\x03\x04" + chance.randbytes(26_000), "application", "zip", filename=f"Rechnung_{number}.zip"
    )
    return Letter(f"{name}@rechnung.example", (to,), message.as_bytes(), "203.0.113.77")
