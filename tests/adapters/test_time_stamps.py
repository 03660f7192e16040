"""Time stamps of an authority in credentials: read back, checked by OpenSSL, and done without when there are none."""

import hashlib
import logging
import shutil
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from adapters.provenance import stamping
from adapters.provenance.chain import SigningFiles, development_chain
from adapters.provenance.claims import Agent, Claim
from adapters.provenance.reading import read
from adapters.provenance.signatory import render_signed, sign_all
from adapters.provenance.signing import sign
from adapters.rendering import RenderOrder
from ops.content_credentials import ensure_signing_files
from ops.settings import SettingsInvalid, read_settings
from tests.support import credentials
from tests.support.fake_images import art
from tests.support.time_authority import Authority, an_authority

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed: it is the authority")
REPLY = "application/timestamp-reply"
PICTURE = art(160, 256)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> SigningFiles:
    """Without an authority."""
    folder, chain = tmp_path_factory.mktemp("pair"), development_chain()
    (folder / "cert.pem").write_bytes(chain.certificates)
    (folder / "key.pem").write_bytes(chain.key)
    return SigningFiles(certificates=folder / "cert.pem", key=folder / "key.pem")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    """One authority for all tests."""
    with an_authority(tmp_path_factory.mktemp("authority")) as authority:
        yield authority


@pytest.fixture
def authority(served: Authority) -> Authority:
    """It answers as it should, and was not asked yet."""
    served.answer = None
    served.queries.clear()
    return served


@pytest.fixture
def files(pair: SigningFiles, authority: Authority) -> SigningFiles:
    """With the authority."""
    return msgspec.structs.replace(pair, authority=authority.url)


def claim() -> Claim:
    """Of a new picture."""
    agent = Agent("Covergen", "1.2.3")
    return Claim(agent=agent, cover_id="0d4f", version="1", model=Agent("painter", "7"), at=datetime.now(UTC))


def stamped(data: bytes) -> tuple[bytes, str] | None:
    """The token in the signature of the active manifest, and the hash of what it must be about: the signature, as a
    countersignature of COSE (RFC 8152, 4.5)."""
    *_, active = next(credentials.boxes(credentials.store(data))).inner
    protected, unprotected, _, signature = active["c2pa.signature"].value
    if "sigTst2" not in unprotected:
        return None
    parts = (b"\x70CounterSignature", *map(_bytes, (protected, b"", _bytes(signature))))
    (token,) = unprotected["sigTst2"]["tstTokens"]
    return token["val"], hashlib.sha256(b"\x84" + b"".join(parts)).hexdigest()


def _bytes(data: bytes) -> bytes:
    """A byte string of CBOR."""
    size = len(data)
    if size < 24:
        return bytes((0x40 | size,)) + data
    return (bytes((0x58, size)) if size < 256 else b"\x59" + size.to_bytes(2, "big")) + data


def test_a_stamp_says_when_and_openssl_agrees(files: SigningFiles, authority: Authority) -> None:
    """Valid as before; the token is of this authority and about this very signature; it was told a hash alone."""
    began = datetime.now(UTC).replace(microsecond=0)
    data = sign(PICTURE, claim(), files)
    found, stamp = read(data, None), stamped(data)

    assert (found.valid, found.problems) == (True, ("signingCredential.untrusted",))
    assert found.signed_at is not None
    assert began <= datetime.fromisoformat(found.signed_at) <= datetime.now(UTC)
    assert stamp is not None
    assert authority.verified(*stamp)
    assert not authority.verified(stamp[0], hashlib.sha256(b"another").hexdigest())
    assert [len(query) < 100 for query in authority.queries] == [True]


def test_without_an_authority_nobody_is_asked(pair: SigningFiles, authority: Authority) -> None:
    """The default: no stamp, no time but the one that is claimed."""
    data = sign(PICTURE, claim(), pair)

    assert (read(data, None).signed_at, stamped(data), authority.queries) == (None, None, [])


@pytest.mark.parametrize(
    "answer",
    [
        (500, "text/plain", b"broken"),
        (302, REPLY, b"moved"),
        (200, "text/html", b"<html>sign in to this network"),
        (200, REPLY, b"not ASN.1"),
        (200, REPLY, bytes(stamping.MAX_REPLY + 1)),
    ],
)
def test_an_authority_that_answers_strangely_is_done_without(
    files: SigningFiles, authority: Authority, answer: tuple[int, str, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    """The picture is signed without a stamp, and the log says so in one warning."""
    authority.answer = answer
    with caplog.at_level(logging.WARNING):
        found = read(sign(PICTURE, claim(), files), None)

    assert (found.valid, found.signed_at) == (True, None)
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == ["no time stamp"]


def test_the_stamp_of_something_else_is_not_taken(files: SigningFiles, authority: Authority) -> None:
    """An old reply is about another signature: what is read back is never valid with its time."""
    sign(PICTURE, claim(), files)
    authority.answer = (200, REPLY, authority.reply(authority.queries[0]))
    found = read(sign(PICTURE, claim(), files), None)

    assert (found.valid, found.signed_at) == (True, None)


def test_an_authority_that_is_away_is_done_without(pair: SigningFiles) -> None:
    """Nobody listens there."""
    found = read(sign(PICTURE, claim(), msgspec.structs.replace(pair, authority="http://127.0.0.1:1/")), None)

    assert (found.valid, found.signed_at) == (True, None)


def test_an_authority_that_hangs_is_not_waited_for(pair: SigningFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the connection and says nothing; the limit is shortened for the test, from five seconds."""
    monkeypatch.setattr(stamping, "SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        began = time.monotonic()
        found = read(sign(PICTURE, claim(), msgspec.structs.replace(pair, authority=address)), None)

    assert (found.valid, found.signed_at) == (True, None)
    assert time.monotonic() - began < 5


def test_the_setting_reaches_who_signs(tmp_path: Path, authority: Authority) -> None:
    """COVERGEN_TIMESTAMP_URL is in what workers are given; unset there is none, and what is no address is refused."""
    given = {"COVERGEN_HOME": str(tmp_path), "COVERGEN_TIMESTAMP_URL": authority.url}
    files = ensure_signing_files(read_settings(given, tmp_path / "none"))
    unset = ensure_signing_files(read_settings({"COVERGEN_HOME": str(tmp_path)}, tmp_path / "none"))

    assert (files.authority, unset.authority) == (authority.url, "")
    assert stamped(sign(PICTURE, claim(), files)) is not None
    with pytest.raises(SettingsInvalid, match="COVERGEN_TIMESTAMP_URL must be"):
        read_settings({**given, "COVERGEN_TIMESTAMP_URL": "timestamp.example.org"}, tmp_path / "none")


def test_small_pictures_need_no_stamp(files: SigningFiles, authority: Authority) -> None:
    """Of a picture and its small ones only the first asks."""
    made = sign_all((PICTURE, art(64, 96)), claim(), files, None)

    assert [stamped(each) is not None for each in made] == [True, False]
    assert len(authority.queries) == 1


def test_an_export_has_room_for_its_stamp(files: SigningFiles) -> None:
    """Within the limit of a small file, stamp and history fit."""
    cover = sign(PICTURE, claim(), files)
    order = RenderOrder(media_type="image/jpeg", max_bytes=60_000)
    derived = msgspec.structs.replace(claim(), model=None, actions=("c2pa.published",), version="export 1 jpeg")
    export = render_signed(cover, order, derived, files)

    assert export.measured.size <= order.max_bytes
    assert stamped(export.data) is not None
    assert [each.credentials for each in read(export.data, None).ingredients] == [True]
