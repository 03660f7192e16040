"""The pair that signs pictures, from the settings or made for development, and whom `verify` trusts."""

import os
import secrets
import shutil
from pathlib import Path

import msgspec

from adapters.provenance.chain import BadPair, SigningFiles, check_pair, development_chain
from ops.paths import Home
from ops.servers.base import write_private
from ops.settings import Settings, SettingsInvalid

ROOT, LEAF, KEY = "root.pem", "cert.pem", "key.pem"
CERTIFICATE = b"-----BEGIN CERTIFICATE-----"


def ensure_signing_files(settings: Settings) -> SigningFiles:
    """The pair of the settings, checked, or the home's own, which is made once. Raises SettingsInvalid."""
    files = _given(settings) or _made(Home(settings.home).folder("c2pa"))
    try:
        check_pair(files)
    except BadPair as error:
        raise SettingsInvalid(f"COVERGEN_C2PA_CERT and COVERGEN_C2PA_KEY cannot be used: {error}") from None
    return msgspec.structs.replace(files, authority=settings.timestamp_url or "")


def trust_file(settings: Settings) -> Path | None:
    """The list of certificates whose signatures `verify` trusts, if one is set. Raises SettingsInvalid."""
    path = settings.c2pa_trust
    try:
        if path is not None and CERTIFICATE not in path.read_bytes():
            raise SettingsInvalid(f"COVERGEN_C2PA_TRUST: {path} has no certificate in PEM")
    except OSError as error:
        raise SettingsInvalid(f"COVERGEN_C2PA_TRUST cannot be read: {path}: {error.strerror}") from None
    return path


def _given(settings: Settings) -> SigningFiles | None:
    certificates, key = settings.c2pa_cert, settings.c2pa_key
    if certificates is None and key is None:
        return None
    if certificates is None or key is None:
        raise SettingsInvalid("COVERGEN_C2PA_CERT and COVERGEN_C2PA_KEY belong together: set both or neither")
    return SigningFiles(certificates=certificates, key=key)


def _made(folder: Path) -> SigningFiles:
    """The chain for development: written whole beside its place, which the first of several processes gets."""
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = folder.with_name(f"{folder.name}.{os.getpid()}.{secrets.token_hex(4)}")
        draft.mkdir(mode=0o700)
        chain = development_chain()
        for name, pem in ((ROOT, chain.root), (LEAF, chain.certificates), (KEY, chain.key)):
            write_private(draft / name, pem.decode())
        try:
            draft.rename(folder)
        except OSError:
            shutil.rmtree(draft)  # another process was first: its chain is the one
    return SigningFiles(certificates=folder / LEAF, key=folder / KEY)
