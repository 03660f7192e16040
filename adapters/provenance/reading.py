"""What a file says of its origin, read back and checked; for worker processes, as the file may be anybody's.

Nothing is fetched, and nobody is trusted but whom the given list names. `valid` says that the file is as it was signed;
`trusted` that its signer's certificate leads to one on the list.
"""

import io
import resource
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from c2pa import C2paError, Context, Reader, Settings

from adapters.provenance.apart import Unreadable
from adapters.provenance.containers import BrokenContainer, kind, packet, png_text
from adapters.provenance.metadata import label_in, label_of, source_in
from contracts.provenance import AiLabel, LabelScheme, Provenance, SignedAction, SignedIngredient

MEMORY = 2 * 1024**3
"""Bytes of address space that a process may take to read a file."""
NOBODY = "signingCredential.untrusted"
GOOD = ("Valid", "Trusted")
MOST = 100
"""Actions, ingredients and problems that are told."""
LONGEST = 300
"""Characters of a text that is told."""
NO_MANIFEST = "ManifestNotFound"


def read_within(data: bytes, trust: Path | None) -> Provenance:
    """`read` with a limit on memory, which stays on this process: for those that do nothing else."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard), hard))
    return read(data, trust)


def read(data: bytes, trust: Path | None) -> Provenance:
    """What the file says. `trust` is a PEM file of certificates; None: nobody is trusted. Raises Unreadable."""
    media_type = kind(data)
    if media_type is None:
        raise Unreadable("this is no PNG, JPEG, WebP, TIFF or PDF file")
    try:
        labels = tuple(_labels(data))
        told = _read(data, media_type, trust)
    except (C2paError, BrokenContainer, msgspec.MsgspecError, UnicodeError, MemoryError) as error:
        raise Unreadable(f"the file cannot be read: {_short(error)}") from None
    source = next((each.value for each in labels if each.scheme == "iptc"), None)
    if told is None:
        return Provenance(media_type=media_type, digital_source_type=source, ai_labels=labels)
    return _provenance(media_type, told, labels, source)


def _read(data: bytes, media_type: str, trust: Path | None) -> Mapping[str, Any] | None:
    """The report of c2pa; None when there are no credentials."""
    verify = {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": True}
    settings = {"version": 1, "verify": verify}
    if trust is not None:
        settings["trust"] = {"user_anchors": trust.read_text()}
    try:
        with (
            Context(Settings.from_dict(settings)) as context,
            Reader(media_type, io.BytesIO(data), context=context) as reader,
        ):
            return msgspec.json.decode(reader.json(), type=dict[str, Any])
    except C2paError as error:
        if NO_MANIFEST in str(error):
            return None
        raise


def _labels(data: bytes) -> Iterable[AiLabel]:
    xmp = packet(data)
    source = source_in(xmp)
    if source is not None:
        yield AiLabel(scheme="iptc", value=source)
    found: tuple[tuple[LabelScheme, Mapping[str, str] | None], ...] = (
        ("tc260-xmp", label_in(xmp)),
        ("tc260-png", label_of(png_text(data) or "")),
    )
    for scheme, label in found:
        if label is not None:
            fields = {_short(name): _short(value) for name, value in list(label.items())[:MOST]}
            yield AiLabel(scheme=scheme, value=fields.get("Label", ""), fields=fields)


def _provenance(
    media_type: str, told: Mapping[str, Any], labels: tuple[AiLabel, ...], source: str | None
) -> Provenance:
    manifests = told.get("manifests", {})
    active = manifests.get(told.get("active_manifest"), {})
    actions = tuple(_actions(active))
    state = told.get("validation_state")
    signature = active.get("signature_info", {})
    sources = [each.digital_source_type for each in reversed(actions) if each.digital_source_type]
    return Provenance(
        media_type=media_type,
        found=True,
        valid=state in GOOD,
        trusted=state == "Trusted",
        issuer=_text(signature.get("issuer")),
        signed_at=_text(signature.get("time")),
        claim_generator=_generator(active),
        title=_text(active.get("title")),
        actions=actions,
        digital_source_type=source or next(iter(sources), None),
        ingredients=tuple(_ingredients(active, manifests)),
        ai_labels=labels,
        problems=tuple(_problems(told)),
    )


def _actions(manifest: Mapping[str, Any]) -> Iterable[SignedAction]:
    rows = [
        row
        for each in manifest.get("assertions", ())
        if str(each.get("label", "")).startswith("c2pa.actions")
        for row in each.get("data", {}).get("actions", ())
    ]
    for row in rows[:MOST]:
        yield SignedAction(
            action=_short(row.get("action", "")),
            when=_text(row.get("when")),
            software_agent=_agent(row.get("softwareAgent")),
            digital_source_type=_text(row.get("digitalSourceType")),
        )


def _ingredients(manifest: Mapping[str, Any], manifests: Mapping[str, Any]) -> Iterable[SignedIngredient]:
    for each in manifest.get("ingredients", ())[:MOST]:
        known = manifests.get(each.get("active_manifest"))
        yield SignedIngredient(
            title=_text(each.get("title")),
            relationship=_short(each.get("relationship", "")),
            credentials=known is not None,
            claim_generator=None if known is None else _generator(known),
            actions=() if known is None else tuple(row.action for row in _actions(known)),
        )


def _problems(told: Mapping[str, Any]) -> Iterable[str]:
    """Codes of what is wrong, of the picture itself and of what it was made from, each once."""
    results = told.get("validation_results", {})
    parts = [results.get("activeManifest", {})]
    parts += [each.get("validationDeltas", {}) for each in results.get("ingredientDeltas", ())]
    codes = [_short(row.get("code", "")) for part in parts for row in part.get("failure", ())]
    return list(dict.fromkeys(codes))[:MOST]


def _generator(manifest: Mapping[str, Any]) -> str | None:
    infos = manifest.get("claim_generator_info") or ()
    return _agent(infos[0]) if infos else _text(manifest.get("claim_generator"))


def _agent(value: Any) -> str | None:
    """Name and version in one line; a plain text in older manifests."""
    if isinstance(value, dict):
        return _short(f"{value.get('name', '')} {value.get('version', '')}".strip())
    return _text(value)


def _text(value: Any) -> str | None:
    return None if value is None else _short(value)


def _short(value: object) -> str:
    return str(value)[:LONGEST]
