"""The types of a record's row name the columns of its table."""

from __future__ import annotations

from typing import get_type_hints

import pytest

from hooks.ledger.rows import RecordChange, RecordRow
from hooks.ledger.tables import records

FIXED = {"id", "store", "kind", "external_id", "created_at"}
"""Columns that no change sets once the row is there."""


def test_a_row_has_the_columns_of_the_table() -> None:
    assert set(get_type_hints(RecordRow)) == set(records.c.keys())


def test_a_change_sets_every_column_that_is_not_fixed() -> None:
    assert set(get_type_hints(RecordChange)) == set(records.c.keys()) - FIXED


@pytest.mark.parametrize("name", sorted(set(records.c.keys()) - {"id"}))
def test_a_column_may_be_none_where_its_type_says_so(name: str) -> None:
    may_be_none = type(None) in getattr(get_type_hints(RecordRow)[name], "__args__", ())
    assert may_be_none == records.c[name].nullable


@pytest.mark.parametrize("name", sorted(set(records.c.keys()) - FIXED))
def test_row_and_change_give_a_column_one_type(name: str) -> None:
    assert get_type_hints(RecordRow)[name] == get_type_hints(RecordChange)[name]
