"""Settings: read once, from the environment and from `.env`, into one frozen value.

`SETTINGS` is the whole list as data; `.env.example` and the table in the README are rendered from it. The real
environment wins over `.env`; an empty value means the default. `Settings.environ()` gives the same settings back as
variables, which is how the supervisor hands them to the processes that it starts.
"""

import difflib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

import msgspec

from adapters.identity.registered import read_client, read_issuers
from adapters.images.registered import NEEDED, STABILITY_MODELS, base_url, read_preferences, read_price, read_prices
from adapters.mail import mail_sender
from adapters.webhooks import read_key
from edge.rates import read_rates
from ops import values
from ops.failure import Failure

PREFIX = "COVERGEN_"
KEYS = ("openai_key", "stability_key", "replicate_token", "replicate_webhook_secret")
SECRETS = ("admin_password", "secret_key", "google_client", "github_client", "oidc", *KEYS)
"""Never shown."""
MAX_PORT = 65535

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
    found = {row.name: _value(row, given.get(variable(row.name), "").strip()) for row in SETTINGS}
    if found["objects_url"] is None:
        found["objects_url"] = f"file://{found['home']}/objects"
    _check_models(found)
    return Settings(**found)


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


SETTINGS: tuple[Setting, ...] = (
    Setting("home", "./var", values.folder, "The folder of all data, logs and keys."),
    Setting("environment", "development", values.choice("development", "production"), "`development` or `production`."),
    Setting("region", "local", values.required, "The name of this region, carried by every message."),
    Setting("http_host", "127.0.0.1", values.required, "The address that the edge listens on."),
    Setting("http_port", "8080", values.number(0, MAX_PORT), "The edge's port; 0 picks a free one."),
    Setting("http_workers", "1", values.number(1, 64), "Edge processes that share the port."),
    Setting(
        "node_processes", "1", values.number(1, 64), "Processes that each host all nodes; with two, one may restart."
    ),
    Setting("admin_email", "admin@covergen.local", values.email, "The first administrator."),
    Setting(
        "admin_password", "", values.optional, "Made at the first start and written to `$COVERGEN_HOME/admin-password`."
    ),
    Setting(
        "secret_key",
        "",
        values.secret_key,
        "32 random bytes as base64url: the root of all other secrets; made once in `$COVERGEN_HOME/secret-key`.",
    ),
    Setting("nats_url", "", values.url("nats", "tls"), "A NATS server instead of the embedded one."),
    Setting(
        "postgres_url", "", values.url("postgresql", "postgres"), "A PostgreSQL server instead of the embedded one."
    ),
    Setting("mongo_url", "", values.url("mongodb", "mongodb+srv"), "A MongoDB server instead of the embedded one."),
    Setting("redis_url", "", values.url("redis", "rediss"), "A Redis or Valkey server instead of the embedded one."),
    Setting(
        "objects_url", "", values.url("file", "nats"), "`file://FOLDER` or `nats://BUCKET`; `$COVERGEN_HOME/objects`."
    ),
    Setting(
        "images",
        "painter",
        values.checked(read_preferences),
        "Image models, the preferred first: `painter` (built in), `openai`, `stability`, `automatic1111`, `replicate`; "
        "by plan and region `openai,painter;free=painter;cn=stability;cn/pro=…`.",
    ),
    Setting("openai_key", "", values.optional, "The key for OpenAI: images and moderation."),
    Setting("openai_url", "https://api.openai.com/v1", values.given(base_url), "That API, or one that is like it."),
    Setting("openai_model", "gpt-image-2.5-flare", values.required, "Its model."),
    Setting(
        "openai_prices", "", values.checked(read_prices), "USD for a million tokens: `TEXT,IMAGE,OUTPUT`; not known."
    ),
    Setting(
        "moderation",
        "rules",
        values.choice("rules", "rules+openai"),
        "`rules+openai` asks OpenAI's moderation, with `COVERGEN_OPENAI_KEY`, about what the rules do not refuse.",
    ),
    Setting("stability_key", "", values.optional, "The key for Stability."),
    Setting("stability_url", "https://api.stability.ai", values.given(base_url), "That API."),
    Setting("stability_model", "core", values.choice(*STABILITY_MODELS), "`core`, `ultra` or `sd3`."),
    Setting("a1111_url", "", values.address(base_url), "AUTOMATIC1111 or Forge: `https://USER:PASSWORD@HOST`."),
    Setting("replicate_token", "", values.optional, "The token for Replicate."),
    Setting(
        "replicate_webhook_secret",
        "",
        values.address(values.checked(read_key)),
        "`whsec_…` of that account: with `COVERGEN_PUBLIC_URL` pictures are told of by webhooks.",
    ),
    Setting("replicate_url", "https://api.replicate.com", values.given(base_url), "That API."),
    Setting("replicate_model", "black-forest-labs/flux-schnell", values.required, "A model there: `OWNER/NAME`."),
    Setting("replicate_price", "", values.checked(read_price), "USD for a picture of it; not known."),
    Setting("paint_processes", "", values.paint_processes, "Processes that paint; one fewer than the processors."),
    Setting("image_seconds", "60", values.number(1, 3600), "Seconds that one picture may take."),
    Setting("breaker_failures", "5", values.number(1, 1000), "Failures in a row after which a target is left alone."),
    Setting(
        "breaker_seconds", "30", values.number(1, 3600), "Seconds until it is tried again; twice as long each time."
    ),
    Setting(
        "retry_seconds",
        "1,2,4",
        values.checked(values.waits),
        "Seconds before a job that failed is tried again, each time.",
    ),
    Setting(
        "max_wait",
        "600",
        values.number(1, 86_400),
        "Seconds until a new cover begins, beyond which orders are refused.",
    ),
    Setting(
        "rate_limits",
        "on",
        values.checked(read_rates),
        "`on`, `off`, or other quotas: `free=1200,login-account=5` (`edge/rates.py`).",
    ),
    Setting(
        "trusted_proxies", "", values.network_list, "Networks whose X-Forwarded-For is believed: `10.0.0.0/8,::1`."
    ),
    Setting("deny", "", values.network_list, "Networks that are turned away: `203.0.113.0/24,2001:db8::/32`."),
    Setting("allow", "", values.network_list, "Nobody else may come than these networks; empty: everybody."),
    Setting("admin_allow", "", values.network_list, "The same for the routes of administrators."),
    Setting("cors_origins", "", values.origins, "Whose pages may call the API: `https://app.example.org,https://…`."),
    Setting("max_connections", "6000", values.number(1, 1_000_000), "HTTP connections of one edge process."),
    Setting(
        "max_connections_per_address",
        "200",
        values.number(1, 1_000_000),
        "The same of one client's address; neither of this machine nor of trusted proxies.",
    ),
    Setting("mail_url", "", values.mail_url, "`smtp://USER:PASSWORD@HOST:587` or `smtps://`; `$COVERGEN_HOME/mail`."),
    Setting("mail_from", "Covergen <covergen@localhost>", mail_sender, "The sender of mails."),
    Setting(
        "public_url",
        "",
        values.public_url,
        "Where users reach the edge: links in mails and to shared covers begin so; its own address.",
    ),
    Setting(
        "google_client", "", values.checked(read_client), "`ID:SECRET` of the OAuth client at Google, to sign in there."
    ),
    Setting(
        "github_client", "", values.checked(read_client), "`ID:SECRET` of the OAuth app at GitHub, to sign in there."
    ),
    Setting(
        "oidc", "", values.checked(read_issuers), "Other OpenID Connect issuers: `NAME=ID:SECRET@https://ISSUER,…`."
    ),
    Setting(
        "faults",
        "auto",
        values.choice("auto", "allowed", "never"),
        "May `covergen fault` break things? `auto`: only in development.",
    ),
    Setting(
        "c2pa_cert",
        "",
        values.file,
        "Certificates that sign pictures (PEM, the leaf first); a chain for development in `$COVERGEN_HOME/c2pa`.",
    ),
    Setting("c2pa_key", "", values.file, "The key of the first of them: ECDSA on P-256, PKCS #8 in PEM."),
    Setting("c2pa_trust", "", values.file, "Certificates whose signatures `verify` trusts (PEM); none."),
    Setting(
        "timestamp_url", "", values.url("http", "https"), "An authority for time stamps of signatures (RFC 3161); none."
    ),
    Setting(
        "otlp_url",
        "",
        values.url("http", "https"),
        "A collector that takes traces by OTLP/HTTP, such as `http://127.0.0.1:4318`.",
    ),
    Setting("trace_ratio", "1.0", values.checked(values.ratio), "The share of new traces that is sent there, 0 to 1."),
    Setting("log_level", "info", values.choice("debug", "info", "warning", "error"), "The least level that is logged."),
    Setting("log_format", "text", values.choice("text", "json"), "`text` for people, `json` for collectors."),
)
