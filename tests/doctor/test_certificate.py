"""Certificates read without trusting them: what cryptography says of them is what we say."""

import hashlib
from contextlib import suppress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from mxtui.certificates import Certificate, read_certificate
from mxtui.doctor.tlsa import Tlsa, matches, record_for
from tests.doctor.world import Authorities

NAMES = ("mx2.example.net", "*.example.org", "xn--bcher-kva.example")


@pytest.fixture(scope="module")
def der(authorities: Authorities) -> bytes:
    pem = authorities.certificate(*NAMES).cert_chain_pems[0].bytes()
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


@pytest.fixture(scope="module")
def issuer(authorities: Authorities) -> bytes:
    return x509.load_pem_x509_certificate(authorities.known.cert_pem.bytes()).public_bytes(Encoding.DER)


def test_names_times_and_key_are_those_of_the_certificate(der: bytes) -> None:
    read, real = read_certificate(der), x509.load_der_x509_certificate(der)
    assert read.names == NAMES
    assert read.not_before == real.not_valid_before_utc.timestamp()
    assert read.not_after == real.not_valid_after_utc.timestamp()
    assert read.public_key == real.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert read.der == der


def test_an_authority_has_no_names_and_a_date_beyond_2049_is_read(issuer: bytes) -> None:
    read, real = read_certificate(issuer), x509.load_der_x509_certificate(issuer)
    assert read.names == ()
    assert read.not_after == real.not_valid_after_utc.timestamp()


@given(data=st.data())
def test_a_damaged_one_is_an_error_or_another_certificate_and_nothing_else(der: bytes, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(der) - 1))
    damaged = der[:position] + bytes([data.draw(st.integers(0, 255))]) + der[position + 1 :]
    cut = der[: data.draw(st.integers(0, len(der)))]
    for each in (damaged, cut, damaged + b"x"):
        with suppress(ValueError):  # pytest.raises would want one each time
            assert isinstance(read_certificate(each), Certificate)


@given(st.binary(max_size=200))
def test_anything_else_is_no_certificate(rubbish: bytes) -> None:
    with pytest.raises(ValueError, match="not a certificate"):
        read_certificate(rubbish)


def test_one_that_is_too_large_is_not_looked_into() -> None:
    with pytest.raises(ValueError, match="64 kB"):
        read_certificate(b"\x30" * 70_000)


def test_tlsa_records_match_by_key_or_whole_as_they_are_or_digested(der: bytes, issuer: bytes) -> None:
    leaf = read_certificate(der)
    assert record_for(leaf) == f"3 1 1 {hashlib.sha256(leaf.public_key).hexdigest()}"
    for selector, selected in ((0, leaf.der), (1, leaf.public_key)):
        for matching, data in (
            (0, selected),
            (1, hashlib.sha256(selected).digest()),
            (2, hashlib.sha512(selected).digest()),
        ):
            assert matches(Tlsa(3, selector, matching, data), leaf, ())
            assert not matches(Tlsa(3, selector, matching, b"x" + data), leaf, ())
            assert not matches(Tlsa(1, selector, matching, data), leaf, ()), "usage 1 is not for mail servers"
    authority = Tlsa(2, 0, 1, hashlib.sha256(issuer).digest())
    assert matches(authority, leaf, (der, issuer))
    assert not matches(authority, leaf, (der,))
    assert not matches(authority, leaf, (der, b"no certificate"))
