"""A queue's worth of mail: legitimate of many kinds, and six campaigns, each made so that it is hard to hold together.

Legitimate text is what people wrote: the documentation of Python's standard library, shuffled by paragraph.
"""

# ruff: noqa: E501, ISC004, SIM905 (sample texts)

import base64
import importlib
import inspect
import pkgutil
import random
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import NamedTuple


class Mail(NamedTuple):
    """One message with its envelope."""

    kind: str
    """`good: …`, or the campaign's name."""
    sender: str
    recipients: tuple[str, ...]
    client: str
    raw: bytes
    """LF line ends."""

    @property
    def good(self) -> bool:
        return self.kind.startswith("good")


FIRST = ["anna", "bernd", "carla", "dieter", "emma", "franz", "greta", "hugo", "ida", "jan", "karin", "leo", "maria",
         "nils", "olga", "paul", "quirin", "rosa", "sven", "tina", "ulf", "vera", "willi", "xenia", "yara", "zeno"]  # fmt: skip
LAST = ["adler", "becker", "conrad", "dorn", "ebert", "fuchs", "graf", "haas", "imhof", "jung", "keller", "lang",
        "moser", "neumann", "otto", "peters", "quast", "richter", "schulz", "thoma", "ulrich", "vogel", "wolf"]  # fmt: skip
OURS = ["example.org", "example.net", "museum.example", "school.example", "clinic.example"]


@cache
def paragraphs() -> list[str]:
    """Several thousand, 20 to 120 words each."""
    found: dict[str, None] = {}
    for name in sorted(module.name for module in pkgutil.iter_modules() if module.name in _MODULES):
        module = importlib.import_module(name)
        own = (item for _, item in sorted(vars(module).items()) if inspect.isclass(item) or inspect.isfunction(item))
        for item in own:
            for member in (item, *(vars(item).values() if inspect.isclass(item) else ())):
                for text in re.split(r"\n\s*\n", inspect.getdoc(member) or ""):
                    if 20 <= len(text.split()) <= 120 and ">>>" not in text:
                        found[" ".join(text.split())] = None
    return list(found)


_MODULES = {"argparse", "asyncio", "calendar", "collections", "configparser", "csv", "ctypes", "datetime", "decimal",
            "difflib", "doctest", "email", "fractions", "functools", "heapq", "http", "inspect", "itertools", "json",
            "locale", "logging", "mailbox", "math", "mimetypes", "multiprocessing", "optparse", "os", "pathlib",
            "pickle", "platform", "plistlib", "random", "re", "shutil", "smtplib", "socket", "sqlite3", "ssl",
            "statistics", "string", "struct", "subprocess", "tarfile", "tempfile", "textwrap", "threading",
            "tokenize", "traceback", "unittest", "urllib", "uuid", "wave", "weakref", "zipfile"}  # fmt: skip


class Maker:
    """Makes mail by chance, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.texts = paragraphs()
        self._networks = [f"{self.chance.randint(1, 99)}.{n}.{self.chance.randint(0, 255)}" for n in range(60)]

    # -- the good -----------------------------------------------------------------------------------------------

    def good(self, number: int) -> Iterator[Mail]:
        kinds: Sequence[tuple[int, Callable[[], Mail]]] = [
            (40, self.personal), (15, self.newsletter), (15, self.invoice), (12, self.list_post), (8, self.order),
            (5, self.bounce), (5, self.short),
        ]  # fmt: skip
        makers = [make for _, make in kinds]
        weights = [weight for weight, _ in kinds]
        for make in self.chance.choices(makers, weights, k=number):
            yield make()

    def personal(self) -> Mail:
        """Somebody writes to somebody, in his own words, under a disclaimer that many share."""
        who, domain = self.person(), self.chance.choice(["gmail.example", "web.example", *self.companies(300)])
        to, greeted = self.recipient()
        body = "\n\n".join(self.chance.sample(self.texts, self.chance.randint(1, 3)))
        end = self.chance.choice(["", DISCLAIMER, "Sent from my phone", "Mit freundlichen Grüßen"])
        text = f"{self.chance.choice(['Hi', 'Hello', 'Dear'])} {greeted},\n\n{body}\n\nBest regards\n{who.title()}\n\n{end}\n"
        subject = self.chance.choice(["Re: ", "", "", "Fwd: "]) + self.words(self.chance.randint(1, 6))
        return self.mail("good: personal", f"{who}@{domain}", to, self.network(domain), subject, text)

    def short(self) -> Mail:
        who, domain = self.person(), self.chance.choice(self.companies(300))
        to, greeted = self.recipient()
        text = self.chance.choice(["Thanks!", f"Hi {greeted}, see attached.\n\nRegards\n{who}", "ok, see you tomorrow",
                                   "Please find attached the document.\n\nBest regards", ""])  # fmt: skip
        subject = self.chance.choice(["Re: meeting", "hello", "Document", "Re: your call", "photos"])
        return self.mail("good: short", f"{who}@{domain}", to, self.network(domain), subject, text)

    def newsletter(self) -> Mail:
        """One of eight senders, each with three issues; VERP, and the subscriber's name."""
        sender = self.chance.randrange(8)
        issue = random.Random(1000 * sender + self.chance.randrange(3))
        to, greeted = self.recipient()
        text = (
            f"Dear {greeted},\n\n"
            + "\n\n".join(issue.sample(self.texts, 4))
            + (
                f"\n\nYou get this letter because you subscribed.\nUnsubscribe: https://news{sender}.example/u/{self.token()}\n"
            )
        )
        envelope = f"bounce+{self.chance.randrange(10**6)}-{to.replace('@', '=')}@news{sender}.example"
        subject = " ".join(issue.sample(self.texts, 1)[0].split()[:6])
        return self.mail("good: newsletter", envelope, to, f"192.0.{sender}.{self.chance.randint(1, 9)}", subject, text)

    def invoice(self) -> Mail:
        """From one of 25 companies, each with its own template and a document that is another each time."""
        company = self.chance.randrange(25)
        own = random.Random(company)
        to, greeted = self.recipient()
        number = self.chance.randrange(10**6)
        text = (f"Dear {greeted},\n\nplease find attached invoice {number} of {self.chance.randint(1, 28)}.10.2026 for "
                f"{self.chance.randrange(10**5) / 100:.2f} EUR. {own.choice(self.texts)}\n\nKind regards\n"
                f"{own.choice(LAST).title()} accounting\n")  # fmt: skip
        attached = ("invoice.pdf", "application/pdf", b"%PDF-1.4 " + self.chance.randbytes(600))
        return self.mail("good: invoice", f"billing@company{company}.example", to, self.network(f"company{company}"),
                         f"Invoice {number}", text, attached)  # fmt: skip

    def order(self) -> Mail:
        """Shops that use one provider, from whose network all of them send."""
        shop = self.chance.randrange(30)
        to, greeted = self.recipient()
        own = random.Random(f"shop{shop}")
        text = (f"Hi {greeted}, your order {self.chance.randrange(10**6)} has shipped. Track it: "
                f"https://shop{shop}.example/t/{self.token()}\n\n{own.choice(self.texts)}\n")  # fmt: skip
        return self.mail("good: order", f"orders@shop{shop}.example", to, f"198.18.7.{self.chance.randint(1, 200)}",
                         f"Your order {self.chance.randrange(10**6)} has shipped", text)  # fmt: skip

    def list_post(self) -> Mail:
        """On one of ten lists; some quote what they answer."""
        name = self.chance.randrange(10)
        to, _ = self.recipient()
        own = random.Random(self.chance.randrange(400))
        body = "\n\n".join(own.sample(self.texts, 2))
        quoted = "\n".join("> " + line for line in own.choice(self.texts).split(". "))
        text = f"{body}\n\n{quoted}\n\n-- \nlist{name} mailing list\nhttps://lists.example/list{name}\n"
        return self.mail("good: list", f"list{name}-bounces@lists.example", to, "192.0.99.5",
                         f"Re: [list{name}] {' '.join(own.choice(self.texts).split()[:5])}", text)  # fmt: skip

    def bounce(self) -> Mail:
        """Of a letter that one of ours did write."""
        to, who = self.recipient()
        returned = (f"From: {to}\nTo: {self.person()}@{self.chance.choice(self.companies(300))}\n"
                    f"Subject: {self.words(4)}\n\n{self.chance.choice(self.texts)}\n\n{who.title()}\n")  # fmt: skip
        return self.dsn("good: bounce", to, returned)

    # -- the six ------------------------------------------------------------------------------------------------

    def campaigns(self) -> dict[str, Callable[[], Mail]]:
        return {
            "same text, forged senders": self._pills(),
            "mutated invoice with a program": self._malware(),
            "phishing from one network": self._phishing(),
            "advance fee, words replaced": self._fee(),
            "backscatter of a forged sender": self._backscatter(),
            "few words and chaff": self._chaff(),
        }

    def _pills(self) -> Callable[[], Mail]:
        text = "Cheapest tablets of the web, discreet worldwide shipping, no prescription. Doctors recommend our pharmacy to every patient who wants to save money. Order today and receive bonus capsules free of charge"

        def make() -> Mail:
            return self.mail("", self.forged(), self.recipient()[0], self.anywhere(),
                             f"{self.person().title()} {self.chance.randrange(999)}, big discount", f"{text}: http://{self.token()}.example/{self.token()}\n")  # fmt: skip

        return make

    def _malware(self) -> Callable[[], Mail]:
        parts = [
            ["Good morning", "Hello", "Dear customer", "Dear Sir or Madam"],
            ["enclosed you receive", "attached is", "we are sending you", "please review"],
            ["the outstanding invoice", "your unpaid bill", "the overdue statement"],
            ["for goods delivered last month", "concerning our recent delivery", "regarding your last purchase"],
            ["Transfer the amount within three days", "Kindly settle it before Friday", "Pay without further delay"],
            [
                "otherwise we must involve our lawyers",
                "or a collection agency will contact you",
                "to avoid legal costs",
            ],
            [
                "Open the archive with the usual password",
                "The archive contains every detail",
                "Details are in the archive",
            ],
            ["Sincerely yours", "Accounting department", "Your service team"],
        ]

        def make() -> Mail:
            text = ", ".join(self.chance.choice(some) for some in parts)
            text += f". Reference {self.chance.randrange(10**7)}\n"
            attached = (
                f"invoice_{self.chance.randrange(10**5)}.zip",
                "application/zip",
                b"PK\3\4" + self.chance.randbytes(300),
            )
            return self.mail("", self.forged(), self.recipient()[0], self.anywhere(),
                             f"Overdue statement number {self.chance.randrange(10**6)} attached", text, attached)  # fmt: skip

        return make

    def _phishing(self) -> Callable[[], Mail]:
        domains = [f"{self.token()}.example" for _ in range(200)]
        base = "45.77." + str(self.chance.randint(0, 255))

        def make() -> Mail:
            to, greeted = self.recipient()
            body = (f"Dear {greeted}, we noticed {self.chance.choice(['unusual', 'suspicious', 'strange'])} sign-in activity on your "
                    f"account from {self.words(1)}. {self.chance.choice(['Confirm', 'Verify', 'Validate'])} your identity within "
                    f"{self.chance.randint(12, 72)} hours at https://{self.chance.choice(domains)}/{self.token()} or the account "
                    f"{self.chance.choice(['will be closed', 'gets suspended', 'is going to be locked'])}. Ticket {self.token()}")  # fmt: skip
            html = f"<html><body><p style='x:{self.token()}'>{body}</p><!-- {self.words(20)} --></body></html>"
            subject = f"Security alert for {greeted}: confirm your account {self.token()}"
            return self.mail("", f"{self.person()}@{self.chance.choice(domains)}", to, f"{base}.{self.chance.randint(1, 254)}",
                             subject, html, html=True)  # fmt: skip

        return make

    def _fee(self) -> Callable[[], Mail]:
        text = ("I am the widow of the late minister and write to you in confidence because the doctors have given me few "
                "months. My husband deposited eighteen million dollars with a security company abroad before he died. I "
                "have no children and wish that a trustworthy person uses this fortune for orphans and churches. You will "
                "keep thirty percent for your trouble. Send your full name, address and telephone so that the attorney can "
                "prepare the papers. Treat this with utmost secrecy and may heaven bless you for your kindness to strangers").split()  # fmt: skip

        def make() -> Mail:
            written = [self.words(1) if self.chance.random() < 0.2 else word for word in text]
            return self.mail("", f"mrs.{self.token()}@freemail.example", self.recipient()[0], self.anywhere(),
                             self.words(2), " ".join(written) + f"\n\n{self.token()} {self.token()}\n")  # fmt: skip

        return make

    def _backscatter(self) -> Callable[[], Mail]:
        text = "Replica watches of every famous brand, indistinguishable from the original, with certificate and box. Visit the boutique and choose among thousand models for gentlemen and ladies"
        victim = f"{self.person()}@{self.chance.choice(OURS)}"

        def make() -> Mail:
            returned = (f"From: {victim}\nTo: {self.person()}@{self.token()}.example\nSubject: Luxury for {self.person()}\n\n"
                        f"{text} http://{self.token()}.example\n")  # fmt: skip
            return self.dsn(
                "", victim if self.chance.random() < 0.5 else f"{self.token()}@{self.chance.choice(OURS)}", returned
            )

        return make

    def _chaff(self) -> Callable[[], Mail]:
        def make() -> Mail:
            text = f"Meet lonely singles nearby tonight http://{self.token()}.example\n\n" + " ".join(
                self.token() for _ in range(40)
            )
            return self.mail("", self.forged(), self.recipient()[0], self.anywhere(),
                             f"{self.person().title()} sent you private pictures {self.chance.randrange(99)}", text)  # fmt: skip

        return make

    # -- pieces -------------------------------------------------------------------------------------------------

    def mail(self, kind: str, sender: str, to: str, client: str, subject: str, text: str,
             attached: tuple[str, str, bytes] | None = None, *, html: bool = False) -> Mail:  # fmt: skip
        head = (f"Received: from client ([{client}]) by mx2.example.net with ESMTP; Fri, 27 Nov 2026 10:00:00 +0000\n"
                f"From: {sender}\nTo: {to}\nSubject: {subject}\nMessage-ID: <{self.token()}@x.example>\nMIME-Version: 1.0\n")  # fmt: skip
        kind_of = "text/html" if html else "text/plain"
        if attached is None:
            encoded = base64.encodebytes(text.encode()).decode() if html else text
            encoding = "base64" if html else "8bit"
            raw = f"{head}Content-Type: {kind_of}; charset=utf-8\nContent-Transfer-Encoding: {encoding}\n\n{encoded}"
        else:
            name, media, content = attached
            raw = (f'{head}Content-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: {kind_of}; charset=utf-8\n\n{text}\n'
                   f'--b\nContent-Type: {media}; name="{name}"\nContent-Disposition: attachment; filename="{name}"\n'
                   f"Content-Transfer-Encoding: base64\n\n{base64.encodebytes(content).decode()}--b--\n")  # fmt: skip
        return Mail(kind, sender, (to,), client, raw.encode())

    def dsn(self, kind: str, to: str, returned: str) -> Mail:
        """A notice in one of a few wordings, with the letter it is about."""
        host = f"mx.{self.chance.choice(self.companies(300))}"
        notice = self.chance.choice(NOTICES).format(host=host, who=f"{self.person()}@{host}")
        raw = (f"From: MAILER-DAEMON@{host}\nTo: {to}\nSubject: {self.chance.choice(RETURNED)}\nMIME-Version: 1.0\n"
               'Content-Type: multipart/report; report-type=delivery-status; boundary="r"\n\n'
               f"--r\nContent-Type: text/plain\n\n{notice}\n--r\nContent-Type: message/delivery-status\n\n"
               f"Reporting-MTA: dns; {host}\n\nFinal-Recipient: rfc822; {self.person()}@{host}\nAction: failed\nStatus: 5.1.1\n\n"
               f"--r\nContent-Type: message/rfc822\n\n{returned}\n--r--\n")  # fmt: skip
        return Mail(kind, "", (to,), self.network(host), raw.encode())

    def person(self) -> str:
        return f"{self.chance.choice(FIRST)}.{self.chance.choice(LAST)}"

    def recipient(self) -> tuple[str, str]:
        who = self.person()
        return f"{who}@{self.chance.choice(OURS)}", who.partition(".")[0].title()

    def companies(self, number: int) -> list[str]:
        return [f"firm{n}.example" for n in range(number)]

    def network(self, name: str) -> str:
        return f"{self._networks[hash_of(name) % len(self._networks)]}.{self.chance.randint(1, 254)}"

    def anywhere(self) -> str:
        return ".".join(str(self.chance.randint(1, 223)) for _ in range(4))

    def forged(self) -> str:
        return f"{self.person()}{self.chance.randrange(99)}@{self.token()}.example"

    def token(self) -> str:
        return "".join(self.chance.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=self.chance.randint(6, 12)))

    def words(self, number: int) -> str:
        return " ".join(self.chance.choice(self.chance.choice(self.texts).split()) for _ in range(number))


def hash_of(name: str) -> int:
    return zlib.crc32(name.encode())


DISCLAIMER = ("This message and any attachments are confidential and intended solely for the addressee. If you have "
              "received it in error, please notify the sender and delete it. Any unauthorised copying, disclosure or "
              "distribution of the material in this message is strictly forbidden.")  # fmt: skip

RETURNED = ["Undelivered Mail Returned to Sender", "Mail delivery failed: returning message to sender", "failure notice",
            "Delivery Status Notification (Failure)"]  # fmt: skip

NOTICES = [
    "This is the mail system at host {host}.\n\nI'm sorry to have to inform you that your message could not be delivered "
    "to one or more recipients. It's attached below.\n\n<{who}>: host {host} said: 550 5.1.1 User unknown\n",
    "This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered "
    "to one or more of its recipients. This is a permanent error.\n\n  {who}\n    Unrouteable address\n",
    "Hi. This is the qmail-send program at {host}. I'm afraid I wasn't able to deliver your message to the following "
    "addresses. This is a permanent error; I've given up. Sorry it didn't work out.\n\n<{who}>: no mailbox here\n",
]


def queue_of(good: int, spam: int, seed: int) -> list[Mail]:
    """So many of each, the spam in equal parts of the six campaigns, in the order of chance."""
    maker = Maker(seed)
    mails = list(maker.good(good))
    campaigns = maker.campaigns()
    for number in range(spam):
        name = list(campaigns)[number % len(campaigns)]
        mails.append(campaigns[name]()._replace(kind=name))
    maker.chance.shuffle(mails)
    return mails
