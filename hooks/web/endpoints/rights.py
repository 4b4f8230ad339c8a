"""The answer to a person, as JSON or as a letter: `/customers/<slug>/<id>/rights`, `/orders/<slug>/<id>/rights`, and
`POST /rights/<slug>` for whoever has an e-mail address."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request
from marshmallow import ValidationError

from hooks.intake.email_hash import email_subject, is_address
from hooks.intake.tool_event import event_object
from hooks.retention.facts import Subject
from hooks.rights.json_format import as_json
from hooks.rights.labels import Language
from hooks.rights.letter import letter
from hooks.rights.lookup import answer_to
from hooks.rights.values import Inquiry
from hooks.service import current_service
from hooks.web import requests
from schemas.rights import read_address, read_rights_query

TAGS: dict[Language, str] = {"en": "en", "no": "nb"}
"""By language of the letter: its tag in HTTP. The Norwegian letter is in bokmål."""

_LANGUAGE_OF_TAG: dict[str, Language] = {"en": "en", "nb": "no", "nn": "no", "no": "no"}
"""By tag: the language of the letter. Readers of nynorsk read bokmål too."""

blueprint = Blueprint("rights", __name__)
requests.answer_refusals(blueprint)


@blueprint.get("/customers/<slug>/<int:external_id>/rights")
def customer(slug: str, external_id: int) -> Response:
    """Answer a customer. 404 where the ledger knows nothing of them."""
    return _answer(slug, Subject("customer", str(external_id)))


@blueprint.get("/orders/<slug>/<int:external_id>/rights")
def order(slug: str, external_id: int) -> Response:
    """Answer the person who placed an order, with or without an account."""
    return _answer(slug, Subject("order", str(external_id)))


@blueprint.post("/rights/<slug>")
def person(slug: str) -> Response:
    """Answer the person with an e-mail address. The address is hashed in memory, and stored nowhere."""
    key = current_service().settings.subject_key
    if key is None:
        abort(400, "An address can be looked up only where a SUBJECT_KEY is set.")
    requests.require_json()
    with requests.whole_body() as body:
        address = read_address(event_object(body))
    if address is None or not is_address(address):
        abort(400, 'The body is not {"email": …} with an e-mail address.')
    return _answer(slug, email_subject(address, key))


def _answer(slug: str, subject: Subject) -> Response:
    """Answer with JSON, or with the letter where the query or `Accept` asks for it."""
    service = current_service()
    if slug not in service.settings.stores:
        abort(404)
    now = service.runtime.clock()
    query = _query(service.policy.day_of(now))
    language = query.pop("letter") or _accepted_language()
    inquiry = Inquiry(slug, subject, **query)
    with service.database.read() as connection:
        answer = answer_to(connection, service.policy, inquiry, now=now)
    if answer is None:
        kind: str = subject.kind
        if kind == "email":
            kind = "person"
        abort(404, f"The ledger knows nothing of this {kind}.")
    if language:
        response = _letter(letter(answer, language), language)
    else:
        response = jsonify(as_json(answer))
    response.vary.update(("Accept", "Accept-Language"))
    return response


def _query(today: date) -> dict[str, Any]:
    try:
        return read_rights_query(dict(request.args.lists()), today)
    except ValidationError as error:
        abort(400, f"Wrong in the query: {', '.join(error.messages)}.")


def _accepted_language() -> Language | None:
    """Choose the letter's language by `Accept-Language`. None where `Accept` prefers JSON to plain text."""
    if request.accept_mimetypes.best_match(["application/json", "text/plain"]) != "text/plain":
        return None
    for tag in request.accept_languages.values():
        language = _LANGUAGE_OF_TAG.get(tag.partition("-")[0].lower())
        if language:
            return language
    return "en"


def _letter(text: str, language: Language) -> Response:
    response = Response(text, content_type="text/plain; charset=utf-8")
    response.content_language.add(TAGS[language])
    return response
