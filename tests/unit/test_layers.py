"""Check that the import contract names every part of `hooks`. import-linter cannot check this itself."""

from __future__ import annotations

import re
import tomllib

from tests.support.processes import ROOT


def test_each_package_of_hooks_is_in_exactly_one_layer() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = pyproject["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    floors = re.findall(r"hooks\.(\w+)", " ".join(layers))
    files = [path.stem for path in (ROOT / "hooks").glob("*.py") if path.stem != "__init__"]
    folders = [path.parent.name for path in (ROOT / "hooks").glob("*/__init__.py")]
    assert sorted(floors) == sorted(files + folders)
