"""`POST /webhooks/<slug>`: verified, taken into the ledger, answered after the commit. Never a redirect."""

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
    """Take one delivery of the store `slug`. 200 only once the ledger holds it durably."""
    keys, headers = requests.signing_keys(slug), requests.headers()
    requests.refuse_unsigned(slug, PING_BYTES)
    with requests.whole_body() as body:
        here = (
            current_service()
        )  # only now: while the body came in, another policy may have come into force
        if is_ping(body, headers):
            return _answer(here, slug, Result.PING)
        with requests.refusals_counted(slug), telemetry.INTAKE_SECONDS.time():
            subject_key = here.settings.subject_key
            delivery = Delivery.from_http(
                headers, body, keys=keys, policy=here.policy, subject_key=subject_key
            )
            result = submit(here, slug, delivery)
        return _answer(here, slug, result, delivery.topic)


def _answer(here: Service, slug: str, result: Result, topic: str | None = None) -> Response:
    telemetry.DELIVERIES.labels(slug, str(result)).inc()
    here.delivery_log.write(slug, topic, str(result))
    return Response(_BODIES[result], mimetype="application/json")
