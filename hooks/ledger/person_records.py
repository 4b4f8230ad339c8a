"""All records of one person, as far as the ledger knows the owner of each record."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, String, and_, cast, or_, select

from hooks.ledger.persons import accounts_with, emails_of
from hooks.ledger.records import is_about_order, is_account, is_of_customer
from hooks.ledger.rows import RecordRow, record_row
from hooks.ledger.tables import records
from hooks.retention.facts import MAX_ID, STORED_KINDS


def records_of_customer(connection: Connection, store: str, customer_id: int) -> list[RecordRow]:
    """Return the account and all orders, requests and consents of a customer, in order of kinds and ids.

    Their state does not matter, and the account itself may be unknown. Records about one of the orders belong to the
    customer as well. So do records without an account that have one of the addresses that the account ever had.
    """
    if customer_id > MAX_ID:
        return []
    return _select(connection, store, _of_person(connection, store, {customer_id}, set()))


def records_of_address(connection: Connection, store: str, email_hash: str) -> list[RecordRow]:
    """Return all records of the person with an address, given by its keyed hash.

    These are the records without an account that have the address, and all records of each account that ever had it.
    """
    accounts = accounts_with(connection, store, email_hash)
    return _select(connection, store, _of_person(connection, store, accounts, {email_hash}))


def _of_person(
    connection: Connection, store: str, accounts: set[int], hashes: set[str]
) -> ColumnElement[bool]:
    """Build the condition of all records of these accounts, of these addresses, and of the accounts' addresses."""
    conditions: list[ColumnElement[bool]] = []
    all_hashes = set(hashes)
    for customer_id in sorted(accounts):
        all_hashes |= emails_of(connection, store, customer_id)
        conditions += [
            is_account(customer_id),
            is_of_customer(customer_id),
            records.c.subject == f"customer:{customer_id}",
        ]
    if all_hashes:
        has_no_account = and_(records.c.kind != "customer", records.c.customer_id.is_(None))
        has_address = records.c.email_hash.in_(sorted(all_hashes))
        conditions.append(and_(has_address, has_no_account))
    orders = select("order:" + cast(records.c.external_id, String)).where(
        records.c.store == store, records.c.kind == "order", or_(*conditions)
    )
    return or_(*conditions, records.c.subject.in_(orders))


def records_around_order(connection: Connection, store: str, order_id: int) -> list[RecordRow]:
    """Return an order, and the requests and consents that name it or that its customer has."""
    if order_id > MAX_ID:
        return []
    order = and_(records.c.kind == "order", records.c.external_id == order_id)
    owner = select(records.c.customer_id).where(records.c.store == store, order).scalar_subquery()
    reported = and_(records.c.customer_id == owner, records.c.kind.not_in(STORED_KINDS))
    return _select(connection, store, or_(order, is_about_order(order_id), reported))


def has_unassigned_records(connection: Connection, store: str) -> bool:
    """Tell whether the owner of some records is not worked out yet, as in a ledger that was just upgraded."""
    query = select(records.c.id).where(
        records.c.store == store, records.c.tagged_by == "", records.c.facts.is_not(None)
    )
    return connection.execute(query.limit(1)).first() is not None


def _select(connection: Connection, store: str, condition: ColumnElement[bool]) -> list[RecordRow]:
    query = select(records).where(records.c.store == store, condition)
    query = query.order_by(records.c.kind, records.c.external_id)
    return [record_row(row) for row in connection.execute(query).mappings()]
