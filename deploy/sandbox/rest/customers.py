"""Accounts over REST. The role of the key decides which fields an answer shows."""

from deploy.sandbox.errors import cannot_batch, cannot_trash
from deploy.sandbox.queries import list_customers
from deploy.sandbox.records import Customer
from deploy.sandbox.rest.call import Answer, Call, batch_answer, meta_keys, page_answer
from deploy.sandbox.wire import Json


def listing(call: Call) -> Answer:
    """GET /customers."""
    page = list_customers(call.store.shop, call.params)
    bodies = [
        _body(call, customer) for customer in page.items if call.may_see("customer", customer.id)
    ]
    return page_answer(page, bodies, call.params)


def show(call: Call) -> Answer:
    """GET /customers/<id>."""
    call.check_read("customer", call.id)
    return Answer(call.params.pick(_body(call, call.store.shop.customer(call.id))))


def create(call: Call) -> Answer:
    """POST /customers."""
    return Answer(call.params.pick(_create(call, call.body)), 201)


def update(call: Call) -> Answer:
    """PUT, PATCH or POST /customers/<id>."""
    return Answer(call.params.pick(_update(call, {**call.body, "id": call.id})))


def delete(call: Call) -> Answer:
    """DELETE /customers/<id>. It must be forced, because accounts have no trash."""
    call.store.shop.customer(call.id)
    call.check_write("customer", call.id)
    if not call.is_forced:
        raise cannot_trash("Customers")
    return Answer(_delete(call, call.id), allow=False)


def batch(call: Call) -> Answer:
    """POST /customers/batch, for administrators only."""
    if call.key.role != "administrator":
        raise cannot_batch()
    return batch_answer(call, _create, _update, _delete)


def _body(call: Call, customer: Customer, *, deleted: bool = False) -> Json:
    with_meta = call.key.role == "administrator"
    return call.store.renderer.customer(customer, with_meta=with_meta, deleted=deleted)


def _create(call: Call, fields: Json) -> Json:
    customer = call.store.customers.create(fields)
    call.log_write("customer", customer.id, meta_keys(fields))
    return _body(call, customer)


def _update(call: Call, fields: Json) -> Json:
    customer = call.store.shop.customer(int(fields.get("id") or 0))
    call.check_write("customer", customer.id)
    call.log_write("customer", customer.id, call.store.customers.update(customer, fields))
    return _body(call, customer)


def _delete(call: Call, customer_id: int) -> Json:
    customer = call.store.shop.customer(customer_id)
    call.store.customers.delete(customer)
    call.log_write("customer", customer.id)
    return _body(call, customer, deleted=True)
