"""Show the first findings and the number of each sort, so that the output of an audit always fits a screen."""

from __future__ import annotations

import pytest

from hooks.commands.audit import MAX_SHOWN, AuditReport, _as_text, _first_and_counts, _read_head
from hooks.ledger.audit.findings import AuditFinding
from hooks.ledger.audit.seals import Head

ROW, SEAL = AuditFinding("row-changed", "A row."), AuditFinding("seal-changed", "A seal.")
ROWS = ["  WRONG A row."] * MAX_SHOWN

TOLD = [
    # nothing is wrong
    ([], None, ["The chain is whole."]),
    ([], "3:…", ["The chain is whole, and contains the head that was noted."]),
    # as many as are shown
    ([ROW, SEAL], None, ["  WRONG A row.", "  WRONG A seal."]),
    ([ROW] * MAX_SHOWN, None, ROWS),
    # more than that
    (
        [SEAL, *[ROW] * MAX_SHOWN],
        None,
        [
            "  WRONG A seal.",
            *ROWS[1:],
            f"  … and 1 more. In all: {MAX_SHOWN} row-changed, 1 seal-changed.",
        ],
    ),
]


@pytest.mark.parametrize(("findings", "expect", "told"), TOLD)
def test_the_first_findings_are_shown_and_all_are_counted(
    findings: list[AuditFinding], expect: str | None, told: list[str]
) -> None:
    listed, counts = _first_and_counts(iter(findings))
    lines = list(_as_text(AuditReport(3, Head(), listed, counts), expect))
    assert lines == ["3 rows of the history are sealed.", f"Head: 0:{'0' * 64}", *told]


@pytest.mark.parametrize(
    "text",
    ["", "12", "12:abc", f"x:{'0' * 64}", f"-1:{'0' * 64}", f"1:{'G' * 64}", f"1:{'0' * 65}"],
)
def test_an_invalid_chain_head_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        _read_head(text)
    assert stopped.value.code == 2
    assert "NUMBER:HASH" in capsys.readouterr().err


def test_a_printed_chain_head_is_read_back() -> None:
    head = Head(12, "ab" * 32)
    assert _read_head(str(head)) == head
    assert _read_head(None) is None
