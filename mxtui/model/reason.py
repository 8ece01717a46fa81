"""Why mail waits, in few words: delivery agents' texts folded so that the same cause counts as one.

A text names the host, its address, the recipient and the command each time anew, so forty thousand messages refused by
one dead server would be forty thousand reasons. The texts are a stranger's (a remote server writes its reply), so
rules are anchored, linear, and applied to a bounded length.
"""

import re

LONGEST = 400
"""Characters of a text that are looked at; the rest of a longer one is dropped."""

_REMEMBERED = 20_000
"""A hostile server words each refusal anew."""

_SUSPENDED = re.compile(r"^(?:delivery temporarily suspended: )+")
_CONNECT = re.compile(r"^connect to [^\s\[]{1,255}(?:\[[^\]\s]{1,60}\](?::\d{1,5})?| port \d{1,5}): ")
"""Postfix's words, and our own sender's."""
_SAID = re.compile(r"^host [^\s\[]{1,255}\[[^\]\s]{1,60}\](?::\d{1,5})? (?:said|refused to talk to me): ")
_CONVERSATION = re.compile(r"^(lost connection|conversation) with [^\s\[]{1,255}\[[^\]\s]{1,60}\](?::\d{1,5})? ")
_LOOKUP = re.compile(r"^(?:Host or domain name not found\. )?Name service error for name=\S{1,255} type=\S{1,10}: ")
_IN_REPLY = re.compile(r" \(in reply to [^()]{1,60}\)$")
_ADDRESS = re.compile(r"<[^<>\s]{0,320}>:?|\b[\w.+=-]{1,64}@[\w.-]{1,255}")
_IP = re.compile(r"\[?\b(?:\d{1,3}\.){3}\d{1,3}\b\]?|\[?\b(?:[0-9a-f]{0,4}:){3,7}[0-9a-f]{0,4}\b\]?")
_QUEUE_ID = re.compile(r"\b(?=\w*\d)(?=\w*[A-Za-z])[0-9A-Za-z]{10,}\b")
_NUMBERS = re.compile(r"(?<![\d.])\d{4,}(?![\d.])")
_SPACES = re.compile(r"\s+")


def summarise(text: str) -> str:
    """The cause without what differs from message to message.

    >>> summarise("connect to mx1.example.org[192.0.2.1]:25: Connection refused")
    'connection refused'
    >>> summarise("connect to 192.0.2.1 port 25: connection refused")
    'connection refused'
    >>> summarise("host mx[192.0.2.1] said: 450 4.1.1 <a@b.example>: try later (in reply to RCPT TO command)")
    '450 4.1.1 try later'
    >>> summarise("lost connection with mx[192.0.2.1] while receiving the initial server greeting")
    'lost connection while receiving the initial server greeting'
    """
    words = _SPACES.sub(" ", text[:LONGEST]).strip()
    words = _SUSPENDED.sub("", words)
    connected = _CONNECT.sub("", words)
    if connected != words:
        return connected[:1].lower() + connected[1:]
    words = _LOOKUP.sub("name lookup failed: ", _CONVERSATION.sub(r"\1 ", _SAID.sub("", words)))
    words = _IN_REPLY.sub("", words)
    for varying in (_ADDRESS, _IP, _QUEUE_ID, _NUMBERS):
        words = varying.sub("", words)
    return _SPACES.sub(" ", words).strip(" ;,") or text[:80].strip()


class Summaries(dict[str, str]):
    """`summarise` of each reason asked for, remembered: a dead server is the reason of a hundred thousand messages."""

    def __missing__(self, reason: str) -> str:
        if len(self) >= _REMEMBERED:
            self.clear()
        summary = self[reason] = summarise(reason)
        return summary


def short(summary: str) -> str:
    """One or two words for a narrow column.

    >>> short("connection refused"), short("450 4.1.1 try later"), short("host unreachable somewhere")
    ('refused', '450 4.1.1', 'unreachable')
    """
    lowered = summary.lower()
    for phrase, word in _SHORT:
        if phrase in lowered:
            return word
    code = re.match(r"[245]\d\d(?: [245]\.\d{1,3}\.\d{1,3})?", summary)
    return code.group() if code else summary


_SHORT = (
    ("connection refused", "refused"),
    ("timed out", "timeout"),
    ("unreachable", "unreachable"),
    ("no route", "no route"),
    ("lost connection", "lost"),
    ("name lookup failed", "no dns"),
    ("greylist", "greylisted"),
    ("mailbox full", "mailbox full"),
    ("over quota", "over quota"),
    ("certificate", "tls"),
)
