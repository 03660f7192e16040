"""Secrets made at the first start: NKEYs of the users of NATS, and the administrator's password; all mode 600."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import nkeys  # type: ignore[import-untyped]  # ships no types

from ops.canary import read_weights, write_mappings
from ops.nats_accounts import SYSTEM_USER, USERS, render_accounts, variable
from ops.paths import NATS_FOLDER, Home
from ops.servers.base import kept_secret, write_private
from ops.settings import Settings

SEED_BYTES = 32


def seed_file(home: Home, user: str) -> Path:
    """Where a user's seed is kept: the form that `nats --nkey` takes."""
    return home.creds / f"{user}.nk"


def ensure_keys(home: Home, users: Iterable[str] = (*USERS, SYSTEM_USER)) -> Mapping[str, str]:
    """Make the seeds that are missing; returns the public key of every user."""
    home.create()
    home.creds.mkdir(exist_ok=True, mode=0o700)
    return {user: _public_key(_ensure_seed(seed_file(home, user))) for user in users}


def write_nats_config(settings: Settings) -> Path:
    """Lay out the configuration of the server under the home; returns the file to start it with."""
    home = Home(settings.home)
    public = ensure_keys(home)
    folder = home.nats_config.parent
    folder.mkdir(exist_ok=True, mode=0o700)
    home.nats_config.write_text((NATS_FOLDER / "server.conf").read_text())
    (folder / "accounts.conf").write_text(render_accounts())
    write_mappings(home, read_weights(home))
    (folder / "keys.conf").write_text(render_keys(public))
    return home.nats_config


def render_keys(public: Mapping[str, str]) -> str:
    """The text of `keys.conf`: one variable per user. Public keys are no secrets."""
    rows = (f'{variable(user)}: "{key}"' for user, key in sorted(public.items()))
    return "# Public keys of the NATS users; their seeds are in creds/.\n" + "\n".join(rows) + "\n"


def ensure_admin_password(settings: Settings) -> str:
    """The administrator's password: the setting, or one that is made once and kept in the home."""
    if settings.admin_password:
        return settings.admin_password
    home = Home(settings.home)
    home.create()
    return kept_secret(home.admin_password)


def _ensure_seed(path: Path) -> bytes:
    if not path.exists():
        seed = nkeys.encode_seed(os.urandom(SEED_BYTES), nkeys.PREFIX_BYTE_USER)
        write_private(path, seed.decode() + "\n")
    return path.read_bytes().strip()


def _public_key(seed: bytes) -> str:
    public: bytes = nkeys.from_seed(bytearray(seed)).public_key
    return public.decode()
