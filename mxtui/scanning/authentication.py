"""Who may send for a domain: SPF, DKIM and DMARC, for the client that handed the message in then.

Computed here and now: a record may have changed since, and a key been taken away, so what does not pass speaks only as
strongly as its domain asks for. What DNS does not answer is said, and not counted.
"""

import logging
from collections.abc import Iterator
from functools import cache
from typing import Any, Final, Literal, NamedTuple

from mxtui.message.sanitize import one_line
from mxtui.model.evidence import Evidence, Submitted
from mxtui.scanning.questions import NoAnswerError, Questions

Result = Literal["pass", "fail", "softfail", "neutral", "none", "permerror", "temperror"]

SIGNATURES: Final = 5
"""DKIM signatures that are checked; each costs a question and a look at the whole message."""

KEY_BITS: Final = 1024
"""Shorter keys sign nothing (RFC 8301)."""

DETAIL: Final = 200

_RESULTS: Final = frozenset(("pass", "fail", "softfail", "neutral", "none", "permerror", "temperror"))


class Signed(NamedTuple):
    """One DKIM signature."""

    domain: str
    result: Result
    why: str = ""


class Authenticated(NamedTuple):
    """What was found out. All domains in lower case."""

    spf: Result
    spf_domain: str
    spf_why: str
    signatures: tuple[Signed, ...]
    author: str
    """Domain of the From field; empty where it has none, or several."""
    policy: str
    """What it asks for when neither is aligned (`none`, `quarantine`, `reject`); empty where it has no DMARC record."""
    dmarc: Result


def authenticate(submitted: Submitted, author: str, questions: Questions) -> Authenticated:
    """All three; blocks for `questions.SECONDS` at most beside some time of its own. Raises nothing, whatever the mail.

    `author` is the domain of the From field.
    """
    result, domain, why = _spf(submitted, questions)
    signatures = tuple(_dkim(submitted, questions))
    author = author.lower().rstrip(".")
    try:
        policy = _policy(author, questions) if author else ""
    except NoAnswerError:
        return Authenticated(result, domain, why, signatures, author, "", "temperror")
    verdict: Result = "none"
    if policy:
        passed = [each.domain for each in signatures if each.result == "pass"] + ([domain] if result == "pass" else [])
        unsure = result == "temperror" or any(each.result == "temperror" for each in signatures)
        aligned = any(organisation(each) == organisation(author) for each in passed)
        verdict = "pass" if aligned else "temperror" if unsure else "fail"
    return Authenticated(result, domain, why, signatures, author, policy, verdict)


def evidence(found: Authenticated) -> Iterator[Evidence]:
    """In words, with points (`scanning.signals` says what they are worth beside others)."""
    yield from _said_of_spf(found)
    for each in found.signatures:
        if each.result == "pass":
            points = -1.0 if organisation(each.domain) == organisation(found.author) else 0.0
            yield Evidence("dkim_pass", "DKIM pass", one_line(f"signed by {each.domain}", DETAIL), points, "dkim")
        else:
            detail = one_line(f"{each.domain}: {each.why}", DETAIL)
            points = 0.5 if each.result == "fail" else 0.0
            yield Evidence(f"dkim_{each.result}", f"DKIM {each.result}", detail, points, "dkim")
    yield from _said_of_dmarc(found)


def _said_of_spf(found: Authenticated) -> Iterator[Evidence]:
    points = {"fail": 4.0, "softfail": 1.5, "pass": -0.5}.get(found.spf, 0.0)
    domain = found.spf_domain
    words = {
        "fail": f"not a server of {domain}",
        "softfail": f"probably not a server of {domain}",
        "pass": f"a server of {domain}",
        "neutral": f"{domain} does not say",
        "none": f"{domain} has no record" if domain else "there is no domain to ask",
    }
    detail = words.get(found.spf) or found.spf_why or f"the record of {domain} cannot be read"
    if found.spf != "none" or domain:
        yield Evidence(f"spf_{found.spf}", f"SPF {found.spf}", one_line(detail, DETAIL), points, "spf")


def _said_of_dmarc(found: Authenticated) -> Iterator[Evidence]:
    if not found.policy:
        if found.dmarc == "temperror":
            yield Evidence("dmarc_temperror", "DMARC unknown", "DNS does not answer", 0.0, "dmarc")
        return
    if found.dmarc == "pass":
        detail, points = f"{found.author} stands for it", -1.0
    elif found.dmarc == "fail":
        points = {"reject": 4.0, "quarantine": 3.0}.get(found.policy, 1.0)
        detail = f"{found.author} has nothing to do with it, and asks to {found.policy}"
        if found.policy not in ("reject", "quarantine"):
            detail = f"{found.author} has nothing to do with it, and asks for nothing"
    else:
        detail, points = "DNS does not answer", 0.0
    yield Evidence(f"dmarc_{found.dmarc}", f"DMARC {found.dmarc}", one_line(detail, DETAIL), points, "dmarc")


# -- SPF --------------------------------------------------------------------------------------------------------------


def _spf(submitted: Submitted, questions: Questions) -> tuple[Result, str, str]:
    """RFC 7208; result, the domain that was asked, and what went wrong."""
    client = submitted.client
    sender = submitted.sender
    domain = (sender.rpartition("@")[2] if sender else client.helo if client else "").lower().rstrip(".")
    if client is None or "." not in domain or not domain.isascii():
        return "none", "", ""
    import spf  # 50 ms

    class Query(spf.query):  # type: ignore[misc]
        """Asks where and as much as we may."""

        def dns(self, name: Any, kind: str, cnames: Any = None, ignore_void: bool = False) -> list[Any]:  # noqa: ARG002
            try:
                records = questions.ask(str(name), kind)
            except NoAnswerError as error:
                raise spf.TempError(str(error)) from None
            if not records and not ignore_void:
                self.void_lookups += 1
                if self.void_lookups > spf.MAX_VOID_LOOKUPS:
                    raise spf.PermError("too many names that do not exist")
            return [_value(record, kind) for record in records]

    try:
        asked = Query(i=client.address, s=sender, h=client.helo, timeout=2, querytime=5)
        result, _, said = asked.check()
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, AssertionError, RecursionError) as error:
        return "permerror", domain, one_line(f"cannot be read ({type(error).__name__})", DETAIL)
    return (result if result in _RESULTS else "permerror"), domain, one_line(str(said), DETAIL)


def _value(record: Any, kind: str) -> Any:
    """As pyspf wants them."""
    match kind:
        case "A" | "AAAA":
            return record.address
        case "MX":
            return record.preference, str(record.exchange).rstrip(".")
        case "PTR":
            return str(record.target).rstrip(".")
        case _:
            return record.strings


# -- DKIM -------------------------------------------------------------------------------------------------------------


def _dkim(submitted: Submitted, questions: Questions) -> Iterator[Signed]:
    """RFC 6376, of the first signatures."""
    if submitted.truncated or b"dkim-signature:" not in submitted.raw[: 1 << 20].lower():
        return
    import dkim  # 40 ms

    quiet = logging.getLogger("mxtui.dkim")
    quiet.disabled = True  # it tells what it reads

    def texts(name: bytes | str, timeout: float = 5) -> bytes | None:  # noqa: ARG001
        text = name.decode("ascii", "replace") if isinstance(name, bytes) else name
        found = questions.texts(text)
        return found[0].encode() if found else None

    try:
        checked = dkim.DKIM(submitted.raw, logger=quiet, minkey=KEY_BITS)
        count = sum(name.lower() == b"dkim-signature" for name, _ in checked.headers)
    except (dkim.MessageFormatError, ValueError):
        return
    for number in range(min(count, SIGNATURES)):
        domain = _signer(checked, number)
        try:
            good = checked.verify(idx=number, dnsfunc=texts)
        except NoAnswerError as error:
            yield Signed(domain, "temperror", str(error))
        except (
            dkim.DKIMException,
            ValueError,
            KeyError,
            IndexError,
            TypeError,
            OverflowError,
            RecursionError,
        ) as error:
            yield Signed(domain, "permerror", one_line(str(error), DETAIL) or type(error).__name__)
        else:
            yield Signed(domain, "pass" if good else "fail", "" if good else "the message is not what was signed")


def _signer(checked: Any, number: int) -> str:
    """The domain that a signature names; `d=` in it."""
    fields = [value for name, value in checked.headers if name.lower() == b"dkim-signature"]
    for tag in fields[number].decode("ascii", "replace").split(";"):
        name, _, value = tag.partition("=")
        if name.strip().lower() == "d":
            return one_line("".join(value.split()).lower().rstrip("."), 255)
    return ""


# -- DMARC ------------------------------------------------------------------------------------------------------------


def _policy(author: str, questions: Questions) -> str:
    """RFC 7489, 6.6.3: the domain's own record, else its organisation's. Raises NoAnswerError."""
    for domain, key in ((author, "p"), (organisation(author), "sp")):
        records = [text for text in questions.texts(f"_dmarc.{domain}") if text.replace(" ", "").startswith("v=DMARC1")]
        if len(records) == 1:
            tags = dict(_tags(records[0]))
            policy = (tags.get(key) if domain != author else None) or tags.get("p", "none")
            return policy.lower() if policy.lower() in ("none", "quarantine", "reject") else "none"
        if domain == organisation(author):
            break
    return ""


def _tags(record: str) -> Iterator[tuple[str, str]]:
    for tag in record.split(";"):
        name, _, value = tag.partition("=")
        yield name.strip().lower(), value.strip()


@cache  # it is a list of 10,000 lines
def _suffixes() -> Any:
    from publicsuffixlist import PublicSuffixList  # 60 ms

    return PublicSuffixList()


def organisation(domain: str) -> str:
    """What somebody registered: `example.co.uk` of `mail.example.co.uk` (RFC 7489, 3.2); else the domain itself."""
    if not domain:
        return ""
    return str(_suffixes().privatesuffix(domain.lower()) or domain.lower())
