"""DMARC (RFC 9989): whose policy holds for an author, and which domains stand for it.

An organisation is found by asking DNS from the author's domain upwards (4.10), not by a list of public suffixes.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from mxtui.scanning.questions import Questions

LABELS: Final = 7
"""Of a longer name, only the last ones are asked for, after the name itself (4.10)."""

POLICIES: Final = frozenset(("none", "quarantine", "reject"))


class Policy(NamedTuple):
    """What holds for an author's domain."""

    asks: str
    """`none`, `quarantine` or `reject`, for what nobody stands for."""
    organisation: str
    strict_dkim: bool = False
    """Only the domain itself stands for it, and none of its organisation's."""
    strict_spf: bool = False


def policy(author: str, questions: Questions) -> Policy | None:
    """None where neither the domain nor its organisation has a record. Raises NoAnswerError."""
    walked = list(_walk(author, questions))
    organisation = _organisation(author, walked)
    for domain, tags in walked:
        if domain in (author, organisation):
            asks = tags.get("p", "none").lower()
            if domain != author:
                asks = tags.get("sp", asks).lower()
            strict = tags.get("adkim", "").lower() == "s", tags.get("aspf", "").lower() == "s"
            return Policy(asks if asks in POLICIES else "none", organisation, *strict)
    return None


def aligned(domain: str, author: str, organisation: str, questions: Questions, *, strict: bool) -> bool:
    """Whether a domain that stands behind a message stands for its author. Raises NoAnswerError.

    Args:
        domain: of the signature, or of the envelope.
        author: of the From field.
        organisation: the author's.
        questions: asked for the organisation of `domain`, where that may be the same.
        strict: nothing but the same domain will do.
    """
    if strict or domain == author:
        return domain == author
    # Who is of an organisation is named after it: no question for all the others.
    if domain != organisation and not domain.endswith(f".{organisation}"):
        return False
    return _organisation(domain, list(_walk(domain, questions))) == organisation


def _walk(domain: str, questions: Questions) -> Iterator[tuple[str, dict[str, str]]]:
    """Records from the domain upwards, up to one that says where its organisation ends."""
    labels = domain.split(".")
    for name in (domain, *(".".join(labels[at:]) for at in range(max(1, len(labels) - LABELS), len(labels)))):
        found = [tags for text in questions.texts(f"_dmarc.{name}") if (tags := _tags(text)) is not None]
        if len(found) == 1:  # more than one are none
            yield name, found[0]
            if found[0].get("psd", "").lower() in ("y", "n"):
                return


def _organisation(domain: str, walked: list[tuple[str, dict[str, str]]]) -> str:
    """4.10.2; the domain itself where nobody says."""
    if not walked:
        return domain
    name, tags = walked[-1]
    if tags.get("psd", "").lower() == "y" and name != domain:
        below = domain.removesuffix(f".{name}").rpartition(".")[2]
        return f"{below}.{name}"
    return name


def _tags(record: str) -> dict[str, str] | None:
    found = [
        (name.strip().lower(), value.strip()) for name, _, value in (tag.partition("=") for tag in record.split(";"))
    ]
    return dict(found) if found[0] == ("v", "DMARC1") else None
