"""Webhooks over REST."""

from deploy.sandbox.errors import cannot_trash
from deploy.sandbox.queries import list_webhooks
from deploy.sandbox.rest.call import Answer, Call, page_answer
from deploy.sandbox.webhooks import Webhook, webhook_json
from deploy.sandbox.wire import Json


def listing(call: Call) -> Answer:
    """GET /webhooks: all, or only those with a `status`."""
    page = list_webhooks(call.store.webhooks.all(), call.params)
    return page_answer(page, [_body(call, webhook) for webhook in page.items], call.params)


def show(call: Call) -> Answer:
    """GET /webhooks/<id>."""
    return Answer(call.params.pick(_body(call, call.store.webhooks.get(call.id))))


def create(call: Call) -> Answer:
    """POST /webhooks. The webhook belongs to the user of the key. A ping follows."""
    webhook = call.store.webhooks.create(call.body, call.key.role)
    call.log_write("webhook", webhook.id)
    return Answer(_body(call, webhook), 201)


def update(call: Call) -> Answer:
    """PUT, PATCH or POST /webhooks/<id>."""
    webhook = call.store.webhooks.get(call.id, updating=True)
    call.store.webhooks.update(webhook, call.body)
    call.log_write("webhook", webhook.id)
    return Answer(_body(call, webhook))


def delete(call: Call) -> Answer:
    """DELETE /webhooks/<id>. It must be forced, because webhooks have no trash."""
    if not call.is_forced:
        raise cannot_trash("Webhooks")
    webhook = call.store.webhooks.get(call.id)
    call.store.webhooks.delete(webhook)
    call.log_write("webhook", webhook.id)
    return Answer(_body(call, webhook))


def _body(call: Call, webhook: Webhook) -> Json:
    return webhook_json(webhook, call.store.renderer)
