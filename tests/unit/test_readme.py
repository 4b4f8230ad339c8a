"""The README keeps its word: every test that it names as a proof is there."""

from __future__ import annotations

import re

import pytest

from tests.support.processes import ROOT

README = (ROOT / "README.md").read_text()
PROOFS = re.findall(r"`((?:unit|integration|acceptance|sandbox)/test_\w+\.py)` `(test_\w+)`", README)


def test_guarantees_name_their_proofs() -> None:
    guarantees = README.split("## Guarantees")[1].split("\n## ")[0]
    assert len(re.findall(r"^- ", guarantees, re.MULTILINE)) <= len(PROOFS)


@pytest.mark.parametrize(("file", "name"), PROOFS)
def test_named_proof_is_there(file: str, name: str) -> None:
    assert f"def {name}(" in (ROOT / "tests" / file).read_text()
