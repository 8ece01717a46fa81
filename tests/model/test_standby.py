from mxtui.model.standby import Standby, StandbyPolicy, network_of

PATIENCE = StandbyPolicy().patience


def standing_by(policy: StandbyPolicy | None = None) -> Standby:
    standby = Standby(policy or StandbyPolicy(), b"secret")
    standby.health("example.org", "up", "mx1.example.org")
    return standby


def admitted(standby: Standby, now: float, *, client: str = "192.0.2.1", sender: str = "a@x", to: str = "b@y") -> bool:
    return standby.admit("example.org", client, sender, to, now).admitted


def test_mail_is_taken_while_the_primary_is_anything_but_up() -> None:
    standby = standing_by()
    for health in ("down", "degraded", "flapping", "unknown"):
        standby.health("example.org", health, "mx1.example.org")
        assert standby.state("example.org") == "accepting"
        assert admitted(standby, 0)
    assert standby.admit("nobody.example", "192.0.2.1", "a@x", "b@y", 0).admitted


def test_a_healthy_primary_is_named_instead() -> None:
    admission = standing_by().admit("example.org", "192.0.2.1", "a@x", "b@y", 0)
    assert (admission.admitted, admission.host) == (False, "mx1.example.org")


def test_a_sender_that_keeps_trying_is_let_in_after_a_while() -> None:
    standby = standing_by()
    assert not admitted(standby, 0)
    assert not admitted(standby, PATIENCE - 1)
    assert admitted(standby, PATIENCE)
    assert admitted(standby, PATIENCE + 3600), "and stays so"


def test_a_retry_from_a_neighbour_is_the_same_sender() -> None:
    standby = standing_by()
    admitted(standby, 0, client="192.0.2.1", sender="A@x")
    assert admitted(standby, PATIENCE, client="192.0.2.99", sender="a@X")


def test_another_network_sender_or_recipient_starts_anew() -> None:
    standby = standing_by()
    admitted(standby, 0)
    assert not admitted(standby, PATIENCE, client="198.51.100.1")
    assert not admitted(standby, PATIENCE, sender="c@x")
    assert not admitted(standby, PATIENCE, to="c@y")


def test_a_sender_away_for_long_starts_anew() -> None:
    standby = standing_by()
    admitted(standby, 0)
    assert not admitted(standby, standby.policy.forget + 1)
    assert admitted(standby, standby.policy.forget + 1 + PATIENCE)


def test_a_flood_of_senders_costs_bounded_memory_and_forgets_the_oldest() -> None:
    standby = standing_by(StandbyPolicy(memory=100))
    admitted(standby, 0, sender="first@x")
    for number in range(1000):
        admitted(standby, 1, sender=f"{number}@x")
    assert standby.remembered == 100
    assert not admitted(standby, PATIENCE, sender="first@x")
    assert admitted(standby, PATIENCE + 1, sender="999@x")


def test_nobody_is_remembered_while_mail_is_taken() -> None:
    standby = standing_by()
    standby.health("example.org", "down", "mx1.example.org")
    admitted(standby, 0)
    assert standby.remembered == 0


def test_switched_off_it_takes_everything() -> None:
    standby = standing_by(StandbyPolicy(enabled=False))
    assert admitted(standby, 0)
    assert standby.state("example.org") == "accepting"
    standby.waiting("example.org", 3)
    assert standby.state("example.org") == "draining"


def test_it_drains_while_the_primary_is_up_and_mail_waits() -> None:
    standby = standing_by()
    standby.waiting("example.org", 3)
    assert standby.state("example.org") == "draining"
    assert not admitted(standby, 0), "new mail has a better way"
    standby.waiting("example.org", 0)
    assert standby.state("example.org") == "standing by"


def test_the_service_is_as_its_busiest_domain() -> None:
    standby = Standby(StandbyPolicy(), b"secret")
    seen = [standby.overall]
    standby.health("a.example", "up", "")
    seen.append(standby.overall)
    standby.health("b.example", "up", "")
    standby.waiting("b.example", 1)
    seen.append(standby.overall)
    standby.health("c.example", "down", "")
    seen.append(standby.overall)
    assert seen == ["accepting", "standing by", "draining", "accepting"]
    assert standby.states == {"a.example": "standing by", "b.example": "draining", "c.example": "accepting"}


def test_networks_are_24_bits_of_ipv4_and_64_of_ipv6() -> None:
    assert network_of("::ffff:192.0.2.7") == network_of("192.0.2.200")
    assert network_of("fe80::1%eth0") == network_of("fe80::2")
    assert network_of("2001:db8::1") != network_of("2001:db8:0:1::1")
    assert network_of("unknown") == "unknown"
