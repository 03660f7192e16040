"""Settings: read once, from the environment and from `.env`, into one frozen value.

`settings_table.py` is the whole list as data. The real environment wins over `.env`; an empty value means the default.
`Settings.environ()` gives the same settings back as variables, which is how the supervisor hands them to the processes
that it starts.
"""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

import msgspec

from adapters.images.registered import NEEDED, read_preferences
from ops.failure import Failure
from ops.settings_table import PREFIX, SETTINGS, Setting, variable

KEYS = ("openai_key", "stability_key", "replicate_token", "replicate_webhook_secret")
SECRETS = ("admin_password", "secret_key", "google_client", "github_client", "oidc", *KEYS)
"""Never shown."""

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["json", "text"]
Environment = Literal["development", "production"]
FaultPolicy = Literal["auto", "allowed", "never"]


def reached(host: str, port: int) -> str:
    """The address of a server that listens there, for who is on this machine."""
    host = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 -- an address that is replaced
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class SettingsInvalid(Failure):
    """A setting cannot be used; the message is one line and begins with the variable's name."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting, with its type. A URL that is None means the embedded server of that kind."""

    home: Path
    environment: Environment
    region: str
    http_host: str
    http_port: int
    http_workers: int
    node_processes: int
    admin_email: str
    admin_password: str | None
    secret_key: str | None
    nats_url: str | None
    postgres_url: str | None
    mongo_url: str | None
    redis_url: str | None
    objects_url: str
    images: str
    openai_key: str | None
    openai_url: str
    openai_model: str
    openai_prices: str
    moderation: str
    stability_key: str | None
    stability_url: str
    stability_model: str
    a1111_url: str | None
    replicate_token: str | None
    replicate_webhook_secret: str | None
    replicate_url: str
    replicate_model: str
    replicate_price: str
    paint_processes: int
    image_seconds: int
    breaker_failures: int
    breaker_seconds: int
    retry_seconds: str
    max_wait: int
    rate_limits: str
    trusted_proxies: str
    deny: str
    allow: str
    admin_allow: str
    cors_origins: str
    max_connections: int
    max_connections_per_address: int
    mail_url: str | None
    mail_from: str
    public_url: str | None
    google_client: str
    github_client: str
    oidc: str
    faults: FaultPolicy
    c2pa_cert: Path | None
    c2pa_key: Path | None
    c2pa_trust: Path | None
    timestamp_url: str | None
    otlp_url: str | None
    trace_ratio: str
    log_level: LogLevel
    log_format: LogFormat

    @property
    def faults_allowed(self) -> bool:
        """May faults be injected here?"""
        return self.faults == "allowed" or (self.faults == "auto" and self.environment == "development")

    @property
    def own_url(self) -> str:
        """Where the edge listens, as a browser on this machine reaches it."""
        return reached(self.http_host, self.http_port)

    def environ(self) -> dict[str, str]:
        """These settings as environment variables; one that is not set is empty, so that `.env` cannot change it."""
        return {variable(row.name): _as_text(getattr(self, row.name)) for row in SETTINGS}

    def __repr__(self) -> str:
        shown = (f"{row.name}={_masked(row.name, getattr(self, row.name))!r}" for row in SETTINGS)
        return f"Settings({', '.join(shown)})"


def read_settings(environ: Mapping[str, str], dotenv: Path) -> Settings:
    """Settings from `environ` over the file `dotenv` (which may be missing).

    Raises SettingsInvalid, with the variable's name, on the first value that cannot be used.
    """
    given = {**_read_dotenv(dotenv), **{name: text for name, text in environ.items() if name.startswith(PREFIX)}}
    found = {row.name: _value(row, given.get(variable(row.name), "").strip()) for row in SETTINGS}
    if found["objects_url"] is None:
        found["objects_url"] = f"file://{found['home']}/objects"
    _check_models(found)
    return Settings(**found)


def load_settings() -> Settings:
    """Settings of this process: its environment and the `.env` of its working folder."""
    return read_settings(os.environ, Path(".env"))


def _value(row: Setting, text: str) -> Any:
    text = text or row.default
    try:
        return row.parse(text)
    except ValueError as error:
        raise SettingsInvalid(f"{variable(row.name)} {error}") from None


def _check_models(found: Mapping[str, Any]) -> None:
    """Every image model that is named can be asked."""
    for model in read_preferences(found["images"]).names:
        needed = NEEDED.get(model)
        if needed is not None and found[needed] is None:
            raise SettingsInvalid(f"{variable(needed)} must be set, because {variable('images')} names {model}")


def _read_dotenv(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"{path} cannot be read: {error}") from None
    pairs = [_pair(path, number, line) for number, line in enumerate(lines, 1)]
    return {name: text for name, text in filter(None, pairs) if name.startswith(PREFIX)}


def _pair(path: Path, number: int, line: str) -> tuple[str, str] | None:
    line = line.strip()
    if not line or line.startswith("#"):
        return None
    name, equals, text = line.removeprefix("export ").partition("=")
    name = name.strip()
    if not equals:
        raise SettingsInvalid(f"{path} line {number} is not NAME=VALUE")
    _refuse_unknown(path, name)
    return name, _unquoted(text.strip())


def _refuse_unknown(path: Path, name: str) -> None:
    known = [variable(row.name) for row in SETTINGS]
    if not name.startswith(PREFIX) or name in known:
        return
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise SettingsInvalid(f"{name} in {path} is not a setting{hint}")


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return text.split(" #", 1)[0].rstrip()


def _as_text(value: object) -> str:
    return "" if value is None else str(value)


def _masked(name: str, value: object) -> object:
    if name in SECRETS:
        return value and "***"
    if name.endswith("_url") and isinstance(value, str):
        parts = urlsplit(value)
        return urlunsplit(parts._replace(netloc="***@" + parts.netloc.rpartition("@")[2])) if parts.password else value
    return value
