"""Certificates that sign: the pair that is given, checked, or a chain for development that is made once.

The profile is C2PA's for claim signing: ECDSA on P-256 (ES256), key usage `digitalSignature` alone, an extended key
usage of `emailProtection`, no authority, an authority key identifier, and an organisation in the subject. A chain of
our own making proves that a picture was not changed, not who we are: readers call it `signingCredential.untrusted`
until its root is on their trust list.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

ROOT_YEARS, LEAF_YEARS = 20, 10
YEAR = timedelta(days=365)
SIGNING = frozenset(
    {
        ExtendedKeyUsageOID.EMAIL_PROTECTION,
        ObjectIdentifier("1.3.6.1.5.5.7.3.36"),  # documentSigning
        ObjectIdentifier("1.3.6.1.4.1.62558.2.1"),  # C2PA's own claimSigning
    }
)
"""Extended key usages of which a leaf has at least one."""


class SigningFiles(msgspec.Struct, frozen=True, kw_only=True):
    """Where the pair is: PEM files. Workers are given these, never the key."""

    certificates: Path
    """The leaf first, then what issued it, without the root."""
    key: Path
    """PKCS #8, not encrypted."""
    authority: str = ""
    """The address of an authority for time stamps (RFC 3161), which is told nothing but a hash; empty: none."""


class BadPair(ValueError):
    """Certificate and key cannot sign; the message is one line and shows neither."""


class NewChain(msgspec.Struct, frozen=True):
    """PEM texts of a fresh chain."""

    root: bytes
    certificates: bytes
    key: bytes


def development_chain(organisation: str = "Covergen development") -> NewChain:
    """A root, whose key is thrown away, and a leaf with its key."""
    root_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = _root(root_key, organisation)
    leaf = _leaf(leaf_key.public_key(), root, root_key, organisation)
    pem = serialization.Encoding.PEM
    private = leaf_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return NewChain(root.public_bytes(pem), leaf.public_bytes(pem), private)


def check_pair(files: SigningFiles) -> None:
    """Raises BadPair when the files cannot be read, do not belong together, or may not sign claims now."""
    try:
        leaf = x509.load_pem_x509_certificates(files.certificates.read_bytes())[0]
        key = serialization.load_pem_private_key(files.key.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise BadPair(f"{files.certificates} and {files.key} cannot be read: {type(error).__name__}") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise BadPair(f"{files.key} is no ECDSA key on P-256")
    if leaf.public_key() != key.public_key():
        raise BadPair(f"{files.key} is not the key of the first certificate in {files.certificates}")
    if not leaf.not_valid_before_utc <= datetime.now(UTC) <= leaf.not_valid_after_utc:
        raise BadPair(f"{files.certificates} is not valid today, but until {leaf.not_valid_after_utc:%Y-%m-%d}")
    if not _may_sign(leaf):
        raise BadPair(f"{files.certificates} is not for signing: digitalSignature and emailProtection are needed")


def organisation(files: SigningFiles) -> str:
    """Whose certificate it is, in printable ASCII."""
    leaf = x509.load_pem_x509_certificates(files.certificates.read_bytes())[0]
    names = leaf.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return str(names[0].value).encode("ascii", "ignore").decode() if names else "Covergen"


def _may_sign(leaf: x509.Certificate) -> bool:
    try:
        usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
        extended = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    except x509.ExtensionNotFound:
        return False
    return usage.digital_signature and not SIGNING.isdisjoint(extended)


def _name(organisation: str, common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _builder(subject: x509.Name, public: ec.EllipticCurvePublicKey, years: int) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + years * YEAR)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _root(key: ec.EllipticCurvePrivateKey, organisation: str) -> x509.Certificate:
    name = _name(organisation, "Covergen development root")
    return (
        _builder(name, key.public_key(), ROOT_YEARS)
        .issuer_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def _leaf(
    public: ec.EllipticCurvePublicKey, root: x509.Certificate, root_key: ec.EllipticCurvePrivateKey, organisation: str
) -> x509.Certificate:
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
    return (
        _builder(_name(organisation, "Covergen Content Credentials"), public, LEAF_YEARS)
        .issuer_name(root.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(issuer, critical=False)
        .sign(root_key, hashes.SHA256())
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
