"""Settings: read once, from the environment and from `.env`, into one frozen value.

`SETTINGS` is the whole list as data; `.env.example` and the table in the README are rendered from it. The real
environment wins over `.env`; an empty value means the default. `Settings.environ()` gives the same settings back as
variables, which is how the supervisor hands them to the processes that it starts.
"""

import base64
import difflib
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

import msgspec

from adapters.identity.registered import read_client, read_issuers
from adapters.mail import mail_sender, mail_server
from edge.address import networks
from edge.rates import read_rates
from ops.failure import Failure

PREFIX = "COVERGEN_"
SECRETS = ("admin_password", "secret_key", "google_client", "github_client", "oidc")
"""Never shown."""
MAX_PORT = 65535
LEAST_DIFFERENT = 8
"""Different bytes in a secret: 32 random ones have about 30, one typed by hand may have a few."""
RETRIES, LEAST_WAIT, MOST_WAIT = 3, 0.1, 600
"""A job has four deliveries; the seconds between them."""

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["json", "text"]
Environment = Literal["development", "production"]
FaultPolicy = Literal["auto", "allowed", "never"]


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
    log_level: LogLevel
    log_format: LogFormat

    @property
    def faults_allowed(self) -> bool:
        """May faults be injected here?"""
        return self.faults == "allowed" or (self.faults == "auto" and self.environment == "development")

    @property
    def own_url(self) -> str:
        """Where the edge listens, as a browser on this machine reaches it."""
        everywhere = self.http_host in ("0.0.0.0", "::")  # noqa: S104 -- an address that is replaced
        host = "127.0.0.1" if everywhere else self.http_host
        return f"http://[{host}]:{self.http_port}" if ":" in host else f"http://{host}:{self.http_port}"

    def environ(self) -> dict[str, str]:
        """These settings as environment variables; one that is not set is empty, so that `.env` cannot change it."""
        return {variable(row.name): _as_text(getattr(self, row.name)) for row in SETTINGS}

    def __repr__(self) -> str:
        shown = (f"{row.name}={_masked(row.name, getattr(self, row.name))!r}" for row in SETTINGS)
        return f"Settings({', '.join(shown)})"


class Setting(msgspec.Struct, frozen=True):
    """One row: the field's name, its default as one would write it, how text becomes a value, what it means."""

    name: str
    default: str
    parse: Callable[[str], object]
    doc: str


def variable(name: str) -> str:
    """The environment variable of a field: `http_port` is `COVERGEN_HTTP_PORT`."""
    return PREFIX + name.upper()


def read_settings(environ: Mapping[str, str], dotenv: Path) -> Settings:
    """Settings from `environ` over the file `dotenv` (which may be missing).

    Raises SettingsInvalid, with the variable's name, on the first value that cannot be used.
    """
    given = {**_read_dotenv(dotenv), **{name: text for name, text in environ.items() if name.startswith(PREFIX)}}
    values = {row.name: _value(row, given.get(variable(row.name), "").strip()) for row in SETTINGS}
    if values["objects_url"] is None:
        values["objects_url"] = f"file://{values['home']}/objects"
    return Settings(**values)


def load_settings() -> Settings:
    """Settings of this process: its environment and the `.env` of its working folder."""
    return read_settings(os.environ, Path(".env"))


def render_env_example() -> str:
    """The text of `.env.example`: every setting with its meaning, commented out at its default."""
    head = "# Covergen's settings. Copy to .env and uncomment what you change; the real environment wins.\n"
    rows = (f"# {row.doc}\n#{variable(row.name)}={row.default}\n" for row in SETTINGS)
    return "\n".join((head, *rows))


def render_settings_table() -> str:
    """The README's table of settings, as Markdown."""
    rows = (f"| `{variable(row.name)}` | {f'`{row.default}`' if row.default else ''} | {row.doc} |" for row in SETTINGS)
    return "\n".join(("| variable | default | meaning |", "|---|---|---|", *rows)) + "\n"


def _value(row: Setting, text: str) -> Any:
    text = text or row.default
    try:
        return row.parse(text)
    except ValueError as error:
        raise SettingsInvalid(f"{variable(row.name)} {error}") from None


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


def _text(text: str) -> str:
    if not text:
        raise ValueError("must not be empty")
    return text


def _optional(text: str) -> str | None:
    return text or None


def _secret_key(text: str) -> str | None:
    if text:
        root_secret(text)
    return text or None


def root_secret(text: str) -> bytes:
    """The 32 bytes that `text` says in base64url, with or without padding. Raises ValueError without repeating it."""
    bare = text.strip().rstrip("=")
    if re.fullmatch(r"[A-Za-z0-9_-]{43}", bare) is None:
        raise ValueError("must be 32 bytes in base64url, 43 characters: openssl rand -base64 32 | tr '+/' '-_'")
    root = base64.urlsafe_b64decode(bare + "=")
    if len(set(root)) < LEAST_DIFFERENT:
        raise ValueError("must be random")
    return root


def _folder(text: str) -> Path:
    return Path(text).expanduser().resolve()


def _email(text: str) -> str:
    if text.count("@") != 1 or text.startswith("@") or text.endswith("@"):
        raise ValueError(f"must be an e-mail address, not {text!r}")
    return text


def _number(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}, not {text!r}")
        return int(text)

    return parse


def _choice(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(f"must be {' or '.join(words)}, not {text!r}")
        return text

    return parse


def _url(*schemes: str) -> Callable[[str], str | None]:
    def parse(text: str) -> str | None:
        if text and (urlsplit(text).scheme not in schemes or "://" not in text):
            # The value is not repeated: a URL may hold a password.
            raise ValueError(f"must be a URL that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        return text or None

    return parse


def _mail_url(text: str) -> str | None:
    if text:
        mail_server(text)
    return text or None


def _public_url(text: str) -> str | None:
    parts = urlsplit(text)
    if text and (parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment):
        raise ValueError("must be an address such as https://covers.example.org")
    return text.rstrip("/") or None


def _checked(check: Callable[[str], object]) -> Callable[[str], str]:
    """Text that `check` can read, or none."""

    def parse(text: str) -> str:
        if text:
            check(text)
        return text

    return parse


def _networks(text: str) -> str:
    try:
        networks(text)
    except ValueError as error:
        raise ValueError(f"must be networks such as 10.0.0.0/8: {error}") from None
    return text


def _origins(text: str) -> str:
    for origin in words(text):
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or origin != f"{parts.scheme}://{parts.netloc.lower()}":
            raise ValueError(f"must be origins such as https://app.example.org, not {origin!r}")
    return text


def words(text: str) -> tuple[str, ...]:
    """What stands between commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def waits(text: str) -> tuple[float, ...]:
    """Three waits in seconds, from 0.1 to 600 each. Raises ValueError."""
    try:
        found = tuple(float(word) for word in words(text))
    except ValueError:
        found = ()
    if len(found) != RETRIES or not all(LEAST_WAIT <= wait <= MOST_WAIT for wait in found):
        raise ValueError(f"must be three numbers of seconds from {LEAST_WAIT} to {MOST_WAIT}, not {text!r}")
    return found


def _paint_processes(text: str) -> int:
    return _number(1, 256)(text) if text else max(1, (os.cpu_count() or 1) - 1)


SETTINGS: tuple[Setting, ...] = (
    Setting("home", "./var", _folder, "The folder of all data, logs and keys."),
    Setting("environment", "development", _choice("development", "production"), "`development` or `production`."),
    Setting("region", "local", _text, "The name of this region, carried by every message."),
    Setting("http_host", "127.0.0.1", _text, "The address that the edge listens on."),
    Setting("http_port", "8080", _number(0, MAX_PORT), "The edge's port; 0 picks a free one."),
    Setting("http_workers", "1", _number(1, 64), "Edge processes that share the port."),
    Setting("node_processes", "1", _number(1, 64), "Processes that each host all nodes; with two, one may restart."),
    Setting("admin_email", "admin@covergen.local", _email, "The first administrator."),
    Setting("admin_password", "", _optional, "Made at the first start and written to `$COVERGEN_HOME/admin-password`."),
    Setting(
        "secret_key",
        "",
        _secret_key,
        "32 random bytes as base64url: the root of all other secrets; made once in `$COVERGEN_HOME/secret-key`.",
    ),
    Setting("nats_url", "", _url("nats", "tls"), "A NATS server instead of the embedded one."),
    Setting("postgres_url", "", _url("postgresql", "postgres"), "A PostgreSQL server instead of the embedded one."),
    Setting("mongo_url", "", _url("mongodb", "mongodb+srv"), "A MongoDB server instead of the embedded one."),
    Setting("redis_url", "", _url("redis", "rediss"), "A Redis or Valkey server instead of the embedded one."),
    Setting("objects_url", "", _url("file", "nats"), "`file://FOLDER` or `nats://BUCKET`; `$COVERGEN_HOME/objects`."),
    Setting("images", "painter", _choice("painter"), "The image model; `painter` is built in."),
    Setting("paint_processes", "", _paint_processes, "Processes that paint; one fewer than the processors."),
    Setting("image_seconds", "60", _number(1, 3600), "Seconds that one picture may take."),
    Setting("breaker_failures", "5", _number(1, 1000), "Failures in a row after which a target is left alone."),
    Setting("breaker_seconds", "30", _number(1, 3600), "Seconds until it is tried again; twice as long each time."),
    Setting("retry_seconds", "1,2,4", _checked(waits), "Seconds before a job that failed is tried again, each time."),
    Setting(
        "max_wait", "600", _number(1, 86_400), "Seconds until a new cover begins, beyond which orders are refused."
    ),
    Setting(
        "rate_limits",
        "on",
        _checked(read_rates),
        "`on`, `off`, or other quotas: `free=1200,login-account=5` (`edge/rates.py`).",
    ),
    Setting("trusted_proxies", "", _networks, "Networks whose X-Forwarded-For is believed: `10.0.0.0/8,::1`."),
    Setting("deny", "", _networks, "Networks that are turned away: `203.0.113.0/24,2001:db8::/32`."),
    Setting("allow", "", _networks, "Nobody else may come than these networks; empty: everybody."),
    Setting("admin_allow", "", _networks, "The same for the routes of administrators."),
    Setting("cors_origins", "", _origins, "Whose pages may call the API: `https://app.example.org,https://…`."),
    Setting("max_connections", "6000", _number(1, 1_000_000), "HTTP connections of one edge process."),
    Setting(
        "max_connections_per_address",
        "200",
        _number(1, 1_000_000),
        "The same of one client's address; neither of this machine nor of trusted proxies.",
    ),
    Setting("mail_url", "", _mail_url, "`smtp://USER:PASSWORD@HOST:587` or `smtps://`; `$COVERGEN_HOME/mail`."),
    Setting("mail_from", "Covergen <covergen@localhost>", mail_sender, "The sender of mails."),
    Setting("public_url", "", _public_url, "Where users reach the edge: links in mails begin so; its own address."),
    Setting("google_client", "", _checked(read_client), "`ID:SECRET` of the OAuth client at Google, to sign in there."),
    Setting("github_client", "", _checked(read_client), "`ID:SECRET` of the OAuth app at GitHub, to sign in there."),
    Setting("oidc", "", _checked(read_issuers), "Other OpenID Connect issuers: `NAME=ID:SECRET@https://ISSUER,…`."),
    Setting(
        "faults",
        "auto",
        _choice("auto", "allowed", "never"),
        "May `covergen fault` break things? `auto`: only in development.",
    ),
    Setting("log_level", "info", _choice("debug", "info", "warning", "error"), "The least level that is logged."),
    Setting("log_format", "text", _choice("text", "json"), "`text` for people, `json` for collectors."),
)
