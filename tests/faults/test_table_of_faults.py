"""The table of faults and the tests in the files beside this one."""

import re
from pathlib import Path

from contracts.faults import FAULTS

_TEST = re.compile(r"^async def (test_\w+)\(world: ", re.MULTILINE)


def test_every_fault_has_a_test() -> None:
    """One per row of the table, named after it."""
    files = Path(__file__).parent.glob("test_faults_of_*.py")
    tests = [name for file in files for name in _TEST.findall(file.read_text())]

    assert sorted(tests) == sorted(f"test_{fault.name.replace('-', '_')}" for fault in FAULTS)
    assert len(FAULTS) >= 15
