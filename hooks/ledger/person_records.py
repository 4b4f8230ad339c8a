"""All records of one person, as far as the ledger knows whose they are."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, String, and_, cast, or_, select

from hooks.ledger.persons import accounts_with, emails_of
from hooks.ledger.records import Values, about_order, of_customer, the_customer
from hooks.ledger.tables import records
from hooks.retention.facts import MAX_ID, STORED_KINDS


def held_of(connection: Connection, store: str, customer_id: int) -> list[Values]:
    """The account, and all orders, requests and consents of a customer, in order of kinds and ids; whatever their
    state, and also where the account itself is unknown. What is about one of these orders is the customer's too, and
    so is what has no account and one of the addresses that this one ever had."""
    if customer_id > MAX_ID:
        return []
    return _found(connection, store, _of_person(connection, store, {customer_id}, set()))


def held_under(connection: Connection, store: str, email_hash: str) -> list[Values]:
    """All records of whoever has the address of a keyed hash: those without an account, and those of each account that
    ever had it."""
    accounts = accounts_with(connection, store, email_hash)
    return _found(connection, store, _of_person(connection, store, accounts, {email_hash}))


def _of_person(
    connection: Connection, store: str, accounts: set[int], hashes: set[str]
) -> ColumnElement[bool]:
    """The condition of all records under these accounts, and under these addresses and those of the accounts."""
    conditions: list[ColumnElement[bool]] = []
    for number in sorted(accounts):
        hashes = hashes | emails_of(connection, store, number)
        conditions += [
            the_customer(number),
            of_customer(number),
            records.c.subject == f"customer:{number}",
        ]
    if hashes:
        no_account = and_(records.c.kind != "customer", records.c.customer_id.is_(None))
        conditions.append(and_(records.c.email_hash.in_(sorted(hashes)), no_account))
    orders = select("order:" + cast(records.c.external_id, String)).where(
        records.c.store == store, records.c.kind == "order", or_(*conditions)
    )
    return or_(*conditions, records.c.subject.in_(orders))


def held_with(connection: Connection, store: str, order_id: int) -> list[Values]:
    """An order, and the requests and consents that may be about it: those that name it, and those of its customer."""
    if order_id > MAX_ID:
        return []
    order = and_(records.c.kind == "order", records.c.external_id == order_id)
    owner = select(records.c.customer_id).where(records.c.store == store, order).scalar_subquery()
    reported = and_(records.c.customer_id == owner, records.c.kind.not_in(STORED_KINDS))
    return _found(connection, store, or_(order, about_order(order_id), reported))


def not_found_yet(connection: Connection, store: str) -> bool:
    """Whether there are records of which it was not worked out yet whose they are: those of a ledger that was brought
    up to this version a moment ago."""
    new = (records.c.store == store, records.c.tagged_by == "", records.c.facts.is_not(None))
    return connection.execute(select(records.c.id).where(*new).limit(1)).first() is not None


def _found(connection: Connection, store: str, whose: ColumnElement[bool]) -> list[Values]:
    chosen = (
        select(records)
        .where(records.c.store == store, whose)
        .order_by(records.c.kind, records.c.external_id)
    )
    return [_values(row) for row in connection.execute(chosen).mappings()]


def _values(row: Any) -> Values:
    return dict(row)
