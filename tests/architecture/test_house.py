"""The rules of the house, as checks that can fail: layers, sizes, folders, generated files."""

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from contracts.registry import CONTRACTS, NODES
from contracts.wire import Event
from ops.documents import rendered

ROOT = Path(__file__).parents[2]
PACKAGES = ("contracts", "adapters", "nodes", "edge", "ops")
LONGEST_FILE = 400
USUAL_FUNCTION = 30


def sources() -> Iterator[Path]:
    """The product's own Python files."""
    for package in PACKAGES:
        yield from (ROOT / package).rglob("*.py")


def functions() -> Iterator[tuple[str, int]]:
    """Every function with its length in lines."""
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", (node.end_lineno or node.lineno) - node.lineno + 1


def test_the_layers_hold() -> None:
    """ops > edge | nodes > adapters > contracts; no node imports another; drivers only in adapters."""
    program = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    assert program is not None
    result = subprocess.run([program], cwd=ROOT, capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stdout


def test_files_and_functions_stay_small() -> None:
    """No file above 400 lines; nine of ten functions at most 30 lines."""
    long_files = [str(p.relative_to(ROOT)) for p in sources() if p.read_text().count("\n") > LONGEST_FILE]
    lengths = sorted(length for _, length in functions())

    assert long_files == []
    assert lengths[int(len(lengths) * 0.9)] <= USUAL_FUNCTION
    assert [name for name, length in functions() if length > 60] == []


def test_nats_holds_configuration_only() -> None:
    """A Python file in nats/ would become part of nats-py, an __init__.py would hide it."""
    assert [p.name for p in (ROOT / "nats").iterdir() if p.suffix not in (".conf", ".json")] == []


def test_tests_do_not_hide_packages() -> None:
    """tests/nodes/__init__.py would shadow the package `nodes`."""
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_every_node_has_the_same_files() -> None:
    """A node is a folder with service.py and model.py, and store.py where it has data."""
    folders = {p.name for p in (ROOT / "nodes").iterdir() if p.is_dir() and not p.name.startswith("__")}
    assert folders == set(NODES)
    for node in NODES:
        names = {p.name for p in (ROOT / "nodes" / node).iterdir()}
        assert {"__init__.py", "service.py", "model.py"} <= names, node
        assert node == "safety" or "store.py" in names, node


def test_modules_public_classes_and_functions_say_what_they_are() -> None:
    """Every module, public class, and public function or method of a public class has a docstring."""
    missing = []
    for path in sources():
        tree = ast.parse(path.read_text())
        public = [n for n in tree.body if isinstance(n, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)]
        named = (tree, *(n for n in public if not n.name.startswith("_")))
        silent = [getattr(node, "name", "module") for node in named if ast.get_docstring(node) is None]
        missing += [f"{path.relative_to(ROOT)}:{name}" for name in silent]
    assert missing == []


def test_generated_files_are_fresh() -> None:
    """What `covergen nats render` would write is what is there."""
    assert [p.name for p, text in rendered().items() if not p.exists() or p.read_text() != text] == []


def test_subjects_say_kind_and_node() -> None:
    """svc, jobs or events first, then a node that exists; each subject is one contract."""
    subjects = [contract.subject for contract in CONTRACTS]
    assert len(subjects) == len(set(subjects))
    for subject in subjects:
        kind, node, word = subject.split(".")
        assert kind in ("svc", "jobs", "events")
        assert node in NODES
        assert word.islower()


def test_parties_of_contracts_exist() -> None:
    """Callers, producers, listeners and watchers are nodes, or the edge."""
    for contract in CONTRACTS:
        parties = getattr(contract, "callers", None) or getattr(contract, "producers", frozenset())
        if isinstance(contract, Event):
            parties = contract.listeners | contract.watchers
        assert parties, contract.subject
        assert parties <= {*NODES, "edge"}, contract.subject
