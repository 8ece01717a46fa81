"""TLS after STARTTLS (RFC 3207)."""

import shutil
import ssl
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from mxtui.errors import ConfigError
from mxtui.receiver.certificate import Certificate
from mxtui.receiver.settings import CertificateFiles
from tests.receiver.conftest import Serve
from tests.receiver.serving import SETTINGS, Client, Running, settled, trusting_nobody


def make_certificate(folder: Path, name: str) -> CertificateFiles:
    files = CertificateFiles(folder / f"{name}.crt", folder / f"{name}.key")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", str(files.key), "-out", str(files.chain), "-days", "30", "-subj", f"/CN={name}"),
        ],
        check=True,
        capture_output=True,
    )
    return files


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[CertificateFiles, CertificateFiles]:
    folder = tmp_path_factory.mktemp("tls")
    return make_certificate(folder, "first"), make_certificate(folder, "second")


@pytest.fixture
def files(certificates: tuple[CertificateFiles, CertificateFiles], tmp_path: Path) -> CertificateFiles:
    """The first, where a test may put another in its place."""
    mine = CertificateFiles(tmp_path / "crt.pem", tmp_path / "key.pem")
    install(certificates[0], mine)
    return mine


def install(source: CertificateFiles, target: CertificateFiles) -> None:
    for each in ("chain", "key"):
        fresh = getattr(target, each).with_suffix(".new")
        shutil.copy(getattr(source, each), fresh)
        fresh.replace(getattr(target, each))


@pytest.fixture
async def secure(serve: Serve, files: CertificateFiles) -> Running:
    return await serve(settings=replace(SETTINGS, certificate=files))


def shown(client: Client) -> str:
    secured = client.writer.get_extra_info("ssl_object")
    der = secured.getpeercert(binary_form=True)
    return str(der)


async def test_mail_comes_in_encrypted_and_says_so(secure: Running) -> None:
    client = await secure.connect()
    assert "STARTTLS" in await client.say("EHLO client.example.com")
    await client.start_tls(trusting_nobody())
    reply = await client.say("EHLO client.example.com")
    assert "STARTTLS" not in reply
    assert "AUTH" not in reply
    await client.mail()
    (envelope,) = secure.kept.envelopes
    assert envelope.client.protocol == "ESMTPS"
    tls = str(envelope.client.tls)
    assert tls.startswith("TLSv1.3 with cipher TLS_")
    assert f"(using {tls})\n".encode() in secure.kept.contents[0]
    assert (await client.say("STARTTLS")).startswith("503 5.5.1")
    assert (await client.say("AUTH PLAIN AGEAYg==")).startswith("502 5.5.1")
    assert (await client.say("QUIT")).startswith("221 2.0.0")
    assert secure.receiver.snapshot().counts["tls"] == 1


async def test_what_was_said_before_the_handshake_is_forgotten(secure: Running) -> None:
    client = await secure.greeted()
    await client.all_well("MAIL FROM:<a@example.com>", "RCPT TO:<b@example.org>")
    await client.start_tls(trusting_nobody())
    assert (await client.say("DATA")).startswith("503 5.5.1")
    assert (await client.say("MAIL FROM:<a@example.com>")).startswith("503 5.5.1")
    await client.all_well("EHLO x", "MAIL FROM:<a@example.com>")


async def test_commands_sent_along_with_starttls_are_not_taken(secure: Running) -> None:
    """CVE-2011-0411: an attacker in the middle would have them carried out as the encrypted client's."""
    client = await secure.greeted()
    await client.send(b"STARTTLS\r\nMAIL FROM:<attacker@example.com>\r\n")
    assert (await client.reply()).startswith("421 4.7.0")
    assert await client.closed_by_server()


async def test_plain_text_in_place_of_the_handshake_ends_the_session(secure: Running) -> None:
    client = await secure.greeted()
    assert (await client.say("STARTTLS")).startswith("220 ")
    await client.send(b"MAIL FROM:<attacker@example.com>\r\nRCPT TO:<b@example.org>\r\n")
    assert await client.closed_by_server()
    await (await secure.greeted()).mail()
    assert secure.logged("error") == []


async def test_a_client_that_leaves_in_the_middle_of_the_handshake_leaves_nothing(secure: Running) -> None:
    client = await secure.greeted()
    assert (await client.say("STARTTLS")).startswith("220 ")
    client.writer.close()
    await settled(lambda: not secure.receiver.snapshot().sessions)
    assert secure.logged("error") == []


async def test_a_large_message_comes_in_encrypted(secure: Running) -> None:
    client = await secure.greeted()
    await client.start_tls(trusting_nobody())
    await client.all_well("EHLO x")
    body = b"x" * 998 + b"\r\n"
    await client.mail(body * 3000)
    assert secure.kept.bodies[0] == (body * 3000).replace(b"\r", b"") + b"\n"


async def test_a_renewed_certificate_is_shown_without_a_restart(
    secure: Running, files: CertificateFiles, certificates: tuple[CertificateFiles, CertificateFiles]
) -> None:
    async def seen() -> str:
        client = await secure.greeted()
        await client.start_tls(trusting_nobody())
        return shown(client)

    first = await seen()
    install(certificates[1], files)
    second = await seen()
    assert first != second
    files.key.write_text("half a key")
    assert await seen() == second
    assert [name for name, _ in secure.events if name.startswith("certificate")] == [
        "certificate_reloaded",
        "certificate_broken",
    ]
    assert secure.logged("certificate_broken")[0]["level"] == "error"
    files.chain.unlink()
    assert await seen() == second
    install(certificates[0], files)
    assert await seen() == first


def test_a_certificate_that_cannot_be_used_is_said_at_the_start(
    certificates: tuple[CertificateFiles, CertificateFiles], tmp_path: Path
) -> None:
    first, second = certificates
    for files in (
        CertificateFiles(first.chain, second.key),
        CertificateFiles(tmp_path / "missing", first.key),
        CertificateFiles(first.key, first.key),
    ):
        with pytest.raises(ConfigError, match="cannot be used"):
            Certificate(files, lambda event, **fields: None)


def test_an_encrypted_key_is_an_error_and_no_question_on_the_terminal(
    certificates: tuple[CertificateFiles, CertificateFiles], tmp_path: Path
) -> None:
    locked = tmp_path / "locked.key"
    subprocess.run(
        ["openssl", "ec", "-in", str(certificates[0].key), "-aes256", "-passout", "pass:secret", "-out", str(locked)],
        check=True,
        capture_output=True,
    )
    with pytest.raises(ConfigError, match="the key is encrypted") as caught:
        Certificate(CertificateFiles(certificates[0].chain, locked), lambda event, **fields: None)
    assert "without a password" in caught.value.hint


def test_old_versions_of_tls_are_not_spoken(files: CertificateFiles) -> None:
    context = Certificate(files, lambda event, **fields: None).context()
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
