"""Who may send for a domain, by zones of nsd's and keys made here."""

import base64
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import dkim
import dns.resolver
import pytest

from mxtui.model.envelope import Client
from mxtui.model.evidence import Submitted
from mxtui.scanning.authentication import Authenticated, authenticate, evidence, organisation
from mxtui.scanning.questions import MOST, NoAnswerError, Questions
from tests.doctor.authority import Authority
from tests.doctor.conftest import need_nsd as need_nsd

ADDRESS = "203.0.113.7"

ZONE = f"""\
good.test. IN TXT "v=spf1 ip4:{ADDRESS} -all"
good.test. IN MX 10 mail.good.test.
mail.good.test. IN A {ADDRESS}
_dmarc.good.test. IN TXT "v=DMARC1; p=reject"
bad.test. IN TXT "v=spf1 ip4:198.51.100.0/24 -all"
_dmarc.bad.test. IN TXT "v=DMARC1; p=quarantine; sp=none"
soft.test. IN TXT "v=spf1 ~all"
_dmarc.soft.test. IN TXT "v=DMARC1; p=none"
macro.test. IN TXT "v=spf1 exists:%{{ir}}.list.test -all"
7.113.0.203.list.test. IN A 127.0.0.2
loop.test. IN TXT "v=spf1 include:loop.test -all"
wide.test. IN TXT "v=spf1 a:a1.test a:a2.test a:a3.test a:a4.test -all"
hello.test. IN TXT "v=spf1 ip4:{ADDRESS} -all"
two.test. IN TXT "v=spf1 -all"
two.test. IN TXT "v=spf1 +all"
"""


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, str]:
    """A private key (PEM), and the record with the public one."""
    folder = tmp_path_factory.mktemp("key")
    private = folder / "key.pem"
    subprocess.run(["openssl", "genrsa", "-traditional", "-out", private, "2048"], check=True, capture_output=True)
    public = subprocess.run(
        ["openssl", "rsa", "-in", private, "-pubout", "-outform", "DER"], check=True, capture_output=True
    ).stdout
    return private.read_bytes(), f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"


@pytest.fixture(scope="module")
def asking(
    need_nsd: None, key: tuple[bytes, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], Questions]]:
    pieces = " ".join(f'"{key[1][at : at + 200]}"' for at in range(0, len(key[1]), 200))
    zone = ZONE + "".join(f"s1._domainkey.{each}. IN TXT {pieces}\n" for each in ("good.test", "other.test"))
    with Authority(tmp_path_factory.mktemp("nsd"), zone, ("broken.test",)) as authority:

        def resolver() -> dns.resolver.Resolver:
            made = dns.resolver.Resolver(configure=False)
            made.nameservers, made.port = ["127.0.0.1"], authority.port
            return made

        yield lambda: Questions(resolver)


def letter(author: str) -> bytes:
    head = f"From: Ann <ann@{author}>\nTo: bob@example.org\nSubject: Friday\nDate: Fri, 27 Nov 2026 10:00:00 +0000\n"
    return f"{head}\nAt noon.\n".encode()


def signed(raw: bytes, domain: str, key: tuple[bytes, str]) -> bytes:
    field: bytes = dkim.sign(raw, b"s1", domain.encode(), key[0], include_headers=[b"from", b"to", b"subject"])
    return field.replace(b"\r\n", b"\n") + raw


def found(
    raw: bytes, sender: str, author: str, questions: Questions, *, address: str = ADDRESS, helo: str = "hello.test"
) -> Authenticated:
    client = Client(address, "", helo) if address else None
    return authenticate(Submitted(raw, False, sender, ["bob@example.org"], client, 1.0), author, questions)


def names(of: Authenticated) -> dict[str, float]:
    return {each.name: each.points for each in evidence(of)}


@pytest.mark.parametrize(
    ("sender", "result"),
    [
        ("ann@good.test", "pass"), ("ann@bad.test", "fail"), ("ann@soft.test", "softfail"), ("ann@macro.test", "pass"),
        ("ann@nothing.test", "none"), ("ann@loop.test", "permerror"), ("ann@two.test", "permerror"),
        ("ann@wide.test", "permerror"), ("ann@broken.test", "temperror"), ("", "pass"), ("ann", "none"),
        ("ann@" + "x" * 300 + ".test", "none"), ("a\x00@good.test", "pass"), ("ann@..test", "none"),
    ],
)  # fmt: skip
def test_spf_is_judged_for_the_client_that_was(asking: Callable[[], Questions], sender: str, result: str) -> None:
    assert found(letter("good.test"), sender, "good.test", asking()).spf == result


def test_without_a_client_there_is_nothing_to_judge(asking: Callable[[], Questions]) -> None:
    assert found(letter("good.test"), "ann@bad.test", "good.test", asking(), address="").spf == "none"


def test_a_signature_of_the_author_stands_for_the_message(
    asking: Callable[[], Questions], key: tuple[bytes, str]
) -> None:
    """Forwarded: SPF fails, and it is genuine all the same."""
    of = found(signed(letter("good.test"), "good.test", key), "x@bad.test", "good.test", asking())
    assert (of.signatures[0].domain, of.signatures[0].result, of.dmarc) == ("good.test", "pass", "pass")
    assert names(of) == {"spf_fail": 4.0, "dkim_pass": -1.0, "dmarc_pass": -1.0}


def test_a_signature_of_somebody_else_stands_for_nothing(
    asking: Callable[[], Questions], key: tuple[bytes, str]
) -> None:
    of = found(signed(letter("good.test"), "other.test", key), "ann@bad.test", "good.test", asking())
    assert (of.signatures[0].result, of.policy, of.dmarc) == ("pass", "reject", "fail")
    assert names(of)["dmarc_fail"] == 4.0


def test_a_changed_message_is_not_what_was_signed(asking: Callable[[], Questions], key: tuple[bytes, str]) -> None:
    changed = signed(letter("good.test"), "good.test", key).replace(b"noon", b"nine")
    of = found(changed, "ann@good.test", "good.test", asking())
    assert of.signatures[0].result != "pass"
    assert of.dmarc == "pass"  # by SPF


def test_a_key_that_cannot_be_had_is_said_and_not_counted(
    asking: Callable[[], Questions], key: tuple[bytes, str]
) -> None:
    of = found(signed(letter("broken.test"), "broken.test", key), "ann@broken.test", "broken.test", asking())
    assert of.signatures[0].result == "temperror"
    assert set(names(of).values()) == {0.0}


def test_a_subdomain_goes_by_what_its_organisation_asks_of_it(asking: Callable[[], Questions]) -> None:
    of = found(letter("mail.bad.test"), "ann@bad.test", "mail.bad.test", asking())
    assert (of.policy, of.dmarc) == ("none", "fail")


def test_organisations_are_what_somebody_registered() -> None:
    assert organisation("a.b.example.co.uk") == "example.co.uk"
    assert organisation("Mail.Example.ORG") == "example.org"
    assert organisation("localhost") == "localhost"
    assert organisation("") == ""


@pytest.mark.parametrize(
    "field",
    [
        b"DKIM-Signature: v=1; a=rsa-sha256; d=good.test; s=s1; b=; bh=; h=from\n",
        b"DKIM-Signature: " + b"x" * 5000 + b"\n",
        b"DKIM-Signature: v=1; a=rsa-sha256; d=\xff\x1b[2J; s=s1; h=from; bh=YQ==; b=YQ==\n",
        b"DKIM-Signature: v=1; a=none; d=good.test; s=s1; h=from; bh=YQ==; b=YQ==; l=-1\n" * 30,
    ],
    ids=["empty", "long", "hostile", "many"],
)
def test_nonsense_signatures_are_nobodys(asking: Callable[[], Questions], field: bytes) -> None:
    of = found(field + letter("good.test"), "ann@good.test", "good.test", asking())
    assert all(each.result != "pass" for each in of.signatures)
    assert len(of.signatures) <= 5
    assert all(text.isprintable() for each in evidence(of) for text in (each.title, each.detail))


def test_no_message_has_more_asked_than_that(asking: Callable[[], Questions]) -> None:
    questions = asking()
    for number in range(MOST):
        questions.ask(f"n{number}.test", "A")
    with pytest.raises(NoAnswerError, match="too much"):
        questions.ask("one-more.test", "A")
    assert questions.ask("n1.test", "A") == []  # known


def test_dns_that_is_dead_costs_seconds_and_no_points(tmp_path: Path) -> None:
    def resolver() -> dns.resolver.Resolver:
        made = dns.resolver.Resolver(configure=False)
        made.nameservers, made.port = ["127.0.0.1"], 9
        return made

    clock = iter(range(1000))
    of = found(letter("good.test"), "ann@good.test", "good.test", Questions(resolver, lambda: float(next(clock))))
    assert (of.spf, of.dmarc) == ("temperror", "temperror")
    assert set(names(of).values()) == {0.0}
