import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxtui.certificates import expiry_of, read_certificate


@pytest.mark.parametrize("days", [1, 90, 20_000])
def test_openssl_and_we_agree_on_when_it_ends(tmp_path: Path, days: int) -> None:
    """20,000 days is beyond 2049, from when on the time has another form (RFC 5280 4.1.2.5)."""
    path = tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-subj", "/CN=mx2.example.net", "-days", str(days), "-keyout", tmp_path / "key.pem", "-out", path],
        capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    said = subprocess.run(
        ["openssl", "x509", "-in", path, "-noout", "-enddate"], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    told = datetime.strptime(said.strip(), "notAfter=%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC)
    assert expiry_of(path) == told.timestamp()


def test_a_file_without_one_says_so(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("-----BEGIN PRIVATE KEY-----\n")
    with pytest.raises(ValueError, match="no certificate"):
        expiry_of(tmp_path / "key.pem")


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda body: b"\x30\x80" + body))
def test_noise_raises_what_it_says(der: bytes) -> None:
    with pytest.raises(ValueError, match="not a certificate"):
        read_certificate(der)
