"""`policy show`, `diff` and `apply`, run as an operator runs them. Exit status: 0 fine, 1 a finding, 2 wrong use."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hooks.ledger import policies
from hooks.ledger.database import Database
from hooks.ledger.tables import metadata
from hooks.retention.policy import Policy
from tests.support.large_ledger import family_rows, fill_ledger
from tests.support.policies import variant
from tests.support.processes import Stack, stack

FAMILIES = 5
RECORDS = 100
MILD = {"customer-accounts": "P30M", "unpaid-orders": "P13M"}
"""Moves accounts and orders that were never paid to later, and makes none due."""

HARSH = {"customer-accounts": "P1D", "unpaid-orders": "P1D"}
"""Makes most of them due at once."""


@pytest.fixture
def shop(tmp_path: Path, policy: Policy) -> Iterator[Stack]:
    """A ledger with a hundred records, all tagged by the policy that is in force; no process runs."""
    now = datetime.now(UTC)
    with stack(tmp_path, f"sqlite:///{tmp_path}/ledger.db") as processes:
        processes.migrate()
        with closing(Database(processes.database_url)) as ledger:
            fill_ledger(ledger, family_rows(policy, FAMILIES, now))
            with ledger.write() as connection:
                policies.put_in_force(connection, policy, now - timedelta(days=30))
        yield processes


def write(folder: Path, policy: Policy) -> str:
    """The policy's file."""
    path = folder / f"{policy.id}.toml"
    path.write_text(policy.text)
    return str(path)


def dump(processes: Stack) -> dict[str, list[Any]]:
    """All that the ledger holds."""
    with closing(Database(processes.database_url)) as ledger, ledger.read() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table))]
            for table in metadata.sorted_tables
        }


def in_force(processes: Stack) -> str:
    """The id of the policy in force."""
    with closing(Database(processes.database_url)) as ledger, ledger.read() as connection:
        found = policies.in_force(connection)
    assert found is not None
    return str(found.id)


# --- diff ----------------------------------------------------------------------------------------------------


def test_diff_says_what_another_policy_would_change_and_changes_nothing(
    shop: Stack, policy: Policy, tmp_path: Path
) -> None:
    before, mild = dump(shop), variant(policy, "mild", keep=MILD)
    said = shop.flask("policy", "diff", write(tmp_path, mild))
    assert said.returncode == 1, "much is kept longer"
    as_json = shop.flask("policy", "diff", write(tmp_path, mild), "--json")
    found = json.loads(as_json.stdout)
    assert as_json.returncode == 1
    assert dump(shop) == before
    assert (found["from"], found["to"], found["total"]) == (policy.id, "mild", RECORDS)
    assert found["moved"] <= found["later"] > found["earlier"] == found["due_at_once"] == 0
    assert (found["told"].keys(), 0 < found["told"][policy.id] <= found["later"]) == (
        {policy.id},
        True,
    )
    head, counts, ways, due, longer, law, *rest = said.stdout.splitlines()
    assert head == f"{policy.id} ({policy.digest}) → mild ({mild.digest})"
    moved = f"{RECORDS} records; {found['moved']} would move, and of {found['parts_moved']} more only a part"
    assert counts.strip() == moved
    later = found["later"]
    assert (
        ways.strip()
        == f"0 would go earlier, {later} later ({later / RECORDS:.1%}), as a whole or in part"
    )
    assert due.strip() == "0 would be due at once (0.0%)"
    told = (
        f"people who were told an earlier date: up to {found['told'][policy.id]} under {policy.id}"
    )
    assert longer.strip() == f"Kept longer: {later} of {RECORDS} records; {told}"
    assert law.strip().endswith("GDPR Art. 5(1)(b), 13(2)(a)")
    assert [line.split(":")[0].strip() for line in rest[:2]] == sorted(found["by_class"])
    assert len(found["examples"]) == len(rest) - 3 == found["moved"] + found["parts_moved"]


def test_diff_of_a_policy_that_makes_much_due_at_once_is_a_finding(
    shop: Stack, policy: Policy, tmp_path: Path
) -> None:
    said = shop.flask("policy", "diff", write(tmp_path, variant(policy, "harsh", keep=HARSH)))
    assert said.returncode == 1, said.stderr
    assert "due at once (" in said.stdout
    assert said.stdout.count("  due at once") == 10, "of the examples"


def test_diff_without_a_file_uses_the_policy_of_the_settings(
    shop: Stack, policy: Policy, tmp_path: Path
) -> None:
    same = shop.flask("policy", "diff")
    assert same.returncode == 0
    assert "0 would move" in same.stdout
    named = shop.flask(
        "policy", "diff", "--json", POLICY_FILE=write(tmp_path, variant(policy, "mild", keep=MILD))
    )
    assert json.loads(named.stdout)["to"] == "mild"


FILES = {
    "none": (None, "cannot be read"),
    "not TOML": ("id = ", "is not TOML"),
    "not a policy": ('id = "x"', "classes"),
    "not text": (b"\xff\xfe\x00", "is not TOML"),
}


@pytest.mark.parametrize(("content", "words"), FILES.values(), ids=FILES)
def test_a_file_that_is_no_policy_is_said_in_words(
    shop: Stack, tmp_path: Path, content: str | bytes | None, words: str
) -> None:
    path = tmp_path / "given.toml"
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    done = shop.flask("policy", "diff", str(path))
    assert (done.returncode, done.stdout) == (2, "")
    assert "given.toml" in done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments", [("policy", "diff"), ("policy", "apply"), ("policy", "apply", "--yes")]
)
def test_without_a_ledger_nothing_can_be_said_or_done(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    with stack(tmp_path, f"sqlite:///{tmp_path}/ledger.db") as processes:
        done = processes.flask(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "ledger.db").exists()


# --- apply, and what show says then --------------------------------------------------------------------------


def test_apply_activates_a_policy_and_show_reports_progress(
    shop: Stack, policy: Policy, tmp_path: Path
) -> None:
    mild = write(tmp_path, variant(policy, "mild", keep=MILD))
    refused = shop.flask("policy", "apply", POLICY_FILE=mild)
    assert (refused.returncode, in_force(shop)) == (1, policy.id)
    assert (
        "Not put in force: it would keep more than 1 % of the records longer than people were told"
        in refused.stderr
    )
    done = shop.flask("policy", "apply", "--yes", POLICY_FILE=mild)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith(f"{policy.id} ({policy.digest}) → mild")
    assert "mild is in force" in done.stdout
    assert in_force(shop) == "mild"
    for env in ({}, {"POLICY_FILE": write(tmp_path, variant(policy, "harsh", keep=HARSH))}):
        shown = shop.flask("policy", "show", **env)
        assert shown.returncode == 0
        assert shown.stdout.startswith("mild  version 2  in force from 2026-02-01"), (
            "whatever the settings name"
        )
        assert f"{RECORDS} record(s) are still to be tagged by it" in shown.stdout


def test_apply_of_a_policy_that_makes_much_due_needs_yes(
    shop: Stack, policy: Policy, tmp_path: Path
) -> None:
    harsh = write(tmp_path, variant(policy, "harsh", keep=HARSH))
    refused = shop.flask("policy", "apply", POLICY_FILE=harsh)
    assert refused.returncode == 1
    assert "would be due at once" in refused.stdout
    assert (
        "Not put in force: it would make more than 1 % of the records due at once."
        in refused.stderr
    )
    assert "--yes" in refused.stderr
    assert in_force(shop) == policy.id
    assert "harsh waits: it would make more than 1 %" in shop.flask("policy", "show").stdout
    assert shop.flask("policy", "apply", "--yes", POLICY_FILE=harsh).returncode == 0
    assert in_force(shop) == "harsh"
    back = shop.flask("policy", "apply")
    assert (back.returncode, in_force(shop)) == (1, "harsh")
    assert "it was in force before, and another one took its place" in back.stderr


def test_yes_does_not_activate_a_policy_before_its_day(
    shop: Stack, policy: Policy, tmp_path: Path
) -> None:
    later = variant(policy, "later", effective_from="2126-01-01")
    refused = shop.flask("policy", "apply", "--yes", POLICY_FILE=write(tmp_path, later))
    assert refused.returncode == 1
    assert "it is in force only from 2126-01-01 on" in refused.stderr
    assert "--yes" not in refused.stderr
    assert in_force(shop) == policy.id


def test_apply_of_the_one_in_force_does_nothing(shop: Stack, policy: Policy) -> None:
    before = dump(shop)
    done = shop.flask("policy", "apply")
    assert done.returncode == 0, done.stderr
    assert f"{policy.id} is in force" in done.stdout
    assert dump(shop) == before
