"""`POST /webhooks/<slug>`: verify a delivery, commit it to the ledger, then answer. Never redirects."""

from __future__ import annotations

import json

from flask import Blueprint, Response

from hooks import telemetry
from hooks.intake.ingest import Result
from hooks.intake.webhook import PING_BYTES, Delivery, is_ping
from hooks.service import Service, current_service
from hooks.web import requests
from hooks.web.commit import submit

blueprint = Blueprint("webhooks", __name__)
requests.answer_refusals(blueprint)
_BODIES = {result: json.dumps({"result": result}) + "\n" for result in Result}


@blueprint.post("/webhooks/<slug>", provide_automatic_options=False)
def receive(slug: str) -> Response:
    """Receive one delivery of the store `slug`. Answers 200 only after the ledger has it durably."""
    keys = requests.signing_keys(slug)
    headers = requests.headers()
    requests.refuse_unsigned(slug, PING_BYTES)
    with requests.whole_body() as body:
        # Read after the body: while it came in, another policy may have come into force.
        service = current_service()
        if is_ping(body, headers):
            return _answer(service, slug, Result.PING)
        with requests.refusals_counted(slug), telemetry.INTAKE_SECONDS.time():
            subject_key = service.settings.subject_key
            delivery = Delivery.from_http(
                headers, body, keys=keys, policy=service.policy, subject_key=subject_key
            )
            result = submit(service.runtime, slug, delivery)
        return _answer(service, slug, result, delivery.topic)


def _answer(service: Service, slug: str, result: Result, topic: str | None = None) -> Response:
    telemetry.DELIVERIES.labels(slug, str(result)).inc()
    service.delivery_log.write(slug, topic, str(result))
    return Response(_BODIES[result], mimetype="application/json")
