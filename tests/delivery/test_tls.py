"""STARTTLS towards a primary: as good as it gets, or not at all, as the operator said."""

import ssl
from pathlib import Path

import pytest

from mxtui.delivery.policy import TlsPolicy
from mxtui.demo.primary import FakePrimary
from mxtui.model.next_hop import NextHop
from mxtui.primary import tls
from mxtui.primary.lookup import Lookup
from mxtui.queues.spool.store import Spool
from tests.delivery.spooling import at_work, commit, make_spool, until
from tests.primary.servers import certificate, name_server

OFFERS = ("PIPELINING", "SIZE 1000000", "STARTTLS")


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return make_spool(tmp_path)


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's context, whose certificate (for mx1.example.org) this host trusts."""
    context, file = certificate(tmp_path, "mx1.example.org")
    made = ssl.create_default_context(cafile=file)
    loose = tls.context(verify=False)
    monkeypatch.setattr(tls, "context", lambda *, verify: made if verify else loose)
    return context


@pytest.mark.parametrize("policy", ["may", "require"])
async def test_tls_is_used_where_it_is_offered_whatever_the_certificate(
    spool: Spool, primary: FakePrimary, tmp_path: Path, policy: TlsPolicy
) -> None:
    context, _ = certificate(tmp_path, "somebody.else.example")
    primary.behave(extensions=OFFERS, tls=context)
    commit(spool, "a@example.org")
    async with at_work(spool, {"example.org": primary.port}, tls=policy) as work:
        await until(lambda: not work.left())
        assert str(work.events.of("delivered")[0]["tls"]).startswith("TLSv1")
    assert primary.accepted[0].tls


@pytest.mark.parametrize("broken", ["454 4.7.0 not now", "220 go ahead\r\nbut not like this"])
async def test_broken_tls_does_not_keep_mail_that_may_go_in_the_clear(
    spool: Spool, primary: FakePrimary, broken: str
) -> None:
    primary.behave(extensions=OFFERS, replies={"STARTTLS": broken})
    commit(spool, "a@example.org")
    async with at_work(spool, {"example.org": primary.port}) as work:
        await until(lambda: not work.left())
    assert not primary.accepted[0].tls


@pytest.mark.parametrize("policy", ["require", "verify"])
@pytest.mark.parametrize("extensions", [OFFERS, ("PIPELINING",)])
async def test_no_tls_keeps_mail_that_must_not_go_without(
    spool: Spool, primary: FakePrimary, policy: TlsPolicy, extensions: tuple[str, ...]
) -> None:
    primary.behave(extensions=extensions, replies={"STARTTLS": "454 4.7.0 not now"})
    made = commit(spool, "a@example.org")
    async with at_work(spool, {"example.org": primary.port}, tls=policy) as work:
        await until(lambda: work.stored(made.id).recipients[0].attempts >= 1)
        assert work.stored(made.id).recipients[0].dsn.startswith("4.7.")
    assert primary.accepted == []


async def test_a_certificate_is_verified_in_the_hosts_name(
    spool: Spool, primary: FakePrimary, trusted: ssl.SSLContext
) -> None:
    primary.behave(extensions=OFFERS, tls=trusted)
    zone = {("mx1.example.org", "A"): ["127.0.0.1"], ("other.example.org", "A"): ["127.0.0.1"]}
    commit(spool, "a@good.example")
    wrong = commit(spool, "a@wrong.example")
    async with name_server(zone) as (_, resolver):
        routes = {
            "good.example": NextHop("mx1.example.org", primary.port, lookup_mx=False),
            "wrong.example": NextHop("other.example.org", primary.port, lookup_mx=False),
        }
        async with at_work(spool, routes, tls="verify", lookup=Lookup(resolver)) as work:
            await until(lambda: len(primary.accepted) == 1)
            await until(lambda: work.stored(wrong.id).recipients[0].attempts >= 1)
            assert "certificate not verified" in work.stored(wrong.id).recipients[0].text
    assert primary.accepted[0].recipients == ("a@good.example",)


async def test_plaintext_slipped_in_before_tls_is_not_taken_for_an_answer(
    spool: Spool, primary: FakePrimary, tmp_path: Path
) -> None:
    context, _ = certificate(tmp_path, "mx1.example.org")
    injected = "220 go ahead\r\n250-mx1.example.org\r\n250 SMTPUTF8"
    primary.behave(extensions=OFFERS, tls=context, replies={"STARTTLS": injected})
    made = commit(spool, "a@example.org")
    async with at_work(spool, {"example.org": primary.port}, tls="require") as work:
        await until(lambda: work.stored(made.id).recipients[0].attempts >= 1)
    assert primary.accepted == []
