"""A clean copy of the project, as a clone would give it, and the environment that the service declares."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.processes import ROOT


def copy_project(target: Path) -> Path:
    """Copy every file of the project that git has, or would add, into a new folder. Return the folder."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


def bare_environment() -> dict[str, str]:
    """The variables of this process, without those of the service and of the tools that run the suite."""
    strange = (
        "STORE",
        "DATABASE",
        "COVERAGE",
        "MAKE",
        "MFLAGS",
        "PYTHONPATH",
        "VIRTUAL_ENV",
        "PROMETHEUS",
        "PYTEST",
    )
    return {name: value for name, value in os.environ.items() if not name.startswith(strange)}


def make(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `make` in a copy of the project, with the Python of this process. `stdout` holds both streams."""
    python = f"PYTHON={base_python()}"
    return subprocess.run(
        ["make", python, *arguments],
        cwd=project,
        env=bare_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def base_python() -> Path:
    """The Python interpreter that the virtual environment of this process was made with."""
    return Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
