"""The root secret: given, or made once; what is derived from it and sealed with it."""

import base64
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from adapters.crypto import Box, WrongKey, derive
from ops.credentials import ensure_secret_key, prepare_secret_key
from ops.processes import SUPERVISED_HOME
from ops.settings import Settings, SettingsInvalid, read_settings

GIVEN = base64.urlsafe_b64encode(bytes(range(32))).decode().rstrip("=")


def settings(home: Path, **values: str) -> Settings:
    """Settings with these values."""
    given = {f"COVERGEN_{name.upper()}": value for name, value in values.items()}
    return read_settings({"COVERGEN_HOME": str(home), **given}, home / "no.env")


@pytest.mark.parametrize("text", [GIVEN, GIVEN + "="])
def test_a_given_secret_is_taken(tmp_path: Path, text: str) -> None:
    """With or without padding; nothing is written, and no repr shows it."""
    given = settings(tmp_path, secret_key=text, environment="production")
    assert ensure_secret_key(given, {}) == bytes(range(32))
    assert GIVEN not in repr(given)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["short", GIVEN + "A", GIVEN[:-1] + "*", "A" * 43, base64.b64encode(b"\xff" * 32)])
def test_a_bad_secret_is_refused(tmp_path: Path, text: Any) -> None:
    """The message names the variable and does not repeat the value."""
    text = text.decode() if isinstance(text, bytes) else text
    with pytest.raises(SettingsInvalid, match="COVERGEN_SECRET_KEY must be") as caught:
        settings(tmp_path, secret_key=text)
    assert text not in str(caught.value)


def test_a_secret_is_made_once(tmp_path: Path) -> None:
    """Of many that start at once one makes it, the others read it; only the owner may."""
    given = settings(tmp_path / "home")
    with ThreadPoolExecutor(8) as threads:
        made = set(threads.map(lambda _: ensure_secret_key(given, {}), range(32)))
    assert len(made) == 1
    assert ensure_secret_key(given, {}) in made
    files = [path for path in (tmp_path / "home").iterdir() if path.is_file()]
    assert [path.name for path in files] == ["secret-key"]
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o600


def test_a_kept_secret_that_was_spoiled_is_noticed(tmp_path: Path) -> None:
    """Another one is not made in its place."""
    (tmp_path / "secret-key").write_text("spoiled")
    with pytest.raises(SettingsInvalid, match="secret-key"):
        ensure_secret_key(settings(tmp_path), {})


def test_a_node_by_itself_in_production_needs_it(tmp_path: Path) -> None:
    """It makes none, because others could not open what it seals; under a supervisor one is made."""
    alone = settings(tmp_path, environment="production", postgres_url="postgresql://db/covergen")
    with pytest.raises(SettingsInvalid, match="COVERGEN_SECRET_KEY is not set"):
        ensure_secret_key(alone, {})
    assert len(ensure_secret_key(alone, {SUPERVISED_HOME: str(tmp_path)})) == 32
    assert len(ensure_secret_key(alone, {})) == 32


def test_keys_of_a_home_are_made_for_all_its_hosts(tmp_path: Path) -> None:
    """What `covergen nats keys` makes, a node by itself in production reads."""
    alone = settings(tmp_path, environment="production")
    prepare_secret_key(alone)
    made = (tmp_path / "secret-key").read_text()
    prepare_secret_key(alone)
    assert base64.urlsafe_b64encode(ensure_secret_key(alone, {})).decode().rstrip("=") == made.strip()


def test_keys_of_purposes_differ() -> None:
    """The same for the same root and purpose, another for any other; as RFC 5869 has it."""
    one = derive(bytes(range(32)), "cookies")
    assert one == derive(bytes(range(32)), "cookies")
    assert len({one, derive(bytes(range(32)), "csrf"), derive(bytes(32), "cookies"), bytes(range(32))}) == 4
    assert len(one) == 32


def test_a_box_opens_only_what_it_sealed() -> None:
    """Not with another root, purpose or name, and not when a byte was changed; the same twice looks different."""
    root = os.urandom(32)
    box = Box(root, "keyring")
    sealed = box.seal(b"secret", "row:1")
    assert box.open(sealed, "row:1") == b"secret"
    assert box.seal(b"secret", "row:1") != sealed
    assert b"secret" not in sealed
    changed = [sealed[:i] + bytes([sealed[i] ^ 1]) + sealed[i + 1 :] for i in range(len(sealed))]
    for bad in (*changed, sealed[:-1], b"", sealed[:8]):
        with pytest.raises(WrongKey):
            box.open(bad, "row:1")
    for other, about in ((box, "row:2"), (Box(root, "other"), "row:1"), (Box(os.urandom(32), "keyring"), "row:1")):
        with pytest.raises(WrongKey):
            other.open(sealed, about)
