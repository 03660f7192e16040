"""Every setting as a row of data: its variable, its default, how its text is read, and what it means.

`.env.example` and the table in the README are rendered from it.
"""

from collections.abc import Callable

import msgspec

from adapters.identity.registered import read_client, read_issuers
from adapters.images.registered import STABILITY_MODELS, base_url, read_preferences, read_price, read_prices
from adapters.mail import mail_sender
from adapters.webhooks import read_key
from edge.rates import read_rates
from ops import values

PREFIX = "COVERGEN_"
MAX_PORT = 65535


class Setting(msgspec.Struct, frozen=True):
    """One row: the field's name, its default as one would write it, how text becomes a value, what it means."""

    name: str
    default: str
    parse: Callable[[str], object]
    doc: str


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


def variable(name: str) -> str:
    """The environment variable of a field: `http_port` is `COVERGEN_HTTP_PORT`."""
    return PREFIX + name.upper()


def render_env_example() -> str:
    """The text of `.env.example`: every setting with its meaning, commented out at its default."""
    head = "# Covergen's settings. Copy to .env and uncomment what you change; the real environment wins.\n"
    rows = (f"# {row.doc}\n#{variable(row.name)}={row.default}\n" for row in SETTINGS)
    return "\n".join((head, *rows))


def render_settings_table() -> str:
    """The README's table of settings, as Markdown."""
    rows = (f"| `{variable(row.name)}` | {f'`{row.default}`' if row.default else ''} | {row.doc} |" for row in SETTINGS)
    return "\n".join(("| variable | default | meaning |", "|---|---|---|", *rows)) + "\n"
