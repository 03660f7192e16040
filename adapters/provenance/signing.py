"""A finished file gets its labels and its Content Credentials; for worker processes."""

import io
import logging

from c2pa import (
    Builder,
    C2paError,
    C2paSignerInfo,
    Context,
    Settings,
    Signer,
)

from adapters.provenance.chain import SigningFiles, organisation
from adapters.provenance.claims import (
    ALGORITHMIC,
    SYNTHETIC,
    Claim,
    Json,
    art_source,
    ingredient,
    labelled,
    manifest,
    whole_source,
)
from adapters.provenance.containers import embedded, kind, packet
from adapters.provenance.label import with_visible_label
from adapters.provenance.metadata import aigc, source_in, xmp
from adapters.provenance.stamping import relayed

log = logging.getLogger(__name__)

WITHOUT_NETWORK = {
    "remote_manifest_fetch": False,
    "ocsp_fetch": False,
    "verify_after_reading": False,
    "verify_after_sign": False,
}
"""We read ourselves what we have signed, in the tests; and never what an address in a picture names."""
SETTINGS = {
    "version": 1,
    "verify": WITHOUT_NETWORK,
    "builder": {"thumbnail": {"enabled": False}, "generate_c2pa_archive": False},
}


class Unsignable(ValueError):
    """The file cannot take credentials."""


def sign(
    picture: bytes, claim: Claim, files: SigningFiles, parent: bytes | None = None, *, visible: bool = True
) -> bytes:
    """`picture` with everything that is claimed of it; its pixels change only where a region asks for a visible label.

    `parent` is what a derived picture was made from, with its own credentials if it has some. Without `visible` the
    label that people see is taken to be there already. Not deterministic: a manifest has ids of its own, and ECDSA a
    nonce. With an authority among `files` it gets that one's time stamp, or none when it gives none. Raises Unsignable.
    """
    media_type = kind(picture)
    if media_type is None:
        raise Unsignable("this format takes no credentials")
    source = _source(claim, parent)
    try:
        if visible and labelled(claim.region):
            picture = with_visible_label(picture, media_type)
        marked = _marked(picture, media_type, claim, source, files)
        return _signed(marked, media_type, claim, source, files, parent)
    except (C2paError, ValueError, OSError) as error:
        raise Unsignable(f"the picture cannot be signed: {error}") from None


def _source(claim: Claim, parent: bytes | None) -> str:
    """Of a part that a trained model painted the whole has something, whatever it was made from."""
    if claim.model is not None:
        return whole_source(claim.model.name)
    if claim.painted_by is not None and art_source(claim.painted_by.name) != ALGORITHMIC:
        return whole_source(claim.painted_by.name)
    return _source_of(parent)


def _source_of(parent: bytes | None) -> str:
    return (parent and source_in(packet(parent))) or SYNTHETIC


def _marked(picture: bytes, media_type: str, claim: Claim, source: str, files: SigningFiles) -> bytes:
    label = aigc(organisation(files), claim.identity) if labelled(claim.region) else None
    return embedded(picture, media_type, xmp(source, label), label)


def _signed(
    picture: bytes, media_type: str, claim: Claim, source: str, files: SigningFiles, parent: bytes | None
) -> bytes:
    definition = manifest(claim, media_type, source)
    if files.authority:
        with relayed(files.authority) as address:
            try:
                return _built(picture, media_type, definition, files, parent, address)
            except C2paError as error:
                # Whatever else may be wrong is wrong without a stamp too.
                log.warning("no time stamp: %s", str(error)[:200], extra={"action": "no_time_stamp"})
    return _built(picture, media_type, definition, files, parent, None)


def _built(
    picture: bytes, media_type: str, definition: Json, files: SigningFiles, parent: bytes | None, stamps: str | None
) -> bytes:
    pair, address = (files.certificates.read_bytes(), files.key.read_bytes()), stamps and stamps.encode()
    info = C2paSignerInfo(b"es256", *pair, address)
    out = io.BytesIO()
    with (
        Context(Settings.from_dict(SETTINGS)) as context,
        Signer.from_info(info) as signer,
        Builder(definition, context) as builder,
    ):
        if parent is not None and (before := kind(parent)) is not None:
            builder.add_ingredient(ingredient(before), before, io.BytesIO(parent))
        builder.sign(signer, media_type, io.BytesIO(picture), out)
    return out.getvalue()
