"""What the studio says and allows by itself is what the nodes say and allow."""

import re
from pathlib import Path
from typing import get_args

from contracts import edits, uploads
from edge.studio.pages import FOLDER
from nodes.tasks import sagas
from nodes.users.model import FREE, LIMITS

SCRIPTS = FOLDER / "static" / "js"
NUMBERS = {5: "Five", 10: "Ten", 20: "Twenty"}


def _text(module: str) -> str:
    return Path(SCRIPTS / module).read_text()


def test_the_steps_of_a_cover_are_those_of_its_saga() -> None:
    """Whatever step of a cover runs, its line is lit: none is missing, none is named that there is not, in order."""
    table = re.search(r"export const STEPS = \[(.*?)\n\];", _text("words.js"), re.DOTALL)
    assert table
    named = [name for names in re.findall(r", \[([^\]]+)\]\]", table[1]) for name in re.findall(r'"(\w+)"', names)]
    for saga in (sagas.GENERATE, sagas.GENERATE_1):
        assert named == [step.name for step in saga.steps if step.order is not None]


def test_the_door_promises_what_is_free() -> None:
    """The number of free covers that newcomers are told is the limit of the free plan."""
    assert f"{NUMBERS[LIMITS[FREE]]} covers a month are free." in _text("views/door.js")


def test_files_are_refused_here_when_the_edge_would() -> None:
    """A file that is too large is not sent for nothing, and none is refused that the edge takes."""
    found = re.search(r"const MOST = (\d+) \* 1024 \* 1024;", _text("parts/bringing.js"))
    assert found
    assert int(found[1]) * 1024 * 1024 == uploads.MAX_UPLOAD
    purposes = {
        word for place in ("views/edits.js", "parts/logo.js") for word in re.findall(r'purpose: "(\w+)"', _text(place))
    }
    assert purposes | {"mask"} == set(get_args(uploads.Purpose))
    assert '{ purpose: "mask" }' in _text("parts/masking.js")


def test_every_operation_of_an_edit_can_be_asked_for_and_has_words() -> None:
    """Each operation is sent by a tool of the editor, is named while it runs, and in the history afterwards."""
    tools = "".join(_text(f"parts/{name}.js") for name in ("adjusting", "masking", "widening"))
    doing = re.search(r"const WHAT = {(.*?)};", _text("views/edit.js"))
    done = re.search(r"export const sayOperation = .*?\({(.*?)}\)", _text("says.js"))
    assert doing
    assert done
    for op in edits.OPERATIONS:
        assert re.search(rf'op: "{op}"|^  {op}: \[', tools, re.MULTILINE), op
        assert f"{op}: " in doing[1], op
        assert f"{op}: " in done[1], op


def test_every_kind_of_task_has_words() -> None:
    """A task that was begun in another tab is named."""
    said = re.search(r"export const sayTask = .*?\({(.*?)}\)", _text("says.js"))
    assert said
    assert set(re.findall(r"(\w+): ", said[1])) == {kind for kind, _ in sagas.SAGAS}


def test_the_samples_at_the_door_are_painted() -> None:
    """The shelf that newcomers see has pictures of built-in styles, not drawings that stand in for them."""
    shelf = re.search(r"const SHELF = \[(.*?)\n\];", _text("views/door.js"), re.DOTALL)
    assert shelf
    books = re.findall(r'"(\w+)", \[([^\]]+)\]\]', shelf[1])
    keys = {f"{family}-{''.join(re.findall('[0-9a-f]{6}', palette))}" for family, palette in books}
    assert len(keys) >= 5
    assert keys <= {path.stem for path in (FOLDER / "static" / "styles").glob("*.webp")}
