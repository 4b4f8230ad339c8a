"""A record is tagged by all that bears on it, scheduled, and saved, with a line of history where its schedule changes.

Whatever is learnt of a record, this is how the ledger comes to say so.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement

from hooks.ledger import records
from hooks.ledger.codec import read_events, read_facts
from hooks.ledger.moment import Moment
from hooks.ledger.records import RecordKey, Values
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
from hooks.tagging.changes import is_confirmed, pushing, question, questions, reason_for, shown
from hooks.tagging.context import bearing, owner_of_record
from hooks.tagging.tags import (
    Tags,
    is_decided,
    read_otherwise,
    tagged_by,
    tags,
    were_holds_mistaken,
)


@dataclass(frozen=True, slots=True)
class Recorder:
    """Tags and saves records, by one policy."""

    policy: Policy

    def save(
        self,
        unit: Unit,
        known: Values,
        facts: Facts,
        extra: Values,
        moment: Moment,
        cause: str,
        told: str = "",
        *,
        read: bool = False,
        made: Tags | None = None,
    ) -> bool:
        """Tag, schedule and write a record; True if anything about its schedule is different now.

        `told` is for the history, which then has a line of it whatever becomes of the schedule. `read`: the store has
        just been asked, with the policy's own words in mind. `made` are its tags, where they are known.
        """
        bears = bearing(unit, known | extra, facts)
        plan, changed = made or tags(facts, self.policy, bears)
        changed |= extra
        if isinstance(facts, OrderFacts) and known["linked"]:
            changed["email_hash"] = (
                facts.email_hash or None
            )  # what was reported about it goes by its address
        asked = {} if read else self._read_otherwise(known, moment)
        changed |= asked or questions(known, facts, moment, doubtful=bool(changed.get("doubtful")))
        if any(known[name] != value for name, value in changed.items()):
            changed |= pushing(known, changed, moment) | {"updated_at": moment.now}
        unit.save(known, changed)
        different = shown(changed, known)
        if (different and plan.phase != "unknown") or told:
            reason = ". ".join(
                filter(None, (told, reason_for(known, changed, plan) if different else ""))
            )
            unit.remember(known | changed, moment.now, cause, reason)
        if any(
            changed.get(name, known[name]) != known[name] for name in ("customer_id", "email_hash")
        ):
            _owner_changed(unit, known)
        return different

    def _read_otherwise(self, known: Values, moment: Moment) -> Values:
        """Have the store asked once more about what was read with other words in mind than the policy's."""
        told = known["facts"] and known["kind"] in STORED_KINDS
        if not told or not read_otherwise(known["tagged_by"], self.policy):
            return {}
        return question(known, "read-otherwise", moment)

    def tag_anew(self, unit: Unit, key: RecordKey, moment: Moment) -> bool:
        """Tag a record by the policy in force and by what bears on it now; True if its schedule is different.

        A record that is gone keeps what stood.
        """
        known = unit.find(key) or records.blank(key, moment.now)
        facts = facts_of(known)
        if facts is None or known["state"] == "gone":
            changed_anyway = self.without_address(unit, known) | self.without_mistake(unit, known)
            unit.save(known, {"tagged_by": tagged_by(self.policy)} | changed_anyway)
            return False
        changed = self.save(unit, known, facts, {}, moment, "tagged anew")
        if isinstance(facts, SupportRequestFacts | ConsentFacts):  # it may be another's by now
            self.link(unit, known["store"], facts, moment)
        return changed

    def without_address(self, unit: Unit, known: Values) -> Values:
        """The columns that drop the hash of an order that is gone, unless a request or a hold on it stands, or what a
        tool reported is about it and goes by its address."""
        facts = facts_of(known)
        if not isinstance(facts, OrderFacts) or known["email_hash"] is None or known["linked"]:
            return {}
        bears = bearing(unit, known, facts)
        return {} if is_decided(standing_of(bears.own, bears.person)) else {"email_hash": None}

    def without_mistake(self, unit: Unit, known: Values) -> Values:
        """The columns that clear a record that is gone of a hold that was reported by mistake. One that was lifted
        since stood on that day."""
        if not known["held"] or known["closed_on"] is None:
            return {}
        noted = [read_events(known["events"])]
        if known["kind"] != "customer" and known["customer_id"]:
            account = unit.find(RecordKey(known["store"], "customer", known["customer_id"]))
            noted += [read_events(account["events"])] if account else []
        is_mistake = were_holds_mistaken(noted, known["closed_on"], self.policy.time_zone)
        return {"held": False} if is_mistake else {}

    def without_restriction(self, unit: Unit, known: Values) -> Values:
        """The columns of a record that is gone as they were without a restriction, which hides the day until which the
        law wanted it kept."""
        facts = facts_of(known)
        if facts is None or known["state"] not in ("active", "trashed") or not is_confirmed(known):
            return {}
        bears = bearing(unit, known, facts)
        if standing_of(bears.own, bears.person).restriction is None:
            return {}
        _, columns = tags(facts, self.policy, bears.without("restriction"))
        return {name: columns[name] for name in ("held", "review_after", "delete_after")}

    def tag_alone(
        self, unit: Unit, known: Values, facts: Facts, made: Tags, moment: Moment
    ) -> None:
        """As `tag_anew`, of a record on which nothing bears but its own facts; `made` of them are these tags."""
        self.save(unit, known, facts, {}, moment, "tagged anew", made=made)

    def link(self, unit: Unit, store: str, facts: ReportedFacts, moment: Moment) -> None:
        """Those whom a request or a consent is about learn of it: the customer's record shows its entries."""
        for subject in sorted(facts.subjects):
            if subject.kind == "order":
                self._mark_linked(unit, RecordKey(store, "order", int(subject.value)), moment)
        customer_id = owner_of_record(unit, {"store": store}, facts).customer_id
        if customer_id:
            self._mark_linked(unit, RecordKey(store, "customer", customer_id), moment)

    def _mark_linked(self, unit: Unit, key: RecordKey, moment: Moment) -> None:
        known = unit.find(key) or records.blank(key, moment.now)
        facts, linked = facts_of(known), {"linked": True}
        if facts is None:
            unit.save(known, linked | question(known, "unseen", moment))
        elif known["kind"] == "customer" and known["state"] != "gone":
            self.save(unit, known, facts, linked, moment, "what is linked to it")
        else:
            unit.save(known, linked)


def ask(unit: Unit, key: RecordKey, reason: str, moment: Moment) -> None:
    """Mark a record as one that the store is to be asked about."""
    known = unit.find(key) or records.blank(key, moment.now)
    unit.save(known, question(known, reason, moment))


def facts_of(known: Values) -> Facts | None:
    """What is known of a record; None where nothing is."""
    return (
        read_facts(known["kind"], known["facts"], known["email_hash"]) if known["facts"] else None
    )


def _owner_changed(unit: Unit, known: Values) -> None:
    """Requests about an order are its owner's; and the customer before is not to show what is another's now."""
    about: ColumnElement[bool] | None = None
    if known["kind"] == "order" and known["linked"]:
        about = records.about_order(known["external_id"])
    elif known["kind"] not in STORED_KINDS and known["customer_id"]:
        about = records.the_customer(known["customer_id"])
    if about is not None:
        unit.settle()
        records.tag_again(unit.connection, known["store"], about)
