"""Never let `make check` call dependencies safe that nobody looked up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from deploy.audit import verdict

GOOD = {"name": "flask", "version": "3.1.3", "vulns": []}
BAD = {"name": "click", "version": "8.5.0", "vulns": [{"id": "PYSEC-1"}, {"id": "PYSEC-2"}]}
UNKNOWN = {"name": "woocommerce", "skip_reason": "Dependency not found on PyPI"}


@pytest.mark.parametrize(
    ("dependencies", "status", "words"),
    [
        ([GOOD], 0, "1 of 1 dependencies were audited, and none has"),
        ([GOOD, BAD], 1, "click 8.5.0: PYSEC-1\n  click 8.5.0: PYSEC-2"),
        ([GOOD, UNKNOWN], 0, "WARNING: only 1 of 2 dependencies were audited"),
        ([BAD, UNKNOWN], 1, "WARNING: only 1 of 2 dependencies were audited"),
        # offline, or with a package index other than PyPI
        ([UNKNOWN, UNKNOWN], 0, "WARNING: no dependency was audited"),
        (None, 0, "WARNING: no dependency was audited"),
    ],
)
def test_verdict_of_the_dependency_audit(
    dependencies: list[dict[str, Any]] | None, status: int, words: str
) -> None:
    said, exit_status = verdict(
        "" if dependencies is None else json.dumps({"dependencies": dependencies, "fixes": []})
    )
    assert exit_status == status
    assert words in said
