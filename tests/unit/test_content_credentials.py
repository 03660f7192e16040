"""The pair that signs pictures: given and checked, or made once in the home."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from adapters.provenance.chain import check_pair, development_chain
from ops.content_credentials import ensure_signing_files, trust_file
from ops.settings import Settings, SettingsInvalid, read_settings


def settings(home: Path, **values: Path) -> Settings:
    """Settings with these files."""
    given = {f"COVERGEN_C2PA_{name.upper()}": str(value) for name, value in values.items()}
    return read_settings({"COVERGEN_HOME": str(home), **given}, home / "no.env")


def test_a_chain_is_made_once_and_only_for_its_owner(tmp_path: Path) -> None:
    """Several processes that start at once get the same pair; nobody else may read it, and no draft is left."""
    home = tmp_path / "home"
    with ThreadPoolExecutor(8) as pool:
        found = list(
            pool.map(lambda _: (each := ensure_signing_files(settings(home))) and each.key.read_bytes(), range(8))
        )
    assert len(set(found)) == 1
    files = ensure_signing_files(settings(home))
    check_pair(files)
    assert [each.name for each in home.iterdir()] == ["c2pa"]
    assert {stat.S_IMODE(each.stat().st_mode) for each in (home / "c2pa").iterdir()} == {0o600}
    assert {each.name for each in (home / "c2pa").iterdir()} == {"root.pem", "cert.pem", "key.pem"}


def test_a_given_pair_is_taken_or_refused(tmp_path: Path) -> None:
    """Both or neither, and belonging together; the error names the settings and shows no key."""
    chain, other = development_chain(), development_chain()
    cert, key, wrong = tmp_path / "cert.pem", tmp_path / "key.pem", tmp_path / "wrong.pem"
    cert.write_bytes(chain.certificates)
    key.write_bytes(chain.key)
    wrong.write_bytes(other.key)
    assert ensure_signing_files(settings(tmp_path, cert=cert, key=key)).key == key
    assert not (tmp_path / "c2pa").exists()
    for values in ({"cert": cert}, {"key": key}, {"cert": cert, "key": wrong}, {"cert": tmp_path / "none", "key": key}):
        with pytest.raises(SettingsInvalid, match="COVERGEN_C2PA_CERT and COVERGEN_C2PA_KEY") as caught:
            ensure_signing_files(settings(tmp_path, **values))
        assert "PRIVATE" not in str(caught.value)


def test_a_trust_list_has_certificates(tmp_path: Path) -> None:
    """None is trusted without one; a file that is none is an error at the start."""
    root, rubbish = tmp_path / "root.pem", tmp_path / "rubbish.pem"
    root.write_bytes(development_chain().root)
    rubbish.write_text("hello")
    assert trust_file(settings(tmp_path)) is None
    assert trust_file(settings(tmp_path, trust=root)) == root
    for path in (rubbish, tmp_path / "none.pem"):
        with pytest.raises(SettingsInvalid, match="COVERGEN_C2PA_TRUST"):
            trust_file(settings(tmp_path, trust=path))
