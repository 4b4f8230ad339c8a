"""A clean copy of the project with nothing installed but what the service declares."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.checkout import copy_project, make


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which `make install` built `.venv` from requirements.txt alone.

    The installer takes packages from its cache where it can; it needs the package index all the same.
    """
    project = copy_project(tmp_path_factory.mktemp("installed"))
    done = make(project, "install")
    assert done.returncode == 0, done.stdout
    return project
