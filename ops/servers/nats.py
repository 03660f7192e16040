"""The embedded NATS server."""

from pathlib import Path

from ops.paths import Home
from ops.processes import Launch, reserve_port
from ops.servers.base import PATIENCE, EmbeddedServer, Patience, minimal_environ, script, until_logged

PLAIN_CONFIG = """\
# No accounts: for tests and experiments. The product's configuration is rendered from the contracts.
max_payload: 1MB
jetstream { sync_interval: always }
"""


class NatsServer(EmbeddedServer):
    """nats-server with JetStream; `config` must exist at every start and may not name ports or the store.

    It is asked nothing to see whether it lives: it greets who connects.
    """

    def __init__(
        self,
        home: Home,
        config: Path,
        port: int | None = None,
        monitor_port: int | None = None,
        *,
        patience: Patience = PATIENCE,
    ) -> None:
        super().__init__("nats", home, port or reserve_port(), patience)
        self.config = config
        self.monitor_port = monitor_port or reserve_port()

    @property
    def url(self) -> str:
        """Where clients connect; credentials are a matter of the client."""
        return f"nats://127.0.0.1:{self.port}"

    @property
    def monitor_url(self) -> str:
        """The server's own HTTP pages: /healthz, /varz, /jsz."""
        return f"http://127.0.0.1:{self.monitor_port}"

    def launch(self) -> Launch:
        """The server on loopback. GOMEMLIMIT makes its collector return memory before it has grown."""
        program = script("nats-server", "The NATS server", "COVERGEN_NATS_URL")
        address = ["-a", "127.0.0.1", "-p", str(self.port), "-m", str(self.monitor_port)]
        return Launch(
            argv=[str(program), "-c", str(self.config), *address, "-sd", str(self.folder / "store")],
            environ=minimal_environ(self.home, GOMEMLIMIT="64MiB"),
            folder=self.folder,
            log=self.log,
        )

    async def ready(self, pid: int, log_start: int) -> None:
        """It says so."""
        await until_logged(self.log, log_start, b"Server is ready")


def write_plain_config(path: Path) -> Path:
    """Write the configuration without accounts; returns `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(PLAIN_CONFIG)
    return path
