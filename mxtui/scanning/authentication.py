"""Who may send for a domain: SPF, DKIM and DMARC, for the client that handed the message in then.

Computed here and now: a record may have changed since, and a key been taken away, so what does not pass speaks only as
strongly as its domain asks for. What DNS does not answer is said, and not counted.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from mxtui.message.sanitize import one_line
from mxtui.model.evidence import Evidence, Submitted
from mxtui.scanning.dmarc import aligned, policy
from mxtui.scanning.questions import NoAnswerError, Questions
from mxtui.scanning.signatures import Result, Signed, signatures

DETAIL: Final = 200

_RESULTS: Final = frozenset(("pass", "fail", "softfail", "neutral", "none", "permerror", "temperror"))


class Authenticated(NamedTuple):
    """What was found out. All domains in lower case."""

    spf: Result
    spf_domain: str
    spf_why: str
    signatures: tuple[Signed, ...]
    author: str
    """Domain of the From field; empty where it has none, or several."""
    policy: str = ""
    """What it asks for when neither is aligned (`none`, `quarantine`, `reject`); empty where it has no DMARC record."""
    dmarc: Result = "none"
    standing: frozenset[str] = frozenset()
    """Domains whose signatures speak for the author."""


def authenticate(submitted: Submitted, author: str, questions: Questions) -> Authenticated:
    """All three; blocks for `questions.SECONDS` at most beside some time of its own. Raises nothing, whatever the mail.

    `author` is the domain of the From field.
    """
    result, domain, why = _spf(submitted, questions)
    signed = tuple(signatures(submitted, questions))
    author = author.lower().rstrip(".")
    said = Authenticated(result, domain, why, signed, author)
    try:
        return _judged(said, questions) if author else said
    except NoAnswerError:
        return said._replace(dmarc="temperror")


def _judged(said: Authenticated, questions: Questions) -> Authenticated:
    """With who stands for the author. Raises NoAnswerError."""
    found = policy(said.author, questions)
    if found is None:
        return said._replace(standing=frozenset((said.author,)))
    good = {each.domain for each in said.signatures if each.result == "pass"}
    about = (said.author, found.organisation, questions)
    standing = frozenset(each for each in good if aligned(each, *about, strict=found.strict_dkim))
    passed = bool(standing) or (said.spf == "pass" and aligned(said.spf_domain, *about, strict=found.strict_spf))
    unsure = "temperror" in (said.spf, *(each.result for each in said.signatures))
    verdict: Result = "pass" if passed else "temperror" if unsure else "fail"
    return said._replace(policy=found.asks, dmarc=verdict, standing=standing)


def evidence(found: Authenticated) -> Iterator[Evidence]:
    """In words, with points (`scanning.signals` says what they are worth beside others)."""
    yield from _said_of_spf(found)
    for each in found.signatures:
        if each.result == "pass":
            points = -1.0 if each.domain in found.standing else 0.0
            yield Evidence("dkim_pass", "DKIM pass", one_line(f"signed by {each.domain}", DETAIL), points, "dkim")
        else:
            detail = one_line(": ".join(filter(None, (each.domain, each.why))), DETAIL)
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
    except (spf.PermError, spf.TempError) as error:  # before it has begun: an address that is none
        return "permerror", domain, one_line(str(error), DETAIL)
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
