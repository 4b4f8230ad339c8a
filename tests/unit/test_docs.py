"""Check the documentation: each guarantee names a test, and each test that a page names exists."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.processes import ROOT

LONGEST_README = 12_000
"""The size limit in bytes."""

GUARANTEES = (ROOT / "docs/guarantees.md").read_text()
BULLETS = re.findall(r"^- .*(?:\n  .*)*", GUARANTEES, re.MULTILINE)


def proofs_in(text: str) -> Iterator[tuple[str, str]]:
    """The file below `tests/` and the name of each test in the text. A name without a file is of the file before it."""
    file = ""
    for named_file, name in re.findall(r"`(?:(\w+/test_\w+\.py)|(test_\w+))`", text):
        file = named_file or file
        if name:
            yield file, name


@cache
def _tests_in(file: str) -> frozenset[str]:
    """The names of the tests at the top level of a file below `tests/`."""
    module = ast.parse((ROOT / "tests" / file).read_text())
    return frozenset(node.name for node in module.body if isinstance(node, ast.FunctionDef))


PROOFS = sorted(
    {*proofs_in(GUARANTEES), *proofs_in((ROOT / "docs/policy-coverage.md").read_text())}
)


PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_path_in_the_docs_exists(page: Path) -> None:
    """The build of the site checks links. This test checks paths in backticks."""
    named = re.findall(r"`((?:deploy|docs|hooks|schemas|tests)/[\w./-]*)`", page.read_text())
    assert [path for path in named if not (ROOT / path).exists()] == []


NAMED_FUNCTIONS = re.findall(
    r"`((?:deploy|hooks|schemas)/[\w./-]+\.py)`\s+`([\w.]+)`",
    (ROOT / "docs/architecture.md").read_text(),
)
"""Each path in the architecture that a name follows: `path` `function` or `path` `Class.method`."""


@cache
def _names_in(path: str) -> frozenset[str]:
    """Return the functions, classes, methods and constants that a module defines."""
    names = set()
    for node in ast.parse((ROOT / path).read_text()).body:
        names |= _defined(node)
        if isinstance(node, ast.ClassDef):
            for member in node.body:
                names |= {f"{node.name}.{name}" for name in _defined(member)}
    return frozenset(names)


def _defined(node: ast.stmt) -> set[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
        case ast.Assign(targets=[ast.Name(id=name)]):
            return {name}
    return set()


@pytest.mark.parametrize(("path", "name"), sorted(set(NAMED_FUNCTIONS)))
def test_a_named_function_is_there(path: str, name: str) -> None:
    assert name in _names_in(path)


def test_named_functions_are_found() -> None:
    assert len(NAMED_FUNCTIONS) > 50


def test_a_class_in_the_glossary_is_there() -> None:
    named = set(
        re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)*)`", (ROOT / "docs/glossary.md").read_text())
    )
    defined = set()
    for path in [*ROOT.glob("hooks/**/*.py"), *ROOT.glob("schemas/**/*.py")]:
        defined |= set(re.findall(r"^class (\w+)", path.read_text(), re.MULTILINE))
    assert "RecordKey" in named
    assert named - defined == set()


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_bytes()) <= LONGEST_README


def test_the_parser_finds_the_guarantees() -> None:
    assert len(BULLETS) == len(re.findall(r"^\s*[-*] ", GUARANTEES, re.MULTILINE)) > 0


@pytest.mark.parametrize("bullet", BULLETS)
def test_each_guarantee_names_a_test(bullet: str) -> None:
    assert list(proofs_in(bullet))


def test_a_guarantee_without_a_test_is_noticed() -> None:
    assert not list(proofs_in("- Nothing is lost, as `README.md` and `/status` say."))


def test_a_test_name_without_a_file_is_of_the_file_before() -> None:
    named = "- One.\n  `unit/test_a.py` `test_one`, `test_two`,\n  `unit/test_b.py` `test_three`"
    expected = [
        ("unit/test_a.py", "test_one"),
        ("unit/test_a.py", "test_two"),
        ("unit/test_b.py", "test_three"),
    ]
    assert list(proofs_in(named)) == expected


@pytest.mark.parametrize(("file", "name"), PROOFS)
def test_a_test_named_in_the_docs_exists(file: str, name: str) -> None:
    assert name in _tests_in(file)
