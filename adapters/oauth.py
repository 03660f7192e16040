"""What an authorization server needs of Authlib: the challenge of a verifier (RFC 7636 4.6)."""

import re

from authlib.oauth2.rfc7636 import create_s256_code_challenge

from adapters.crypto import same

S256 = "S256"
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


def is_challenge(text: str) -> bool:
    """Can it be the S256 challenge of a verifier?"""
    return _CHALLENGE.fullmatch(text) is not None


def proves(verifier: str, challenge: str) -> bool:
    """Is it the verifier behind the challenge? In a time that does not depend on where they differ."""
    if _VERIFIER.fullmatch(verifier) is None:
        return False
    return same(str(create_s256_code_challenge(verifier)).encode(), challenge.encode())
