"""Secrets made at the first start: NKEYs of the users of NATS, the administrator's password, and the root secret; all
mode 600."""

import base64
import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

import nkeys

from ops.canary import read_weights, write_mappings
from ops.nats_accounts import SYSTEM_USER, USERS, render_accounts, variable
from ops.paths import NATS_FOLDER, Home
from ops.processes import SUPERVISED_HOME
from ops.servers.base import kept_secret, write_private
from ops.settings import Settings, SettingsInvalid
from ops.values import root_secret

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


def ensure_secret_key(settings: Settings, environ: Mapping[str, str] = os.environ) -> bytes:
    """The root secret, 32 bytes: the setting, or one that is made once and kept in the home.

    Raises SettingsInvalid when the kept one cannot be read, and for a node that is hosted by itself in production
    without either: each host would make another one, and none could open what the others have sealed.
    """
    if settings.secret_key:
        return root_secret(settings.secret_key)
    path = Home(settings.home).secret_key
    if not path.exists():
        if settings.environment == "production" and SUPERVISED_HOME not in environ:
            raise SettingsInvalid(
                "COVERGEN_SECRET_KEY is not set: in production a node by itself must be given the one that all nodes "
                f"of this database share (or a copy of it in {path}, which `covergen nats keys` makes)"
            )
        _make_secret_key(path)
    try:
        return root_secret(path.read_text())
    except (ValueError, OSError) as error:
        raise SettingsInvalid(f"COVERGEN_SECRET_KEY is kept in {path}, which cannot be used: {error}") from None


def prepare_secret_key(settings: Settings) -> None:
    """Make the root secret of this home, which all hosts share, unless it is given or there. Idempotent."""
    path = Home(settings.home).secret_key
    if not settings.secret_key and not path.exists():
        _make_secret_key(path)


def _make_secret_key(path: Path) -> None:
    """Written whole beside it and then given its name, which the first of several processes gets."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    write_private(draft, base64.urlsafe_b64encode(secrets.token_bytes(SEED_BYTES)).rstrip(b"=").decode() + "\n")
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first: its secret is the one
    finally:
        draft.unlink()


def _ensure_seed(path: Path) -> bytes:
    if not path.exists():
        seed = nkeys.encode_seed(os.urandom(SEED_BYTES), nkeys.PREFIX_BYTE_USER)
        write_private(path, seed.decode() + "\n")
    return path.read_bytes().strip()


def _public_key(seed: bytes) -> str:
    public: bytes = nkeys.from_seed(bytearray(seed)).public_key
    return public.decode()
