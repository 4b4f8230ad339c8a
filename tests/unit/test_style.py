"""Habits of the code that no linter checks: one class name has one meaning, and a docstring says what is promised."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator

from tests.support.processes import ROOT

MODULES = sorted([*ROOT.glob("hooks/**/*.py"), *ROOT.glob("schemas/**/*.py")])
QUESTIONS = re.compile(r"(What|Whether|How|Who|Whose|Which|When|Where|Why)\b")


def _docstrings(tree: ast.Module) -> Iterator[str]:
    """Yield the docstrings of the module, its classes and functions, and the texts below its constants and fields."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            for statement in node.body:
                match statement:
                    case ast.Expr(value=ast.Constant(value=str(text))):
                        yield text


def test_a_docstring_opens_with_a_verb_or_a_noun() -> None:
    questions = []
    for path in MODULES:
        texts = _docstrings(ast.parse(path.read_text()))
        questions += [
            f"{path.relative_to(ROOT)}: {text}" for text in texts if QUESTIONS.match(text)
        ]
    assert questions == []


def test_a_class_name_has_one_meaning() -> None:
    """Private classes and inner ones, such as a schema's Meta, are known in one module only."""
    modules = defaultdict(list)
    for path in MODULES:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                modules[node.name].append(str(path.relative_to(ROOT)))
    assert {name: paths for name, paths in modules.items() if len(paths) > 1} == {}
