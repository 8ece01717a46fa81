"""The drain that serve begins, without a serve."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mxtui.config import Settings
from mxtui.model.health import Primary
from mxtui.model.route import Ourselves, Routed
from mxtui.queues.spool.store import Spool
from mxtui.service.automatic import AutomaticDrain
from mxtui.service.wanted import Wanted
from tests.queues.spool.making import envelope, put


class Routes:
    """One primary for all."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def ourselves(self) -> Ourselves:
        return Ourselves("backup.example.net", frozenset(), frozenset())

    def route(self, domains: Sequence[str]) -> Mapping[str, Routed]:
        self.asked.update(domains)
        return dict.fromkeys(domains, Routed(Primary("127.0.0.1", 1, "config")))


def test_a_domain_that_nothing_waited_for_is_known_to_go_to_the_same_primary(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path / "spool", create=True)
    put(spool, envelope(to=["info@example.org"]))
    settings = replace(Settings(), audit=tmp_path / "audit.jsonl")
    routes = Routes()
    drain = AutomaticDrain(
        spool,
        routes,
        Wanted(settings, settings.serve, frozenset(), None),
        lambda *_, **__: None,
        lambda _: spool.names()["deferred"],
    )
    drain.begin({"127.0.0.1:1": ["example.net", "example.org"]}, (), ())
    drain.wait(20.0)
    assert drain.ended is not None
    assert {"example.net", "example.org"} == routes.asked
