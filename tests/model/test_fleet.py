"""What only several hosts together tell."""

from mxtui.model.fleet import HostStatus, across, narrowed
from mxtui.model.health import Health, HealthState, Primary
from mxtui.model.overview import DomainStatus, DomainTotals, Overview, QueueTotals
from mxtui.model.source import Capabilities, Source

NOW = 1_800_000_000.0


def row(domain: str, messages: int, state: HealthState, host: str = "mx.example.org") -> DomainStatus:
    totals = DomainTotals(domain, messages, messages, 1_000, {"hold": 1} if messages else {}, (0,) * 10, NOW - 60, None)
    return DomainStatus(totals, Primary(host, 25, "mx"), Health(state, NOW, "", "", None))


def host(name: str, *rows: DomainStatus, fault: str = "", heard: float = NOW) -> HostStatus:
    overview = Overview(
        Source("postfix", name, "/q", "3.7.11"), Capabilities("files", running=True), NOW, heard,
        QueueTotals(sum(each.totals.messages for each in rows)), rows, fault=fault,
    )  # fmt: skip
    return HostStatus(name, overview)


def test_a_domain_is_the_sum_of_what_is_on_each_host() -> None:
    (found,) = across([host("mx1", row("a.example", 3, "up")), host("mx2", row("a.example", 4, "up"))])
    assert (found.messages, found.held, found.oldest_arrival, found.finding) == (7, 2, NOW - 60, "")


def test_a_primary_that_only_some_reach_is_found_and_comes_first() -> None:
    deep = row("deep.example", 9, "up")
    first, _ = across([host("mx1", deep, row("a.example", 1, "up")), host("mx2", row("a.example", 1, "down"))])
    assert first.domain == "a.example"
    assert first.finding == "up from mx1, down from mx2: look at the way there, not at the primary"
    assert first.worst.health is not None
    assert first.worst.health.state == "down"


def test_what_nobody_knows_yet_is_no_finding() -> None:
    (found,) = across([host("mx1", row("a.example", 1, "unknown")), host("mx2", row("a.example", 1, "down"))])
    assert found.finding == ""


def test_hosts_that_route_a_domain_differently_are_told() -> None:
    (found,) = across([host("mx1", row("a.example", 1, "up", "old")), host("mx2", row("a.example", 1, "up", "new"))])
    assert found.finding == "routed differently: mx1 to old:25 and mx2 to new:25"


def test_words_narrow_by_host_and_by_name_and_a_dash_negates() -> None:
    rows = across([
        host("mx1", row("a.example", 1, "up"), row("b.test", 1, "up")), host("mx2", row("a.example", 2, "up"))
    ])  # fmt: skip

    def told(text: str) -> dict[str, list[str]]:
        return {each.domain: [name for name, _ in each.seen] for each in narrowed(rows, text)}

    assert told("") == {"a.example": ["mx1", "mx2"], "b.test": ["mx1"]}
    assert told("host:MX2") == {"a.example": ["mx2"]}
    assert told("-host:mx2") == {"a.example": ["mx1"], "b.test": ["mx1"]}
    assert told("test") == told("domain:b") == {"b.test": ["mx1"]}
    assert told("-test host:mx1") == {"a.example": ["mx1"]}
    assert told("host:mx3") == {}


def test_a_host_is_as_fresh_as_what_it_told_last() -> None:
    assert HostStatus("mx1").reach == "connecting"
    assert HostStatus("mx1", fault="refused").reach == "away"
    assert host("mx1").reach == "live"
    assert host("mx1", heard=NOW - 60).reach == "stale"
    lost = host("mx1", row("a.example", 3, "up"), fault="the connection was lost")
    assert (lost.reach, lost.why[0], lost.messages) == ("away", "the connection was lost", 3)
