"""News of alerts in words and in JSON: pure."""

from collections.abc import Sequence
from dataclasses import replace
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any, Final

from mxtui.message.sanitize import one_line
from mxtui.model.alerts.news import Item, Word
from mxtui.model.alerts.storms import storms
from mxtui.model.overview import Overview
from mxtui.model.words import clock, counted

WORDS: Final[dict[Word, str]] = {
    "raised": "New",
    "worse": "Worse",
    "reminder": "Still so",
    "resolved": "Resolved",
}

MOST: Final = 50
"""Items of one letter that are told one by one."""


def grouped(items: Sequence[Item]) -> list[Item]:
    """Storms in one each, the gravest first, what is over last.

    What was raised and was over while nobody could be told is told as it is now, and not as it was.
    """
    latest = {(item.alert.name, item.alert.domain): item for item in items}.values()
    said: list[Item] = []
    for word in WORDS:
        of_word = [item for item in latest if item.word == word]
        at = max((item.at for item in of_word), default=0.0)
        said += [Item(word, alert, at) for alert in storms(replace(item.alert, acknowledged=None) for item in of_word)]
    return said


def as_object(overview: Overview, items: Sequence[Item]) -> dict[str, Any]:
    """For a command."""
    return {
        "host": overview.source.name,
        "queue": overview.source.path,
        "at": round(overview.taken_at, 3),
        "messages": overview.queue.messages,
        "news": [
            {
                "word": item.word,
                "name": item.alert.name,
                "severity": item.alert.severity,
                "domain": item.alert.domain and one_line(item.alert.domain, 255),
                "domains": [one_line(domain, 255) for domain in item.alert.domains],
                "text": one_line(item.alert.text, 400),
                "since": round(item.alert.since, 3),
                "messages": item.alert.messages,
            }
            for item in grouped(items)
        ],
        "standing": sum(alert.acknowledged is None for alert in overview.alerts),
    }


def as_mail(overview: Overview, items: Sequence[Item], sender: str, to: str) -> EmailMessage:
    """For people: the subject tells the gravest, the rest is a line each."""
    told, now = grouped(items), overview.taken_at
    first = told[0]
    mail = EmailMessage()
    mail["From"], mail["To"] = sender, to
    more = f" (+{len(told) - 1})" if len(told) > 1 else ""
    about = first.alert.domain or (f"{len(first.alert.domains):,} domains" if first.alert.domains else "")
    severity = "" if first.word == "resolved" else f"{first.alert.severity.upper()} "
    subject = f"[{overview.source.name}] {severity}{WORDS[first.word].lower()}: {first.alert.name} {about}".rstrip()
    mail["Subject"] = one_line(subject + more, 150)
    mail["Date"], mail["Message-ID"] = formatdate(now), make_msgid(domain=sender.rpartition("@")[2] or "localhost")
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday reply comes back
    mail["Precedence"] = "bulk"
    standing = sum(alert.acknowledged is None for alert in overview.alerts)
    lines = [_line(item, now) for item in told[:MOST]]
    if len(told) > MOST:
        lines.append(f"... and {len(told) - MOST} more: mxtui alerts")
    queued = f"{counted(overview.queue.messages, 'message')} queued on {overview.source.name}"
    lines += [
        "",
        f"{queued}; {counted(standing, 'alert')} standing.",
        "mxtui alerts shows them; mxtui ack acknowledges.",
    ]
    mail.set_content("\n".join(lines) + "\n")
    return mail


def _line(item: Item, now: float) -> str:
    alert = item.alert
    severity = "" if item.word == "resolved" else f" {alert.severity}"
    about = f"{one_line(alert.domain, 255)}: " if alert.domain else ""
    when = f"(over since {clock(item.at, now)})" if item.word == "resolved" else f"(since {clock(alert.since, now)})"
    return f"{WORDS[item.word]}{severity}: {about}{one_line(alert.text, 400)} {when}"
