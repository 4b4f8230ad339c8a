"""Accounts over REST; what is shown of them hangs on the role behind the key."""

from deploy.sandbox.errors import cannot_batch, cannot_trash
from deploy.sandbox.queries import list_customers
from deploy.sandbox.records import Customer
from deploy.sandbox.rest.call import Answer, Call, batch_answer, page_answer
from deploy.sandbox.wire import Json


def listing(call: Call) -> Answer:
    """GET /customers."""
    page = list_customers(call.store.shop, call.params)
    open_ones = [customer for customer in page.items if call.shows("customer", customer.id)]
    return page_answer(page, [_shown(call, customer) for customer in open_ones], call.params)


def show(call: Call) -> Answer:
    """GET /customers/<id>."""
    call.assert_open("customer", call.id)
    return Answer(call.params.pick(_shown(call, call.store.shop.customer(call.id))))


def create(call: Call) -> Answer:
    """POST /customers."""
    return Answer(call.params.pick(_create(call, call.body)), 201)


def update(call: Call) -> Answer:
    """PUT, PATCH or POST /customers/<id>."""
    return Answer(call.params.pick(_update(call, {**call.body, "id": call.id})))


def delete(call: Call) -> Answer:
    """DELETE /customers/<id>, which must be forced: accounts have no trash."""
    call.store.shop.customer(call.id)
    call.assert_open("customer", call.id, writing=True)
    if not call.forced:
        raise cannot_trash("Customers")
    return Answer(_delete(call, call.id), allow=False)


def batch(call: Call) -> Answer:
    """POST /customers/batch, for administrators only."""
    if call.key.role != "administrator":
        raise cannot_batch()
    return batch_answer(call, _create, _update, _delete)


def _shown(call: Call, customer: Customer, *, deleted: bool = False) -> Json:
    with_meta = call.key.role == "administrator"
    return call.store.renderer.customer(customer, with_meta=with_meta, deleted=deleted)


def _create(call: Call, given: Json) -> Json:
    customer = call.store.customers.create(given)
    call.wrote(
        "customer", customer.id, [str(change.get("key")) for change in given.get("meta_data") or ()]
    )
    return _shown(call, customer)


def _update(call: Call, given: Json) -> Json:
    customer = call.store.shop.customer(int(given.get("id") or 0))
    call.assert_open("customer", customer.id, writing=True)
    call.wrote("customer", customer.id, call.store.customers.update(customer, given))
    return _shown(call, customer)


def _delete(call: Call, customer_id: int) -> Json:
    customer = call.store.shop.customer(customer_id)
    call.store.customers.delete(customer)
    call.wrote("customer", customer.id)
    return _shown(call, customer, deleted=True)
