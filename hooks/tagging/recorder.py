"""The recorder tags a record and saves it. Everything that is learnt of a record reaches the ledger through here.

The danger: a schedule that is wrong by a day, a change without a reason in the history, or a store that is written to
although nothing changed.

The principle: compare the row as it is with the row as it should be, and save the difference.

The rules:

- All tags are worked out again from the facts and the context, each time. No tag is patched.
- The history gets a line only if a tag, a date or an entry is different. Another wording is no difference.
- A push is planned only if the store is known to hold something else than it should (`hooks.tagging.changes`).
- A refetch is planned if the rules need something that the store has not shown, or if only the store can settle a tie.
- A record that was parsed for other `meta_data` keys than the policy's is refetched: the ledger kept only what the
  rules needed then.
- If the owner of a record changes, the records that showed it are marked for re-tagging.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement

from hooks.ledger import records
from hooks.ledger.codec import read_events, read_facts
from hooks.ledger.moment import Moment
from hooks.ledger.records import RecordKey
from hooks.ledger.rows import RETAG_PREFIX, RecordChange, RecordRow, changed_row
from hooks.ledger.unit import Unit
from hooks.retention.events import standing_of
from hooks.retention.facts import (
    STORED_KINDS,
    ConsentFacts,
    Facts,
    OrderFacts,
    ReportedFacts,
    SupportRequestFacts,
)
from hooks.retention.policy import Policy
from hooks.retention.schedule import OPEN_PHASES
from hooks.retention.tags import (
    is_decided,
    is_parsed_otherwise,
    tagged_by,
    were_holds_mistaken,
)
from hooks.tagging.changes import (
    explain_change,
    is_confirmed,
    is_rescheduled,
    plan_push,
    plan_refetch,
    request_refetch,
)
from hooks.tagging.context import context_of, owner_of_record
from hooks.tagging.tagger import Tagged, tag


@dataclass(frozen=True, slots=True)
class Update:
    """News of a record: its facts, and what else was learnt.

    `cause`: where it was learnt, for the history.
    `change`: columns to set besides the tags.
    `note`: a sentence for the history; the record then gets a line even if its schedule is the same.
    `is_answer`: the store has just been asked, and its answer was parsed for the policy in force.
    `tagged`: the tags, where they are known already.
    """

    facts: Facts
    cause: str
    change: RecordChange = field(default_factory=RecordChange)
    note: str = ""
    is_answer: bool = False
    tagged: Tagged | None = None


@dataclass(frozen=True, slots=True)
class Recorder:
    """Tags and saves records, by one policy."""

    policy: Policy

    def save(self, unit: Unit, row: RecordRow, update: Update, moment: Moment) -> bool:
        """Tag, schedule and save a record. Return True if anything about its schedule is different now."""
        facts, extra = update.facts, update.change
        context = context_of(unit, changed_row(row, extra), facts)
        schedule, columns = update.tagged or tag(facts, self.policy, context)
        change: RecordChange = {**columns, **extra}
        if isinstance(facts, OrderFacts) and row["linked"]:
            # Keep the hash, also of an erased order: tools reported about the order by its address.
            change["email_hash"] = facts.email_hash or None
        change |= self._refetch(row, update, change, moment)
        if _differs(row, change):
            change |= plan_push(row, change, moment)
            change["updated_at"] = moment.now
        unit.save(row, change)
        is_different = is_rescheduled(row, change)
        if update.note or (is_different and schedule.phase != "unknown"):
            sentences = [update.note] if update.note else []
            if is_different:
                sentences.append(explain_change(row, change, schedule))
            text = ". ".join(sentences)
            unit.remember(changed_row(row, change), moment.now, update.cause, text)
        _retag_former_owner(unit, row, change)
        return is_different

    def _refetch(
        self, row: RecordRow, update: Update, change: RecordChange, moment: Moment
    ) -> RecordChange:
        """Plan the refetch; also one for a record that was parsed for other keys than the policy's."""
        if not update.is_answer and self._is_parsed_otherwise(row):
            return request_refetch(row, "read-otherwise", moment)
        is_doubtful = bool(change.get("doubtful"))
        return plan_refetch(row, update.facts, moment, doubtful=is_doubtful)

    def _is_parsed_otherwise(self, row: RecordRow) -> bool:
        if not row["facts"] or row["kind"] not in STORED_KINDS:
            return False
        return is_parsed_otherwise(row["tagged_by"].removeprefix(RETAG_PREFIX), self.policy)

    def retag(self, unit: Unit, key: RecordKey, moment: Moment) -> bool:
        """Tag a record by the policy in force and its context now. Return True if its schedule is different.

        A record that is gone keeps its tags.
        """
        row = unit.find(key) or records.blank(key, moment.now)
        facts = facts_of(row)
        if facts is None or row["state"] == "gone":
            change: RecordChange = {"tagged_by": tagged_by(self.policy)}
            change |= self.drop_address(unit, row)
            change |= self.clear_mistaken_hold(unit, row)
            unit.save(row, change)
            return False
        is_different = self.save(unit, row, Update(facts, "tagged anew"), moment)
        if isinstance(facts, SupportRequestFacts | ConsentFacts):  # its owner may be another by now
            self.link(unit, row["store"], facts, moment)
        return is_different

    def retag_without_context(
        self, unit: Unit, row: RecordRow, facts: Facts, tagged: Tagged, moment: Moment
    ) -> None:
        """Save the known tags of a record that has no context."""
        self.save(unit, row, Update(facts, "tagged anew", tagged=tagged), moment)

    def drop_address(self, unit: Unit, row: RecordRow) -> RecordChange:
        """Drop the address hash of an order that is gone.

        It stays while a request or a hold is in effect, or where a tool reported about the order by its address.
        """
        facts = facts_of(row)
        if not isinstance(facts, OrderFacts) or row["email_hash"] is None or row["linked"]:
            return {}
        context = context_of(unit, row, facts)
        if is_decided(standing_of(context.own, context.person)):
            return {}
        return {"email_hash": None}

    def clear_mistaken_hold(self, unit: Unit, row: RecordRow) -> RecordChange:
        """Clear a record that is gone of a hold that was reported by mistake.

        A hold that was lifted since was in effect on that day, and stays.
        """
        if not row["held"] or row["closed_on"] is None:
            return {}
        events_by_name = [read_events(row["events"])]
        if row["kind"] != "customer" and row["customer_id"]:
            account = unit.find(RecordKey(row["store"], "customer", row["customer_id"]))
            if account:
                events_by_name.append(read_events(account["events"]))
        is_mistake = were_holds_mistaken(events_by_name, row["closed_on"], self.policy)
        return {"held": False} if is_mistake else {}

    def lift_restriction(self, unit: Unit, row: RecordRow) -> RecordChange:
        """Show the days of a record that is gone as they were without a restriction.

        The restriction hides the day until which the law wanted it kept.
        """
        facts = facts_of(row)
        if facts is None or row["state"] not in OPEN_PHASES or not is_confirmed(row):
            return {}
        context = context_of(unit, row, facts)
        if standing_of(context.own, context.person).restriction is None:
            return {}
        columns = tag(facts, self.policy, context.without("restriction")).columns
        return {
            "held": columns["held"],
            "review_after": columns["review_after"],
            "delete_after": columns["delete_after"],
        }

    def link(self, unit: Unit, store: str, facts: ReportedFacts, moment: Moment) -> None:
        """Link a request or a consent to the records that it is about: the customer's record shows its entries."""
        for subject in sorted(facts.subjects):
            if subject.kind == "order":
                self._link(unit, RecordKey(store, "order", int(subject.value)), moment)
        customer_id = owner_of_record(unit, store, facts).customer_id
        if customer_id:
            self._link(unit, RecordKey(store, "customer", customer_id), moment)

    def _link(self, unit: Unit, key: RecordKey, moment: Moment) -> None:
        row = unit.find(key) or records.blank(key, moment.now)
        facts = facts_of(row)
        change: RecordChange = {"linked": True}
        if facts is None:
            unit.save(row, {**change, **request_refetch(row, "unseen", moment)})
        elif row["kind"] == "customer" and row["state"] != "gone":
            self.save(unit, row, Update(facts, "what is linked to it", change), moment)
        else:
            unit.save(row, change)


def mark_for_refetch(unit: Unit, key: RecordKey, reason: str, moment: Moment) -> None:
    """Have the store asked about a record, also about one of which nothing is known yet."""
    row = unit.find(key) or records.blank(key, moment.now)
    unit.save(row, request_refetch(row, reason, moment))


def facts_of(row: RecordRow) -> Facts | None:
    """Read the facts of a record; None where nothing is known of it."""
    if not row["facts"]:
        return None
    return read_facts(row["kind"], row["facts"], row["email_hash"])


def _differs(row: RecordRow, change: RecordChange) -> bool:
    current: Mapping[str, Any] = row
    return any(current[name] != value for name, value in change.items())


def _retag_former_owner(unit: Unit, row: RecordRow, change: RecordChange) -> None:
    """Have the requests about an order re-tagged when its owner changes, and the former customer of a request.

    Requests about an order are its owner's. The former customer must not show the entries of another person.
    """
    same_customer = change.get("customer_id", row["customer_id"]) == row["customer_id"]
    same_address = change.get("email_hash", row["email_hash"]) == row["email_hash"]
    if same_customer and same_address:
        return
    condition: ColumnElement[bool] | None = None
    if row["kind"] == "order" and row["linked"]:
        condition = records.is_about_order(row["external_id"])
    elif row["kind"] not in STORED_KINDS and row["customer_id"]:
        condition = records.is_account(row["customer_id"])
    if condition is not None:
        unit.settle()
        records.mark_for_retag(unit.connection, row["store"], condition)
