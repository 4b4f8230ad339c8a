"""Webhooks over REST."""

from deploy.sandbox.errors import cannot_trash
from deploy.sandbox.queries import list_webhooks
from deploy.sandbox.rest.call import Answer, Call, page_answer
from deploy.sandbox.webhooks import Webhook, webhook_json
from deploy.sandbox.wire import Json


def listing(call: Call) -> Answer:
    """GET /webhooks, all or those with one `status`."""
    page = list_webhooks(call.store.webhooks.all(), call.params)
    return page_answer(page, [_shown(call, webhook) for webhook in page.items], call.params)


def show(call: Call) -> Answer:
    """GET /webhooks/<id>."""
    return Answer(call.params.pick(_shown(call, call.store.webhooks.get(call.id))))


def create(call: Call) -> Answer:
    """POST /webhooks: belongs to the user behind the key; a ping follows."""
    webhook = call.store.webhooks.create(call.body, call.key.role)
    call.wrote("webhook", webhook.id)
    return Answer(_shown(call, webhook), 201)


def update(call: Call) -> Answer:
    """PUT, PATCH or POST /webhooks/<id>."""
    webhook = call.store.webhooks.get(call.id, updating=True)
    call.store.webhooks.update(webhook, call.body)
    call.wrote("webhook", webhook.id)
    return Answer(_shown(call, webhook))


def delete(call: Call) -> Answer:
    """DELETE /webhooks/<id>, which must be forced."""
    if not call.forced:
        raise cannot_trash("Webhooks")
    webhook = call.store.webhooks.get(call.id)
    call.store.webhooks.delete(webhook)
    call.wrote("webhook", webhook.id)
    return Answer(_shown(call, webhook))


def _shown(call: Call, webhook: Webhook) -> Json:
    return webhook_json(webhook, call.store.renderer)
