"""A record tagged: the schedule and the columns that follow from its facts, its context and the policy.

The rules work the tags out (`hooks.retention.tags`), and the ledger turns them into columns
(`hooks.ledger.tag_columns`).
"""

from __future__ import annotations

from typing import NamedTuple

from hooks.ledger.rows import RecordChange
from hooks.ledger.tag_columns import record_columns, tag_columns
from hooks.retention.facts import Facts
from hooks.retention.policy import Policy
from hooks.retention.recipients import RecipientCriteria
from hooks.retention.schedule import Schedule
from hooks.retention.tags import NEUTRAL, Context, tags_of, tags_of_facts


class Tagged(NamedTuple):
    """A record's schedule, and the columns that say so."""

    schedule: Schedule
    columns: RecordChange


def tag(facts: Facts, policy: Policy, context: Context = NEUTRAL) -> Tagged:
    """Tag a record: return its schedule, and the columns that depend on facts, context and policy."""
    tags = tags_of(facts, policy, context)
    return Tagged(tags.schedule, record_columns(facts, tags, context))


def tag_without_context(facts: Facts, policy: Policy) -> tuple[Tagged, RecipientCriteria]:
    """Tag a record by its facts alone, without the cache and without the columns that name its owner.

    Also returns the criteria by which its recipients are found.
    """
    tags = tags_of_facts(facts, policy)
    return Tagged(tags.schedule, tag_columns(tags)), tags.received
