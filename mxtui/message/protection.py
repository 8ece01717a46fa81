"""What nobody here can look into, because it is encrypted: OpenPGP, S/MIME, and files with a password."""

from mxtui.message.parameters import Parameterised

_PKCS7 = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_SIGNED_ONLY = ("signed-data", "certs-only", "compressed-data")

_ARMOUR = b"-----BEGIN PGP MESSAGE-----"

# In UTF-16, as the directory of an OLE file spells the stream that holds an encrypted document ([MS-OFFCRYPTO] 2.3.4).
_OFFICE = "EncryptedPackage".encode("utf-16-le")


def declared(content_type: Parameterised) -> str:
    """By a part's Content-Type: `PGP` (RFC 3156), `S/MIME` (RFC 8551 section 3.2); else empty."""
    media_type = content_type.value
    if media_type == "multipart/encrypted":
        protocol = content_type.text("protocol").lower()
        return "PGP" if "pgp" in protocol else "encrypted"
    if media_type in _PKCS7 and content_type.text("smime-type").lower() not in _SIGNED_ONLY:
        return "S/MIME"
    return ""


def found(sniffed: str | None, head: bytes, data: bytes) -> str:
    """By what is in a file that is whole in memory, or by its first bytes: `PGP`, `pdf`, `office`; else empty.

    A zip tells by its listing.
    """
    if _ARMOUR in head:
        return "PGP"
    if sniffed == "pdf" and b"/Encrypt" in data:
        return "pdf"
    return "office" if sniffed == "office (ole)" and _OFFICE in data else ""
