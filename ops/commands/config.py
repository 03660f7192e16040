"""`nats render`, `migrate`: what is derived from contracts and migrations."""

import argparse

from ops.commands.base import CommandFailed, say
from ops.content_credentials import ensure_signing_files
from ops.credentials import prepare_secret_key, write_nats_config
from ops.documents import rendered
from ops.paths import ROOT, Home
from ops.provision import migrate_all, provision_nats
from ops.running import read_run
from ops.settings import Settings


def run_nats(settings: Settings, arguments: argparse.Namespace) -> int:
    """Write the generated files, or with `--check` tell which are stale; or make the keys of this home."""
    if arguments.verb == "keys":
        prepare_secret_key(settings)
        ensure_signing_files(settings)
        say(f"{write_nats_config(settings)} and {Home(settings.home).creds} are ready")
        return 0
    stale = [path for path, text in rendered().items() if not path.exists() or path.read_text() != text]
    if arguments.check:
        if stale:
            names = ", ".join(str(path.relative_to(ROOT)) for path in stale)
            raise CommandFailed(f"stale: {names} (run `covergen nats render`)")
        say("Generated files are up to date")
        return 0
    for path in stale:
        path.write_text(rendered()[path])
        say(f"wrote {path.relative_to(ROOT)}")
    return 0


async def run_migrate(settings: Settings, _arguments: argparse.Namespace) -> int:
    """Make databases, schemas, streams and consumers what this version needs."""
    run = read_run(settings.home)
    postgres, nats = settings.postgres_url or (run and run.postgres), settings.nats_url or (run and run.nats)
    if not postgres or not nats:
        raise CommandFailed("nothing runs here, and COVERGEN_POSTGRES_URL and COVERGEN_NATS_URL are not both set")
    for node, applied in (await migrate_all(postgres)).items():
        say(f"{node}: {', '.join(applied) or 'up to date'}")
    await provision_nats(settings, nats)
    say("nats: streams and consumers are up to date")
    return 0
