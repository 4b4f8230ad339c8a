"""A record tagged: the columns that follow from its facts, its context and the policy.

Most records differ from another one only in what the rules do not see, such as the time of day. The tags of such facts
are worked out once and cached. The cache holds only what follows from the facts alone; a record with a context of its
own is tagged anew each time.
"""

from __future__ import annotations

from typing import NamedTuple

from hooks.ledger.codec import facts_text
from hooks.ledger.rows import RecordChange
from hooks.ledger.tag_columns import tag_columns
from hooks.retention.cache import BoundedCache
from hooks.retention.events import Standing
from hooks.retention.facts import CustomerFacts, Facts, OrderFacts
from hooks.retention.policy import Policy
from hooks.retention.recipients import OrderMethods, RecipientCriteria, matching_recipients
from hooks.retention.rule_view import rule_view
from hooks.retention.schedule import Schedule
from hooks.retention.tags import Context, is_decided, received_of, tags_of

CACHE_SIZE = 4096
"""The number of different facts whose tags are cached; about 10 KB each."""

NEUTRAL = Context()


class Tagged(NamedTuple):
    """A record's schedule, and the columns that say so."""

    schedule: Schedule
    columns: RecordChange


_cache: BoundedCache[tuple[str, Facts], Tagged] = BoundedCache(CACHE_SIZE)


def tag(facts: Facts, policy: Policy, context: Context = NEUTRAL) -> Tagged:
    """Tag a record: return its schedule, and the columns that depend on facts, context and policy."""
    in_effect = context.standing(facts)
    if context.is_neutral:
        schedule, shared = _tag_facts(facts, policy)
    else:
        tags = tags_of(facts, policy, in_effect, context.linked)
        schedule, shared = tags.schedule, tag_columns(tags)
    own: RecordChange = {
        "facts": facts_text(facts),
        "customer_id": context.customer_id,
        "recipients": ",".join(_recipients(facts, schedule, policy, in_effect)),
        **_role(facts, schedule),
        **_address(facts, schedule, context, in_effect),
    }
    return Tagged(schedule, {**shared, **own})


def tag_without_context(facts: Facts, policy: Policy) -> tuple[Tagged, RecipientCriteria]:
    """Tag a record by its facts alone, without the cache and without the columns that name its owner.

    Also returns the data by which its recipients are told.
    """
    tags = tags_of(facts, policy)
    return Tagged(tags.schedule, tag_columns(tags)), received_of(facts, tags.schedule, policy)


def _tag_facts(facts: Facts, policy: Policy) -> Tagged:
    """Tag by the facts alone, from the cache where that is possible."""
    if not isinstance(facts, OrderFacts | CustomerFacts):
        return tag_without_context(facts, policy)[0]
    key = policy.digest, rule_view(facts, policy.time_zone)
    cached = _cache.get(key)
    if cached is None:
        tags = tags_of(facts, policy)
        cached = _cache.put(key, Tagged(tags.schedule, tag_columns(tags)))
    return cached


def _recipients(
    facts: Facts, schedule: Schedule, policy: Policy, in_effect: Standing
) -> tuple[str, ...]:
    ways = OrderMethods(facts.payment, facts.carriers) if isinstance(facts, OrderFacts) else None
    return matching_recipients(received_of(facts, schedule, policy, in_effect), ways, policy)


def _role(facts: Facts, schedule: Schedule) -> RecordChange:
    """Return the role of an account that is ignored. Facts that come from the ledger have no role: no column then."""
    if schedule.phase != "ignored":
        return {"role": None}
    return {"role": facts.role} if isinstance(facts, CustomerFacts) and facts.role else {}


def _address(
    facts: Facts, schedule: Schedule, context: Context, in_effect: Standing
) -> RecordChange:
    """Return the address hash of a record. No column for an account, whose addresses have a table of their own.

    An order's hash is dropped once nothing is left of the order, and no request or hold is in effect.
    """
    match facts:
        case CustomerFacts():
            return {}
        case OrderFacts():
            is_over = schedule.phase == "erased" and not schedule.entries
            if is_over and not is_decided(in_effect):
                return {"email_hash": None}
            return {"email_hash": facts.email_hash or None}
        case _:
            return {"email_hash": context.email_hash}
