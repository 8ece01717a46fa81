from pathlib import Path
from typing import Any

import pytest

from mxtui.errors import ConfigError, MxtuiError, UsageError
from mxtui.model.next_hop import NextHop
from mxtui.service.wanted import Wanted, wanted

FLAGS: dict[str, Any] = {"spool": "/spool", "relay": ("example.org=mx1.example.org:2525",)}


@pytest.fixture(autouse=True)
def own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nothing"))


def with_file(tmp_path: Path, text: str, **flags: Any) -> Wanted:
    path = tmp_path / "mxtui.toml"
    path.write_text(text)
    return wanted(flags, path)


def test_flags_alone_suffice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = wanted(
        {
            "spool": "spool",
            "listen": ("127.0.0.1:2525", "[::1]:2525"),
            "relay": ("Example.org=mx1.example.org", "example.net=[192.0.2.1]:26"),
            "recipients": "known.txt",
            "standby": "off",
            "expire": "2d",
            "hostname": None,
        },
        None,
    )
    assert made.spool == tmp_path / "spool"
    assert [str(listen) for listen in made.serve.listen] == ["127.0.0.1:2525", "[::1]:2525"]
    assert made.serve.relay == {
        "example.org": NextHop("mx1.example.org", 25, False),
        "example.net": NextHop("192.0.2.1", 26, False),
    }
    assert made.serve.recipients == tmp_path / "known.txt"
    assert (made.serve.standby, made.serve.expire, made.serve.hostname) == (False, 2 * 86400.0, "")


def test_the_configuration_alone_suffices_and_a_flag_goes_first(tmp_path: Path) -> None:
    text = (
        '[serve]\nspool = "/var/spool/mxtui"\nrecipients = "any"\n[serve.relay]\n"a.example" = "a"\n"b.example" = "b"\n'
    )
    assert with_file(tmp_path, text).spool == Path("/var/spool/mxtui")
    made = with_file(tmp_path, text, spool="/other", relay=("b.example=c",))
    assert made.spool == Path("/other")
    assert {domain: hop.host for domain, hop in made.serve.relay.items()} == {"a.example": "a", "b.example": "c"}
    assert made.said_by("spool") == "SPOOL"
    assert made.said_by("recipients") == f"{tmp_path}/mxtui.toml:3: serve.recipients"


@pytest.mark.parametrize(
    ("flags", "message", "hint"),
    [
        ({"relay": ()}, "no domain to take mail for", "--relay DOMAIN=HOST"),
        ({"spool": None}, "which spool directory?", "mxtui serve SPOOL"),
        ({"spool": ""}, "SPOOL: '' will not do", "a path"),
        ({"relay": ("example.org",)}, "--relay: 'example.org' will not do", "example.org=mx1.example.org:25"),
        ({"relay": ("example.org=a b",)}, "--relay: 'example.org=a b' will not do", "mx1.example.org"),
        ({"relay": ("*=a",)}, "--relay: '*' is no domain", "example.org"),
        ({"listen": ("25",)}, "--listen: '25' will not do", "an address and a port"),
        ({"standby": "maybe"}, "--standby: 'maybe' will not do", "on or off"),
        ({"unknown": "accept"}, "--unknown: 'accept' will not do", "defer"),
        ({"expire": "5"}, "--expire: '5' will not do", "5d"),
        ({"hostname": "mx 2"}, "--hostname: 'mx 2' is no host name", "mx2.example.org"),
        ({"key": "/k"}, "--tls-key: a key without a certificate", "certificate"),
        (
            {"listen": ("127.0.0.1:2525",), "relay": ("example.org=127.0.0.1:2525",)},
            "--relay: [127.0.0.1]:2525 is where we listen ourselves",
            "another server",
        ),
        (
            {"listen": ("*:2525",), "relay": ("example.org=localhost:2525",)},
            "--relay: [localhost]:2525 is where we listen ourselves",
            "another server",
        ),
    ],
)
def test_a_mistake_in_a_flag_names_it_and_what_is_allowed(flags: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(MxtuiError) as caught:
        wanted({**FLAGS, **flags}, None)
    assert isinstance(caught.value, UsageError | ConfigError)
    assert caught.value.exit_status == 2
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('hostname = "mx_2"', ":2: serve.hostname: 'mx_2' is no host name"),
        ('key = "/k"', ":2: serve.key: a key without a certificate"),
        ('retry_longest = "1m"', ":2: serve.retry_longest: shorter than serve.retry"),
        (
            'limits.message = "300M"',
            ":2: serve.limits.message: a message of 300M (serve.limits.message) would never fit",
        ),
        ('memory = "10M"', ":2: serve.memory: a message of 50M (serve.limits.message) would never fit into 10M"),
        ('listen = "*:26"\nnotices = "127.0.0.1:26"', ":3: serve.notices: [127.0.0.1]:26 is where we listen ourselves"),
        ('[serve.relay]\n"a b" = "a"', ":3: serve.relay.\"a b\": 'a b' is no domain"),
    ],
)
def test_a_mistake_in_a_file_names_it_with_line_and_key(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        with_file(tmp_path, f"[serve]\n{text}", **FLAGS)
    assert caught.value.message.startswith(f"{tmp_path}/mxtui.toml:")
    assert message in caught.value.message
