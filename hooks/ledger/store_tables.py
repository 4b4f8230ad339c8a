"""The tables of stores, of the work that is done for each store, and of policies and pages. Instants are UTC."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    Integer,
    String,
    Table,
    Text,
    false,
    text,
)

from hooks.ledger.columns import Instant, metadata

stores = Table(
    "stores",
    metadata,
    Column("slug", String(32), primary_key=True),
    Column("last_pushed_at", Instant),
    Column("last_reconciled_at", Instant),
    # The backoff: no call is made before `resume_at`, because of `stopped_code`. `stopped_permanent`: until an
    # operator acts.
    Column("resume_at", Instant),
    Column("stopped_code", String(64)),
    Column("stopped_since", Instant),
    Column("stopped_permanent", Boolean, nullable=False, server_default=false()),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    # The rate limit: the next call may be made at `next_call_at`; `rate` is the number of calls a second.
    Column("next_call_at", Instant),
    Column("rate", Float),
    # JSON: the store's usual response time in seconds, by kind of call.
    Column("usual", Text),
    # When our webhooks were first seen in the store.
    Column("installed_at", Instant),
    # When a change was last found that no delivery had told.
    Column("missed_at", Instant),
    # The address of the shop that the records belong to.
    Column("url", Text),
    # When a worker last worked for the store.
    Column("worker_at", Instant),
    # The time that the store gave in its last answer, and the time of our own clock then.
    Column("store_time", Instant),
    Column("store_time_at", Instant),
)

store_traits = Table(
    "store_traits",
    metadata,
    Column("store", String(32), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("value", String(200), nullable=False),
    # When the trait was first seen.
    Column("since", Instant, nullable=False),
)

rounds = Table(
    "rounds",
    metadata,
    Column("store", String(32), primary_key=True),
    # watch | changes | orders | customers | unlisted
    Column("name", String(16), primary_key=True),
    Column("due_at", Instant, nullable=False),
    # When somebody asked for a round from the start, even if one is under way.
    Column("asked_for_at", Instant),
    # The token of the worker that has claimed the round, and the end of the claim.
    Column("claim", String(32)),
    Column("claim_until", Instant),
    # When the round under way began. None: no round is under way.
    Column("began_at", Instant),
    # What `mark` becomes when the round under way ends.
    Column("began_mark", Instant),
    # The place of the round under way: which list, the last id, the place in the list, and how many were seen.
    Column("listing", Integer, nullable=False, server_default=text("0")),
    Column("last_id", BigInteger, nullable=False, server_default=text("0")),
    Column("position", Integer, nullable=False, server_default=text("0")),
    Column("seen", Integer, nullable=False, server_default=text("0")),
    # The length of the list as the store gives it. For display only.
    Column("total", Integer),
    # Set by the last finished round: every change before this time of the store's clock is in the ledger.
    Column("mark", Instant),
    Column("done_at", Instant),
    Column("error", String(64)),
    Column("error_since", Instant),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("store", String(32), primary_key=True),
    Column("topic", String(100), primary_key=True),
    # The store's own id of the webhook. None: the store has no webhook for the topic.
    Column("external_id", BigInteger),
    # active | paused | disabled | missing | elsewhere
    Column("status", String(16), nullable=False),
    # A keyed digest of the secret that we gave the webhook.
    Column("secret_digest", String(32)),
    Column("checked_at", Instant, nullable=False),
    Column("wrong_since", Instant),
)

policies = Table(
    "policies",
    metadata,
    Column("digest", String(16), primary_key=True),
    Column("id", String(64), nullable=False),
    Column("version", String(32), nullable=False),
    Column("effective_from", Date, nullable=False),
    # The policy file.
    Column("text", Text, nullable=False),
    # proposed | in-force | superseded
    Column("state", String(10), nullable=False),
    Column("proposed_at", Instant, nullable=False),
    Column("in_force_at", Instant),
    # Why a proposed policy may not be activated yet.
    Column("waits_for", String(32)),
    # JSON: what the policy would change.
    Column("impact", Text),
)

pages = Table(
    "pages",
    metadata,
    Column("url", String(500), primary_key=True),
    Column("due_at", Instant, nullable=False),
    Column("checked_at", Instant),
    # The policy that the findings are about.
    Column("policy_digest", String(16)),
    # JSON
    Column("findings", Text),
    # When a drift was first found.
    Column("since", Instant),
    Column("error", Text),
    Column("error_since", Instant),
    Column("claim_until", Instant),
)

write_probe = Table(
    "write_probe",
    metadata,
    # There is one row, with the id 1.
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
)
"""Written only to find out whether the ledger can be written."""
