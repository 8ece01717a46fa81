import subprocess
from pathlib import Path

import pytest

from mxtui.errors import ConfigError
from mxtui.service.certificate import server_context
from tests.primary.servers import certificate


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    certificate(tmp_path, "mx2.example.org")
    return tmp_path / "crt.pem", tmp_path / "key.pem"


def test_a_certificate_and_its_key_are_taken_from_two_files_or_one(files: tuple[Path, Path], tmp_path: Path) -> None:
    crt, key = files
    server_context(crt, key, "--tls-certificate")
    both = tmp_path / "both.pem"
    both.write_bytes(key.read_bytes() + crt.read_bytes())
    server_context(both, None, "--tls-certificate")


def test_each_mistake_names_who_said_so_and_the_file(files: tuple[Path, Path], tmp_path: Path) -> None:
    crt, key = files
    (tmp_path / "other").mkdir()
    certificate(tmp_path / "other", "mx3.example.org")
    words = tmp_path / "words"
    words.write_text("hello")
    locked = tmp_path / "locked.pem"
    subprocess.run(
        ["openssl", "ec", "-in", str(key), "-aes128", "-passout", "pass:secret", "-out", str(locked)],
        check=True,
        capture_output=True,
    )
    cases = [
        (tmp_path / "none", key, "none: No such file"),
        (crt, tmp_path / "none", "none: No such file"),
        (words, key, "words and "),
        (crt, tmp_path / "other" / "key.pem", "key values mismatch"),
        (crt, None, "crt.pem: "),
        (crt, locked, "locked.pem has a password"),
    ]
    for chain, its_key, expected in cases:
        with pytest.raises(ConfigError) as caught:
            server_context(chain, its_key, "/etc/mxtui.toml:7: serve.certificate")
        assert caught.value.message.startswith("/etc/mxtui.toml:7: serve.certificate: ")
        assert expected in caught.value.message
