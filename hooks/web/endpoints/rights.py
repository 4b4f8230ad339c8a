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
"""The letter's languages as HTTP names them: the Norwegian is bokmål."""

_UNDERSTOOD: dict[str, Language] = {"en": "en", "nb": "no", "nn": "no", "no": "no"}
"""Whoever reads nynorsk reads bokmål too."""

blueprint = Blueprint("rights", __name__)
requests.answer_refusals(blueprint)


@blueprint.get("/customers/<slug>/<int:external_id>/rights")
def customer(slug: str, external_id: int) -> Response:
    """What a customer is told; 404 where the ledger knows nothing of them."""
    return _answer(slug, Subject("customer", str(external_id)))


@blueprint.get("/orders/<slug>/<int:external_id>/rights")
def order(slug: str, external_id: int) -> Response:
    """What whoever placed an order is told of it, with or without an account."""
    return _answer(slug, Subject("order", str(external_id)))


@blueprint.post("/rights/<slug>")
def person(slug: str) -> Response:
    """Answer whoever has an e-mail address. The address is hashed in memory, and kept nowhere."""
    key = current_service().settings.subject_key
    if key is None:
        abort(400, "An address can be looked up only where a SUBJECT_KEY is set.")
    if request.mimetype != "application/json":
        abort(
            415
        )  # a form, which a page of another site can have a browser send without asking, is none
    with requests.whole_body() as body:
        address = read_address(event_object(body))
    if address is None or not is_address(address):
        abort(400, 'The body is not {"email": …} with an e-mail address.')
    return _answer(slug, email_subject(address, key))


def _answer(slug: str, subject: Subject) -> Response:
    """JSON, or the letter where the query or `Accept` asks for it."""
    here = current_service()
    if slug not in here.settings.stores:
        abort(404)
    now = here.runtime.clock()
    asked = _query(here.policy.day_of(now))
    language = asked.pop("letter") or _language()
    inquiry = Inquiry(slug, subject, **asked)
    with here.database.read() as connection:
        answer = answer_to(connection, here.policy, inquiry, now=now)
    if answer is None:
        what = "person" if subject.kind == "email" else subject.kind
        abort(404, f"The ledger knows nothing of this {what}.")
    response = _letter(letter(answer, language), language) if language else jsonify(as_json(answer))
    response.vary.update(("Accept", "Accept-Language"))
    return response


def _query(today: date) -> dict[str, Any]:
    try:
        return read_rights_query(dict(request.args.lists()), today)
    except ValidationError as error:
        abort(400, f"Wrong in the query: {', '.join(error.messages)}.")


def _language() -> Language | None:
    """The letter's language, by `Accept-Language`, where `Accept` prefers plain text; None where JSON is wanted."""
    if request.accept_mimetypes.best_match(["application/json", "text/plain"]) != "text/plain":
        return None
    wanted = (tag.partition("-")[0].lower() for tag in request.accept_languages.values())
    return next((_UNDERSTOOD[tag] for tag in wanted if tag in _UNDERSTOOD), "en")


def _letter(text: str, language: Language) -> Response:
    response = Response(text, content_type="text/plain; charset=utf-8")
    response.content_language.add(TAGS[language])
    return response
