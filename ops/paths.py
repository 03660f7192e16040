"""Where everything lives under `$COVERGEN_HOME`."""

from pathlib import Path

import msgspec

RUN_FILE = "run.json"
ROOT = Path(__file__).resolve().parent.parent
NATS_FOLDER = ROOT / "nats" if (ROOT / "nats" / "server.conf").exists() else ROOT / "ops" / "nats"
"""Where nats/server.conf is: in the source tree, or, when installed from a wheel, beside this package."""


class Home(msgspec.Struct, frozen=True):
    """The layout of one home folder. Nothing here touches the disk except `create` and `private_folder`."""

    root: Path

    @property
    def run_file(self) -> Path:
        """What runs now: addresses, pids; present only while the stack is up."""
        return self.root / RUN_FILE

    @property
    def lock_file(self) -> Path:
        """Locked by the supervisor for as long as it lives; holds its pid."""
        return self.root / "supervisor.lock"

    @property
    def creds(self) -> Path:
        """NKEY seed files, mode 600."""
        return self.root / "creds"

    @property
    def admin_password(self) -> Path:
        """The administrator's first password, mode 600."""
        return self.root / "admin-password"

    @property
    def secret_key(self) -> Path:
        """The root secret, mode 600: without it nothing that is sealed in the database can be opened."""
        return self.root / "secret-key"

    @property
    def nats_config(self) -> Path:
        """The configuration that the embedded NATS server reads."""
        return self.root / "nats" / "server.conf"

    def folder(self, kind: str) -> Path:
        """The data folder of one server, for example `postgres`."""
        return self.root / kind

    def log(self, name: str) -> Path:
        """The log file of one process."""
        return self.root / "logs" / f"{name}.log"

    def create(self) -> None:
        """Make the home and its log folder; only the owner may look inside."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.root / "logs").mkdir(exist_ok=True)
