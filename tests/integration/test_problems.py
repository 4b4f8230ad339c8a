"""The table of problems in `docs/operations.md`: each row happens, shows in `/status`, and goes away once it is
solved."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from hooks import errors
from hooks import service as service_module
from hooks.errors import StoreError
from hooks.ledger import readiness
from hooks.store import failures
from hooks.store.failures import MEANINGS
from hooks.store.webhook_registration import Status
from hooks.sync import store_observations
from hooks.web.status import (
    deadlines,
    operation,
    policy_problems,
    report,
    store_problems,
    webhook_problems,
)
from tests.integration.harness import Harness
from tests.integration.problem_scenarios import SCENARIOS, Site
from tests.support.processes import ROOT

DOWN = {"ledger-not-writable", "ledger-unavailable"}
"""With these no delivery can be taken."""

SENTENCES = re.compile(r"(?!.*(\.\.|\.\d{6}))[A-Zh\d].*[.?] [A-Z`].*[.?]")
"""What is wrong and what to do: two sentences, no end of a sentence within another one, no microseconds."""

CASES = [*((code, "sqlite") for code in SCENARIOS), ("ledger-not-writable", "postgresql")]


@pytest.fixture
def site(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site whose web process reads the policy at each request."""
    monkeypatch.setattr(readiness, "VALID_SECONDS", 0.0)
    monkeypatch.setattr(service_module, "FOLLOW_SECONDS", 0.0)
    return Site(harness, monkeypatch)


@pytest.mark.parametrize(("code", "database_url"), CASES, indirect=["database_url"])
def test_each_problem_shows_and_goes_away_once_it_is_solved(site: Site, code: str) -> None:
    assert _seen(site) == (200, "ok", set(), 200)
    trouble = SCENARIOS[code](site)
    next(trouble)
    wrong = (503, "down", {code}, 503) if code in DOWN else (200, "degraded", {code}, 200)
    assert _seen(site) == wrong
    for problem in site.status()[1]["problems"]:
        assert SENTENCES.fullmatch(problem["message"]), problem["message"]
    assert next(trouble, "mended") == "mended"
    assert _seen(site) == (200, "ok", set(), 200)


def _seen(site: Site) -> tuple[int, str, set[str], int]:
    """Return the status, the codes of the problems, and the answers of `/status` and `/readyz`."""
    answered, found = site.status()
    return (
        answered,
        found["status"],
        {problem["code"] for problem in found["problems"]},
        site.readyz(),
    )


# --- the table -----------------------------------------------------------------------------------------------


def _rows() -> Iterator[str]:
    """Return the column `what you see` of each row of the table."""
    table = (
        (ROOT / "docs/operations.md")
        .read_text()
        .split("| what goes wrong | what you see | what to do |\n")[1]
    )
    for row in table.split("\n\n")[0].splitlines()[1:]:
        _, _, seen, to_do, _ = re.split(r" ?\| ?", row)
        assert bool(seen) == bool(to_do), row
        if seen:
            yield seen


def _named(words: str) -> set[str]:
    return set(re.findall(r"`([a-z._-]+)`", words))


def test_the_table_has_a_row_for_each_scenario() -> None:
    rows = {
        frozenset(_named(codes)): rest
        for codes, _, rest in (seen.partition(";") for seen in _rows())
    }
    assert sorted(code for codes in rows for code in codes) == sorted(SCENARIOS)
    assert {code for codes, rest in rows.items() if "`down`" in rest for code in codes} == DOWN
    logged = set().union(*map(_named, rows.values())) - {"down"}
    source = "".join(path.read_text() for path in (ROOT / "hooks").rglob("*.py"))
    assert {event for event in logged if f'"{event}"' not in source} == set()


def test_each_code_in_the_source_has_a_scenario() -> None:
    modules = (
        report,
        deadlines,
        operation,
        policy_problems,
        store_problems,
        webhook_problems,
        store_observations,
    )
    found = {code for module in modules for code in _codes_in(Path(str(module.__file__)))}
    families = {"store-": _codes_of_store_errors(), "webhook-": set(get_args(Status)) - {"active"}}
    assert {code for code in found if code.endswith("-")} == set(families)
    for family, members in families.items():
        found.discard(family)
        found |= {family + member for member in members}
    assert found == set(SCENARIOS)


def _codes_in(path: Path) -> Iterator[str]:
    """Return the codes after `"code":` in a module; for a family of codes, their common start."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "code":
                    yield from _values_of(value)


def _values_of(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(code)):
            yield code
        case ast.IfExp(body=one, orelse=other):
            yield from _values_of(one)
            yield from _values_of(other)
        case ast.JoinedStr(values=[ast.Constant(value=str(family)), ast.FormattedValue()]):
            yield family
        case ast.Name(id=name):
            yield getattr(operation, name, None) or getattr(failures, name)
        case _:
            raise AssertionError(f"a code that this test cannot read, in line {node.lineno}")


LEAVES_THE_STORE_ALONE = {
    # One record of a batch; the others are written.
    "half-an-answer",
    # Customers are then written one by one.
    "cannot-batch",
}
"""Codes of errors of the kinds that stop all calls, which are caught before that."""


def _codes_of_store_errors() -> set[str]:
    """Return the codes for which calls to a store may back off."""
    kinds = {
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and _stops_all_calls(kind)
    }
    found = {code for kind, code, _ in MEANINGS.values() if kind.__name__ in kinds}
    for path in (ROOT / "hooks").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in kinds
            ):
                found |= set(_values_of(node.args[0]))
    return found - LEAVES_THE_STORE_ALONE


def _stops_all_calls(kind: type) -> bool:
    return issubclass(kind, StoreError) and kind.whole_store
