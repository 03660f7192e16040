"""Documentation that can fail: the README's table of settings, its commands, and the paths that the texts name."""

import re
from pathlib import Path

import pytest

from ops.cli import COMMANDS
from ops.settings_table import render_settings_table

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()


def test_the_table_of_settings_is_the_codes() -> None:
    """Every setting is in the README with its default and meaning."""
    table = README.split("<!-- settings -->\n")[1].split("<!-- /settings -->")[0]
    assert table == render_settings_table()


def test_commands_in_the_readme_exist() -> None:
    """What the README tells people to type is a command or a make target."""
    makefile = (ROOT / "Makefile").read_text()
    for verb in re.findall(r"^\.venv/bin/covergen (\w+)", README, re.MULTILINE):
        assert verb in {command.name for command in COMMANDS}
    for target in re.findall(r"^make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


@pytest.mark.parametrize("text", [README, ARCHITECTURE], ids=["README", "ARCHITECTURE"])
def test_paths_in_the_texts_exist(text: str) -> None:
    """A path in backquotes or a picture is there."""
    named = re.findall(r"`((?:contracts|adapters|nodes|edge|ops|nats|tests)/[\w./-]*\w)/?`", text)
    named += re.findall(r"\]\((?!http)([^)#]+)\)", text)
    missing = [path for path in named if not (ROOT / path).exists()]
    assert missing == []
