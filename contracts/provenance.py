"""What a file says of its origin: the answer of `verify`, wherever it is asked."""

from collections.abc import Mapping
from typing import Literal

import msgspec

LabelScheme = Literal["iptc", "tc260-xmp", "tc260-png"]


class SignedAction(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was done to the picture, as its credentials say."""

    action: str
    """A word of C2PA such as `c2pa.created`."""
    when: str | None = None
    software_agent: str | None = None
    digital_source_type: str | None = None


class SignedIngredient(msgspec.Struct, frozen=True, kw_only=True):
    """What the picture was made from."""

    title: str | None = None
    relationship: str
    """`parentOf`, `componentOf` or `inputTo`."""
    credentials: bool
    """Had it credentials of its own?"""
    claim_generator: str | None = None
    actions: tuple[str, ...] = ()


class AiLabel(msgspec.Struct, frozen=True, kw_only=True):
    """A label that is not signed by itself, but in a signed file is covered by its signature."""

    scheme: LabelScheme
    value: str
    """IPTC's digital source type, or what China's label has in `Label`."""
    fields: Mapping[str, str] = {}
    """China's label as a whole."""


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """What a file says of its origin. Without credentials `found` is false, and `valid` and `trusted` are too."""

    media_type: str
    found: bool = False
    valid: bool = False
    """Are the credentials whole and about these very bytes?"""
    trusted: bool = False
    """Is the signer on the list of those whom this server trusts?"""
    issuer: str | None = None
    """The organisation in the signer's certificate; only as good as `trusted`."""
    signed_at: str | None = None
    """When, as a time stamp in the file says (RFC 3161); its authority is held against no list."""
    claim_generator: str | None = None
    """The program that signed, with its version."""
    title: str | None = None
    actions: tuple[SignedAction, ...] = ()
    digital_source_type: str | None = None
    """A word of IPTC's vocabulary, as an address."""
    ingredients: tuple[SignedIngredient, ...] = ()
    ai_labels: tuple[AiLabel, ...] = ()
    problems: tuple[str, ...] = ()
    """Codes of C2PA for what is wrong, e.g. `assertion.dataHash.mismatch`, `signingCredential.untrusted`."""
