import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest

from mxtui.certificates import expiry_of
from mxtui.demo.ports import free_port
from mxtui.demo.primary import FakePrimary
from mxtui.errors import Unreachable
from mxtui.model.alerts.certificates import expires
from mxtui.model.health import UNKNOWN, Health, Primary
from mxtui.model.hysteresis import Policy
from mxtui.model.next_hop import NextHop
from mxtui.model.route import Ourselves, Routed, by_next_hop
from mxtui.primary.lookup import Lookup
from mxtui.primary.probe import Limits
from mxtui.primary.prober import Prober, probe_once
from mxtui.primary.route import ConfiguredRouter, MxRouter
from tests.primary.servers import OURSELVES, Script, certificate, listening, name_server, says_nothing
from tests.support.waiting import PATIENCE

FAST = Policy(interval=1.0, transition=0.02, fall=3, rise=3)
NEVER_AGAIN = Policy(interval=3600.0, transition=3600.0)
LIMITS = Limits(rung=0.5, total=1.0)


class Table:
    """A router that knows these ports on loopback."""

    def __init__(self, ports: Mapping[str, int]) -> None:
        self.ports = dict(ports)
        self.asked: list[tuple[str, ...]] = []
        self.broken = ""

    def ourselves(self) -> Ourselves:
        return OURSELVES

    def route(self, domains: Sequence[str]) -> Mapping[str, Routed]:
        self.asked.append(tuple(domains))
        if self.broken:
            raise Unreachable(self.broken)
        return {
            domain: by_next_hop(NextHop("127.0.0.1", self.ports[domain], lookup_mx=False))
            for domain in domains
            if domain in self.ports
        }


class ByMx(Table):
    """A router that leaves it to MX records, on a port where tests may listen."""

    def __init__(self, port: int) -> None:
        super().__init__({})
        self.port = port

    def route(self, domains: Sequence[str]) -> Mapping[str, Routed]:
        return {domain: by_next_hop(NextHop(domain, self.port, lookup_mx=True)) for domain in domains}


@asynccontextmanager
async def running(prober: Prober) -> AsyncIterator[Prober]:
    task = asyncio.create_task(prober.run())
    try:
        yield prober
        assert not task.done()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], object], timeout: float = PATIENCE) -> None:
    async with asyncio.timeout(timeout):
        while not condition():  # noqa: ASYNC110 (what is waited for happens in servers, too)
            await asyncio.sleep(0.005)


def health(prober: Prober, domain: str = "example.org") -> Health:
    return prober.snapshot()[domain][1]


async def test_two_hundred_domains_on_one_primary_are_one_probe() -> None:
    server = Script({})
    async with listening(server) as primary:
        domains = [f"d{number}.example" for number in range(200)]
        prober = Prober(Table(dict.fromkeys(domains, primary.port)), policy=NEVER_AGAIN, limits=LIMITS)
        prober.follow(domains)
        async with running(prober):
            await until(lambda: all(state.state == "up" for _, state in prober.snapshot().values()))
    assert server.connections == 1
    assert len(prober.snapshot()) == 200


async def test_killing_the_listener_and_bringing_it_back_turns_the_row_within_two_rounds(primary: FakePrimary) -> None:
    prober = Prober(Table({"example.org": primary.port}), policy=FAST, limits=LIMITS)
    prober.follow(["example.org"])
    async with running(prober):
        await until(lambda: health(prober).state == "up")
        primary.down()
        killed = time.monotonic()
        await until(lambda: health(prober).state == "down")
        # Generous by half: the machine that runs this is busy.
        assert time.monotonic() - killed < 3 * FAST.interval
        assert health(prober).detail == "connection refused"
        primary.up()
        await until(lambda: health(prober).state == "up")


async def test_a_busy_primary_is_degraded_and_never_down(primary: FakePrimary) -> None:
    primary.behave(busy=True)
    prober = Prober(Table({"example.org": primary.port}), policy=FAST, limits=LIMITS)
    prober.follow(["example.org"])
    async with running(prober):
        await until(lambda: health(prober).consecutive >= 4)
    assert health(prober).state == "degraded"
    assert health(prober).detail.startswith("421")


async def test_domains_come_and_go_while_it_runs() -> None:
    one, two = Script({}), Script({})
    async with listening(one) as first, listening(two) as second:
        table = Table({"a.example": first.port, "b.example": second.port})
        prober = Prober(table, policy=NEVER_AGAIN, limits=LIMITS)
        prober.follow(["a.example"])
        async with running(prober):
            await until(lambda: health(prober, "a.example").state == "up")
            prober.follow(["b.example"])
            assert prober.snapshot() == {"b.example": (None, UNKNOWN)}
            await until(lambda: health(prober, "b.example").state == "up")
    assert table.asked == [("a.example",), ("b.example",)]
    assert (one.connections, two.connections) == (1, 1)


async def test_a_primary_can_be_checked_without_waiting_for_its_turn() -> None:
    server = Script({})
    async with listening(server) as primary:
        prober = Prober(Table({"example.org": primary.port}), policy=NEVER_AGAIN, limits=LIMITS)
        prober.probe_now("example.org")
        prober.follow(["example.org"])
        async with running(prober):
            await until(lambda: health(prober).state == "up")
            prober.probe_now("example.org")
            await until(lambda: health(prober).consecutive == 2)
    assert server.connections == 2


async def test_no_more_climbs_go_on_at_once_than_allowed() -> None:
    now = most = 0

    async def dawdles(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.02)
        now -= 1

    async with listening(dawdles) as a, listening(dawdles) as b, listening(dawdles) as c, listening(dawdles) as d:
        ports = {f"{number}.example": primary.port for number, primary in enumerate((a, b, c, d))}
        prober = Prober(Table(ports), policy=NEVER_AGAIN, limits=LIMITS, at_once=2)
        prober.follow(ports)
        async with running(prober):
            await until(lambda: all(state.state == "down" for _, state in prober.snapshot().values()))
    assert most <= 2


async def test_a_domain_without_primary_says_why_and_is_asked_for_again() -> None:
    server = Script({})
    async with listening(server) as primary:
        table = Table({"example.org": primary.port})
        table.broken = "Postfix does not answer"
        prober = Prober(table, policy=FAST, limits=LIMITS)
        prober.follow(["example.org", "nowhere.example"])
        async with running(prober):
            await until(lambda: health(prober).detail == "Postfix does not answer")
            assert health(prober).state == "unknown"
            table.broken = ""
            await until(lambda: health(prober).state == "up")
            assert prober.snapshot()["nowhere.example"][1].detail == "no route is known"


async def test_once_its_mx_is_known_a_primary_is_that_host() -> None:
    port = free_port()
    zone = {("example.org", "MX"): ["10 mx1.example.org."], ("mx1.example.org", "A"): ["127.0.0.1"]}
    async with name_server(zone) as (_, resolver), listening(Script({}), port=port):
        lookup = Lookup(resolver, own_address=lambda _: False)
        prober = Prober(ByMx(port), policy=NEVER_AGAIN, limits=LIMITS, lookup=lookup)
        prober.follow(["example.org"])
        async with running(prober):
            await until(lambda: health(prober).state == "up")
            assert prober.snapshot()["example.org"][0] == Primary("mx1.example.org", port, "mx")


def test_configured_primaries_come_before_what_the_mail_system_says() -> None:
    table = Table({"a.example": 1, "b.example": 2})
    router = ConfiguredRouter({"A.example": NextHop("mx1.example.org", 2525, lookup_mx=False)}, table)
    routes = router.route(["a.example", "b.example"])
    assert routes["a.example"] == Routed(Primary("mx1.example.org", 2525, "config"))
    assert routes["b.example"] == Routed(Primary("127.0.0.1", 2, "transport"))
    assert table.asked == [("b.example",)]
    table.broken = "Postfix does not answer"
    assert router.route(["a.example", "b.example"])["b.example"] == Routed(None, "Postfix does not answer")


def test_without_a_mail_system_mx_records_decide() -> None:
    assert MxRouter(OURSELVES).route(["a.example"]) == {
        "a.example": Routed(Primary("a.example", 25, "mx", lookup_mx=True))
    }


def test_probing_once_judges_every_domain_by_one_climb(primary: FakePrimary) -> None:
    ports = {"a.example": primary.port, "b.example": primary.port, "c.example": free_port()}
    known = probe_once([*ports, "d.example"], Table(ports), 10.0, limits=LIMITS)
    assert {domain: state.state for domain, (_, state) in known.items()} == {
        "a.example": "up",
        "b.example": "up",
        "c.example": "down",
        "d.example": "unknown",
    }
    assert primary.connections == 1
    assert known["d.example"] == (None, Health("unknown", None, "", "no route is known", None))


async def test_probing_once_tells_when_a_certificate_expires_that_nobody_verified(tmp_path: Path) -> None:
    context, file = certificate(tmp_path, "127.0.0.1")
    server = Script({"EHLO": "250-mx1.example.org\n250 STARTTLS", "STARTTLS": "220 go ahead"}, context)
    async with listening(server) as primary:
        known = await asyncio.to_thread(probe_once, ["a.example"], Table({"a.example": primary.port}), PATIENCE)
    assert known["a.example"][1].state == "up"
    assert expires(known["a.example"][1]) == expiry_of(file)


async def test_probing_once_leaves_what_takes_too_long() -> None:
    async with listening(says_nothing) as primary:
        ports = {"slow.example": primary.port}
        known = await asyncio.to_thread(probe_once, ["slow.example"], Table(ports), 0.1, limits=LIMITS)
    assert known["slow.example"][1].detail == "not checked within 0.1 s"


def test_probing_once_calls_a_host_that_takes_no_connection_down() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        # With its queue of connections full, the kernel leaves further ones without an answer, as a firewall does.
        with ExitStack() as stack:
            for _ in range(2):
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(("127.0.0.1", port))
            state = probe_once(["silent.example"], Table({"silent.example": port}), 1.0)["silent.example"][1]
    assert (state.state, state.rung, state.detail) == ("down", "tcp", "no answer within 0.5 s")


@pytest.mark.parametrize("domains", [[], ["nowhere.example"]])
def test_probing_once_without_any_primary_asks_nobody(domains: list[str]) -> None:
    assert set(probe_once(domains, Table({}), 1.0)) == set(domains)


async def test_what_a_primary_offers_is_known_and_stays_known_while_it_is_down() -> None:
    climbs: list[Sequence[str]] = []
    with FakePrimary() as primary:
        router = Table({"example.org": primary.port, "example.net": primary.port})
        prober = Prober(router, policy=FAST, limits=LIMITS, climbed=lambda domains: climbs.append(sorted(domains)))
        prober.follow(["example.org", "example.net", "unrouted.example"])
        async with running(prober):
            await until(lambda: prober.offers())
            offers = prober.offers()["example.org"]
            assert {"8BITMIME", "SMTPUTF8", "DSN"} <= offers.extensions
            assert offers.size == 64 << 20
            primary.down()
            await until(lambda: health(prober).state == "down")
            assert prober.offers() == {"example.org": offers, "example.net": offers}
            assert prober.offers(["example.net"]) == {"example.net": offers}
    assert len(climbs) >= 4
    assert all(each == ["example.net", "example.org"] for each in climbs)
