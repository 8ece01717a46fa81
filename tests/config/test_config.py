import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxtui.config import Settings, files, load, settings_table, where
from mxtui.config.positions import line_of
from mxtui.errors import ConfigError
from mxtui.model.next_hop import NextHop

NOWHERE = Path("/nonexistent/mxtui.toml")


@pytest.fixture(autouse=True)
def own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "own"))
    (tmp_path / "own" / "mxtui").mkdir(parents=True)
    return tmp_path / "own" / "mxtui" / "config.toml"


def settings_from(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "given.toml"
    path.write_text(text)
    return load(path, system=NOWHERE)


def test_without_any_file_everything_has_its_default() -> None:
    settings = load(system=NOWHERE)
    assert settings == Settings()
    assert (settings.probe.interval, settings.probe.fall, settings.probe.rise) == (30.0, 3, 3)
    assert (settings.kept.age, settings.kept.size) == (7 * 86400.0, 1 << 30)
    assert (settings.alerts.expiry, settings.alerts.free) == (86400.0, 20.0)
    assert (settings.queue, settings.audit, settings.primaries) == (None, None, {})


def test_every_kind_of_value_is_read(tmp_path: Path) -> None:
    settings = settings_from(
        tmp_path,
        """
        queue = "/etc/postfix-out"
        audit = "/srv/audit.jsonl"
        [primaries]
        "example.org" = "mx1.example.org:2525"
        "Example.NET" = "[192.0.2.1]"
        [probe]
        interval = "1m30s"
        fall = 2
        [kept]
        size = "10M"
        [alerts]
        free = 12.5
        [console]
        mouse = false
        [console.keys]
        hold = "f7"
        """,
    )
    assert (settings.queue, settings.audit) == ("/etc/postfix-out", Path("/srv/audit.jsonl"))
    assert settings.primaries == {
        "example.org": NextHop("mx1.example.org", 2525, False),
        "example.net": NextHop("192.0.2.1", 25, False),
    }
    assert (settings.probe.interval, settings.probe.fall, settings.probe.rise) == (90.0, 2, 3)
    assert (settings.kept.size, settings.alerts.free, settings.console.mouse) == (10 << 20, 12.5, False)
    assert settings.console.keys == {"hold": "f7"}


def test_a_later_file_wins_key_by_key(tmp_path: Path, own_home: Path) -> None:
    system, explicit = tmp_path / "etc.toml", tmp_path / "given.toml"
    system.write_text('queue = "/a"\n[probe]\nfall = 1\nrise = 1\n[primaries]\n"a.example" = "a"\n')
    own_home.write_text('queue = "/b"\n[probe]\nrise = 2\n')
    explicit.write_text('[primaries]\n"b.example" = "b"\n')
    settings = load(explicit, system=system)
    assert files(explicit, system=system) == (system, own_home, explicit)
    assert (settings.queue, settings.probe.fall, settings.probe.rise) == ("/b", 1, 2)
    assert set(settings.primaries) == {"a.example", "b.example"}


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ('que = "x"', ":1: que: no such setting", "Did you mean queue?"),
        ("\n[probe]\n\nintervall = 3", ":4: probe.intervall: no such setting", "Did you mean probe.interval?"),
        ("[prob]\nfall = 3", ":1: prob: no such setting", "Did you mean probe?"),
        ("probe.fal = 3", ":1: probe.fal: no such setting", "Did you mean probe.fall?"),
        ("[probe]\nfall = 'three'", ":2: probe.fall: 'three' will not do", "a whole number from 1 to 1000"),
        ("[probe]\nfall = true", ":2: probe.fall: True will not do", "a whole number"),
        ("[probe]\nfall = 0", ":2: probe.fall: 0 will not do", "from 1 to 1000"),
        ("[probe]\ninterval = 30", ":2: probe.interval: 30 will not do", '"30s"'),
        ('[probe]\ninterval = "0s"', ":2: probe.interval: '0s' will not do", "a duration"),
        ('[kept]\nsize = "big"', ":2: kept.size: 'big' will not do", '"500", "10k", "1M" or "1G"'),
        ('[kept]\nfolder = "kept"', ":2: kept.folder: 'kept' will not do", "an absolute path"),
        ('maillog = "~nobody-here-1/x"', ":1: maillog: '~nobody-here-1/x' will not do", "home directory"),
        ("[alerts]\nfree = 120", ":2: alerts.free: 120 will not do", "0 to 100"),
        ("[console]\nmouse = 1", ":2: console.mouse: 1 will not do", "true or false"),
        ("queue = 7", ":1: queue: 7 will not do", "a text in quotes"),
        ("queue = [1]", ":1: queue: a list will not do", "a text in quotes"),
        ("probe = 3", ":1: probe: not a table", "[probe]"),
        ('[primaries]\n"a.example" = "a b"', ":2: primaries.\"a.example\": 'a b' will not do", "mx1.example.org"),
        (
            '[primaries]\na.example = "a"',
            ":2: primaries.a: a table will not do",
            'put them in quotes, as in "a.example"',
        ),
        (
            '[serve]\nexpire = "9999d"',
            ":2: serve.expire: '9999d' will not do",
            'from 1s to 3650d, such as "30s", "10m", "2h" or "5d"',
        ),
        (
            '[serve]\nlimits.message = "0"',
            ":2: serve.limits.message: '0' will not do",
            'a size in quotes from 64k, such as "500"',
        ),
        ('[primaries]\n"a.example" = "a:99999"', ":2:", "a server in quotes"),
        ("[serve]\nlisten = []", ":2: serve.listen: a list will not do", '["*:25"]'),
        ('[serve]\nlisten = ["*:25", "here"]', ":2: serve.listen: a list will not do", '"127.0.0.1:2525"'),
        ('[serve]\nlisten = "[::1]:70000"', ":2: serve.listen: '[::1]:70000' will not do", "an address and a port"),
        ('[serve]\nrecipients = "all"', ":2: serve.recipients: 'all' will not do", '"callout", "any", or'),
        ('[serve]\nunknown = "accept"', ":2: serve.unknown: 'accept' will not do", '"defer" or "hold"'),
        ('[serve]\ntls = "no"', ":2: serve.tls: 'no' will not do", '"may" or "require" or "verify"'),
        ("[serve]\nlimit.clients = 3", ":2: serve.limit: no such setting", "Did you mean serve.limits?"),
        (
            "[serve.limits]\nclient = 3",
            ":2: serve.limits.client: no such setting",
            "Did you mean serve.limits.clients?",
        ),
        ("[serve.limits]\nrecipients = 10", ":2: serve.limits.recipients: 10 will not do", "from 100 to 50000"),
        ('[serve.relay]\n"a.example" = "a b"', ":2: serve.relay.\"a.example\": 'a b' will not do", "a server"),
        ("queue = x", "given.toml: Invalid value (at line 1", "TOML"),
        ("a = " + "[" * 20000, "given.toml: ", "TOML"),
    ],
)
def test_a_mistake_names_file_line_and_key(tmp_path: Path, text: str, message: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings_from(tmp_path, text)
    assert caught.value.message.startswith(str(tmp_path / "given.toml"))
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_file_that_was_named_has_to_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load(tmp_path / "none.toml", system=NOWHERE)


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "given.toml"
    path.write_bytes(b"# fine\nqueue = '\xff'\n")
    with pytest.raises(ConfigError, match=r"given\.toml:2: not UTF-8"):
        load(path, system=NOWHERE)
    with pytest.raises(ConfigError, match="Is a directory"):
        load(tmp_path, system=NOWHERE)
    with pytest.raises(ConfigError, match="larger than 1 MB"):
        load(Path("/dev/zero"), system=NOWHERE)


def test_every_setting_is_documented_and_its_default_reads_back(tmp_path: Path) -> None:
    table = settings_table()
    some = {"queue", "primaries", "probe.interval", "console.keys", "serve.relay", "serve.limits.clients"}
    assert some <= {row.key for row in table}
    assert all(row.meaning for row in table)
    of_ones_own = (
        "primaries", "probe.recipients", "drain.primaries", "drill.addresses", "console.keys", "serve.relay",
        "serve.scan.actions", "spam.weights",
    )  # fmt: skip
    written = "\n".join(f"{row.key} = {row.default}" for row in table if row.default and row.key not in of_ones_own)
    assert settings_from(tmp_path, written) == Settings()


@given(st.text('[]"=.ab \n#0'), st.lists(st.text("ab", min_size=1), max_size=3))
def test_finding_a_line_never_fails(text: str, path: list[str]) -> None:
    assert 1 <= line_of(text, tuple(path)) <= max(1, len(text.splitlines()))


def test_defaults_cost_no_heavy_import() -> None:
    script = "import mxtui.config, sys; print({'msgspec', 'asyncio', 'dns', 'textual'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_what_serve_needs_is_read(tmp_path: Path) -> None:
    serve = settings_from(
        tmp_path,
        """
        [serve]
        spool = "/var/spool/mxtui"
        listen = ["*:25", "[2001:db8::1]:2525", "127.0.0.1:0"]
        recipients = "/etc/mxtui/recipients"
        expire = "3d"
        notices = "relay.example.net:2525"
        [serve.relay]
        "Example.ORG" = "mx1.example.org"
        [serve.limits]
        message = "10M"
        """,
    ).serve
    assert serve.listen == (("", 25), ("2001:db8::1", 2525), ("127.0.0.1", 0))
    assert [str(listen) for listen in serve.listen] == ["*:25", "[2001:db8::1]:2525", "127.0.0.1:0"]
    assert serve.relay == {"example.org": NextHop("mx1.example.org", 25, False)}
    assert (serve.recipients, serve.unknown) == (Path("/etc/mxtui/recipients"), "defer")
    assert (serve.expire, serve.limits.message, serve.limits.clients) == (3 * 86400.0, 10 << 20, 500)
    assert serve.notices == NextHop("relay.example.net", 2525, False)


def test_a_mistake_that_shows_only_later_is_found_in_the_last_file_that_made_it(tmp_path: Path, own_home: Path) -> None:
    given = tmp_path / "given.toml"
    own_home.write_text('[serve]\nkey = "/a"\ncertificate = "/c"\n')
    given.write_text('\n[serve]\nkey = "/b"\n')
    assert where(("serve", "key"), given, system=NOWHERE) == f"{given}:3: serve.key"
    assert where(("serve", "certificate"), given, system=NOWHERE) == f"{own_home}:3: serve.certificate"
    assert where(("serve", "user"), given, system=NOWHERE) == "serve.user"
    given.write_text('[serve.relay]\n"Example.ORG" = "a"\n')
    assert where(("serve", "relay", "example.org"), given, system=NOWHERE) == f'{given}:2: serve.relay."Example.ORG"'


def test_hosts_have_names_and_queues(tmp_path: Path) -> None:
    mx2, inbound = settings_from(
        tmp_path,
        """
        [[hosts]]
        name = "mx2"
        queue = "ssh://root@mx2.example.net"
        command = ["sudo", "-n", "mxtui"]
        [[hosts]]
        name = "in"
        queue = "/etc/postfix-in"
        """,
    ).hosts
    assert (mx2.name, mx2.queue, mx2.command) == ("mx2", "ssh://root@mx2.example.net", ("sudo", "-n", "mxtui"))
    assert inbound.command == ("mxtui",)


@pytest.mark.parametrize(
    "host",
    [
        'name = "mx2"',
        'name = "-x"\nqueue = "/q"',
        'name = "mx2"\nqueue = "ssh://-oProxyCommand=id"',
        'name = "mx2"\nqueue = "relative"',
        'name = "mx2"\nqueue = "/q"\ncommand = "mxtui"',
        'name = "mx2"\nqueue = "/q"\nport = 22',
        'name = "mx2"\nqueue = "/q"\n[[hosts]]\nname = "mx2"\nqueue = "/r"',
    ],
)
def test_a_host_that_makes_no_sense_is_named_with_its_line(tmp_path: Path, host: str) -> None:
    with pytest.raises(ConfigError, match=r"given\.toml:1: hosts"):
        settings_from(tmp_path, f"[[hosts]]\n{host}\n")
