"""Secrets: opaque tokens, keys derived from one root secret, and the sealing of what is kept, with such a key."""

import base64
import hashlib
import hmac
import os
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

ROOT_BYTES = 32
_NONCE_BYTES, _KEY_ID_BYTES = 12, 8


def new_opaque_token() -> str:
    """256 random bits in 43 URL-safe characters."""
    return secrets.token_urlsafe(32)


def derived_token(key: bytes, *parts: str) -> str:
    """A token that looks like `new_opaque_token`, but is always the same for the same secret `key` and `parts`."""
    return base64.urlsafe_b64encode(hmac.digest(key, "\x00".join(parts).encode(), "sha256")).rstrip(b"=").decode()


def token_hash(token: str) -> bytes:
    """What may be stored of a token: SHA-256 (a random token needs no slow hash)."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def same(one: bytes, other: bytes) -> bool:
    """Equality in a time that does not depend on where they differ."""
    return hmac.compare_digest(one, other)


def derive(root: bytes, purpose: str) -> bytes:
    """The 32 byte key of a purpose (HKDF-SHA256, RFC 5869): one says nothing of the root secret or of another."""
    return HKDF(algorithm=hashes.SHA256(), length=ROOT_BYTES, salt=b"covergen", info=purpose.encode()).derive(root)


class WrongKey(Exception):
    """It was sealed with another key, or is not what was sealed: the root secret was changed, or the bytes were."""


class Box:
    """Seals secrets for the database: AES-256-GCM with a key derived from the root secret.

    A sealed secret is the id of the key (8 bytes), a nonce (12) and the ciphertext with its tag. It opens only with the
    same `about`, which says what it is (`signing_keys:KID`), so that no row can be put in the place of another.
    """

    def __init__(self, root: bytes, purpose: str) -> None:
        self._key = AESGCM(derive(root, f"{purpose} seal"))
        self._id = derive(root, f"{purpose} key id")[:_KEY_ID_BYTES]

    def seal(self, secret: bytes, about: str) -> bytes:
        """`secret`, readable for this box only."""
        nonce = os.urandom(_NONCE_BYTES)
        return self._id + nonce + self._key.encrypt(nonce, secret, self._id + about.encode())

    def open(self, sealed: bytes, about: str) -> bytes:
        """What was sealed. Raises WrongKey."""
        head, rest = sealed[:_KEY_ID_BYTES], sealed[_KEY_ID_BYTES:]
        if head != self._id:
            raise WrongKey(f"{about} was sealed with another COVERGEN_SECRET_KEY than the one of now")
        try:
            return self._key.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], self._id + about.encode())
        except (InvalidTag, ValueError):
            raise WrongKey(f"{about} is not what was sealed") from None
