"""Who may send for a domain, by zones of nsd's and keys made here."""

import base64
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dkim
import dns.resolver
import pytest

from mxtui.model.envelope import Client
from mxtui.model.evidence import Submitted
from mxtui.scanning.authentication import Authenticated, authenticate, evidence
from mxtui.scanning.dmarc import Policy, aligned, policy
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


def walk(records: dict[str, str]) -> Questions:
    class Told(Questions):
        def texts(self, name: str) -> list[str]:
            return [text for text in records.get(name.removeprefix("_dmarc."), "").split("|") if text]

    return Told()


@pytest.mark.parametrize(
    ("records", "author", "expected"),
    [
        ({}, "a.test", None),
        ({"a.test": "v=DMARC1; p=reject"}, "x.y.a.test", Policy("reject", "a.test")),
        ({"a.test": "v=DMARC1; p=reject; sp=quarantine"}, "x.a.test", Policy("quarantine", "a.test")),
        ({"a.test": "v=DMARC1; p=reject", "x.a.test": "v=DMARC1; p=none"}, "x.a.test", Policy("none", "a.test")),
        (
            {"x.a.test": "v=DMARC1; p=none; psd=n", "a.test": "v=DMARC1; p=reject"},
            "x.a.test",
            Policy("none", "x.a.test"),
        ),
        ({"co.test": "v=DMARC1; p=reject; psd=y", "a.co.test": "v=DMARC1"}, "x.a.co.test", Policy("none", "a.co.test")),
        ({"a.test": "v=DMARC1; p=reject|v=DMARC1; p=none"}, "a.test", None),
        ({"a.test": "p=reject; v=DMARC1"}, "a.test", None),
        ({"a.test": "v=DMARC1; p=burn; adkim=s; aspf=S"}, "a.test", Policy("none", "a.test", True, True)),
        ({"a.test": "v=DMARC1; p=reject"}, "1.2.3.4.5.6.7.8.9.a.test", Policy("reject", "a.test")),
    ],
)
def test_a_policy_is_looked_for_upwards(records: dict[str, str], author: str, expected: Policy | None) -> None:
    assert policy(author, walk(records)) == expected


@pytest.mark.parametrize(
    ("domain", "author", "strict", "expected"),
    [
        ("a.co.test", "a.co.test", True, True),
        ("m.a.co.test", "a.co.test", True, False),
        ("m.a.co.test", "a.co.test", False, True),
        ("a.co.test", "m.a.co.test", False, True),
        ("b.co.test", "a.co.test", False, False),
        ("co.test", "a.co.test", False, False),
        ("evila.co.test", "a.co.test", False, False),
    ],
)
def test_who_is_of_one_organisation_stands_for_it(domain: str, author: str, strict: bool, expected: bool) -> None:
    questions = walk({"co.test": "v=DMARC1; p=reject; psd=y", "a.co.test": "v=DMARC1; p=reject"})
    found = policy(author, questions)
    assert found is not None
    assert aligned(domain, author, found.organisation, questions, strict=strict) is expected


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


HOSTILE = "DKIM-Signature: v=1; a={a}; c=relaxed/relaxed; d=good.test; s=s1; h=from{x}; bh=AAAA; b={b}\n"


def hostile(body: str = "x", *, a: str = "rsa-sha256", b: str = "AAAA", x: str = "", head: str = "") -> bytes:
    return f"{HOSTILE.format(a=a, b=b, x=x)}From: ann@good.test\n{head}\n{body}\n".encode()


@pytest.mark.parametrize(
    ("raw", "result"),
    [
        (hostile(" " * 2_000_000 + "x"), "permerror"),
        (hostile((" " * 5_000 + "x") * 200), "permerror"),
        (hostile(b="A" + " " * 200_000 + "!"), "temperror"),
        (hostile(b="A" + " " * 4_000 + "!"), "permerror"),
        (hostile(b="A" + "\n " * 2_000 + "!"), "permerror"),
        (hostile(b="A " * 1_500 + "!"), "permerror"),
        (hostile(head="X: y\n" + " x\n" * 300_000), "temperror"),
        (hostile(head="a:\n" * 20_000), "temperror"),
        (hostile(x=":" + ":".join(f"x{n}" for n in range(700))), "permerror"),
    ],
    ids=["blank body", "blank lines", "long header", "blanks", "folds", "pairs", "folded", "fields", "names"],
)
def test_no_signature_takes_long_to_be_refused(raw: bytes, result: str, asking: Callable[[], Questions]) -> None:
    before = time.process_time()
    (signature,) = found(raw, "", "good.test", asking()).signatures
    assert signature.result == result
    assert time.process_time() - before < 1.5


@pytest.mark.parametrize(("x", "arrival", "result"), [(100, 50.0, "temperror"), (100, 100_000.0, "permerror")])
def test_a_signature_that_expired_while_the_message_waited_is_no_failure(
    x: int, arrival: float, result: str, asking: Callable[[], Questions]
) -> None:
    raw = hostile(x=f"; x={x}")
    found = authenticate(Submitted(raw, False, "", [], None, arrival), "good.test", asking())
    assert [each.result for each in found.signatures] == [result]
    assert found.dmarc == ("temperror" if result == "temperror" else "fail")


def test_what_cannot_be_checked_here_is_no_failure(asking: Callable[[], Questions]) -> None:
    assert found(hostile(a="ed25519-sha256"), "", "good.test", asking()).dmarc == "temperror"


def test_blanks_at_ends_of_lines_do_not_count_where_the_signature_is_relaxed(
    key: tuple[bytes, str], asking: Callable[[], Questions]
) -> None:
    raw = letter("good.test")
    field: bytes = dkim.sign(
        raw, b"s1", b"good.test", key[0], include_headers=[b"from"], canonicalize=(b"relaxed", b"relaxed")
    )
    altered = field.replace(b"\r\n", b"\n") + raw.replace(b"noon.\n", b"noon. \t  \n \t\n")
    assert found(altered, "", "good.test", asking()).dmarc == "pass"


def test_an_address_that_is_none_is_no_crash(asking: Callable[[], Questions]) -> None:
    assert found(letter("good.test"), "a@good.test", "good.test", asking(), address="junk").spf == "permerror"
