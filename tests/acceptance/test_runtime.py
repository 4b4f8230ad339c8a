"""What the service declares is all that it needs: proven where nothing else is installed."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.checkout import bare_environment
from tests.support.processes import ROOT

SETTINGS = {
    "STORE_URL": "https://shop.example.test",
    "STORE_CONSUMER_KEY": "ck_test",
    "STORE_CONSUMER_SECRET": "cs_test",
    "STORE_WEBHOOK_SECRETS": "a secret of this test",
}
INSTALLERS = {"pip", "setuptools", "wheel"}
"""What `python -m venv` puts into an environment, by the version of Python."""

LIST_DISTRIBUTIONS = """
import importlib.metadata, json
print(json.dumps([found.metadata["Name"] for found in importlib.metadata.distributions()]))
"""
IMPORT_ALL = """
import importlib, pkgutil, sys
import hooks, schemas
for package in (hooks, schemas):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if module.name != "hooks.ledger.migrations.env":  # it migrates where it is imported: `db upgrade` proves it
            importlib.import_module(module.name)
"""
FIND_MODULES = """
import importlib.util, json, sys
print(json.dumps([name for name in sys.argv[1:] if importlib.util.find_spec(name) is None]))
"""
LIST_COMMANDS = """
import json
from click import Group
from wsgi import app

def paths(command, path):
    yield path
    if isinstance(command, Group):
        for name in command.commands:
            yield from paths(command.commands[name], [*path, name])

app.cli.list_commands(None)
print(json.dumps(list(paths(app.cli, []))))
"""


def _run(project: Path, *arguments: str, **variables: str) -> str:
    """Run the Python of the environment and return what it printed."""
    done = subprocess.run(
        [project / ".venv/bin/python", *arguments],
        cwd=project,
        env=bare_environment() | SETTINGS | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _requirements() -> set[str]:
    """The names in requirements.txt that apply to this Python and this platform."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    requirements = [
        Requirement(line.removesuffix("\\")) for line in lines if line and line[0] not in "# "
    ]
    return {
        canonicalize_name(each.name)
        for each in requirements
        if not each.marker or each.marker.evaluate()
    }


def test_the_environment_holds_what_is_declared_and_nothing_else(installed: Path) -> None:
    names = {
        canonicalize_name(name) for name in json.loads(_run(installed, "-c", LIST_DISTRIBUTIONS))
    }
    assert names - INSTALLERS == _requirements()
    _run(installed, "-m", "pip", "check")


def test_every_module_can_be_imported(installed: Path) -> None:
    _run(installed, "-c", IMPORT_ALL)


def test_gunicorn_takes_its_configuration(installed: Path, tmp_path: Path) -> None:
    arguments = (
        "-m",
        "gunicorn",
        "--check-config",
        "--config",
        "deploy/gunicorn.conf.py",
        "wsgi:app",
    )
    _run(installed, *arguments, PROMETHEUS_MULTIPROC_DIR=str(tmp_path))


def test_every_command_shows_its_help(installed: Path) -> None:
    commands = json.loads(_run(installed, "-c", LIST_COMMANDS))
    assert ["store", "install"] in commands
    for command in commands:
        assert "Usage:" in _run(installed, "-m", "flask", "--app", "wsgi", *command, "--help")


def _imports() -> set[str]:
    """Every package that is imported from outside the project and the standard library, also late."""
    names: set[str] = set()
    for path in _sources():
        for node in ast.walk(ast.parse(path.read_text())):
            names.update(name.partition(".")[0] for name in _modules(node))
    for_types = {"_typeshed"}  # only the type checker reads it
    return names - sys.stdlib_module_names - {"hooks", "schemas", "deploy", "wsgi"} - for_types


def _sources() -> Iterator[Path]:
    yield ROOT / "wsgi.py"
    for folder in ("hooks", "schemas", "deploy"):
        yield from (ROOT / folder).rglob("*.py")


def _modules(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [node.module]
    return []


def test_every_package_that_is_imported_somewhere_is_there(installed: Path) -> None:
    missing = set(json.loads(_run(installed, "-c", FIND_MODULES, *sorted(_imports()))))
    assert missing == {"pysqlite3"} - _requirements()  # it has no wheel for every platform


@pytest.mark.parametrize("name", sorted(_imports()))
def test_every_package_that_is_imported_is_declared(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {canonicalize_name(Requirement(line).name) for line in project["dependencies"]}
    distributions = {canonicalize_name(each) for each in packages_distributions().get(name, [name])}
    assert distributions & declared


def test_the_flask_command_reads_no_env_file_of_its_own(installed: Path, tmp_path: Path) -> None:
    """It would end in a traceback where `.env` is not UTF-8, before the service could say so."""
    env = bare_environment() | SETTINGS | {"PYTHONPATH": str(installed)}
    (tmp_path / ".env").write_bytes("STATUS_TOKEN=nøkkel\n".encode("latin-1"))
    done = subprocess.run(
        [installed / ".venv/bin/flask", "--app", "wsgi", "policy", "show"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == os.EX_CONFIG
    assert "is not text in UTF-8" in done.stderr
    assert "Traceback" not in done.stderr
