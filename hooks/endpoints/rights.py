"""`/customers/<slug>/<id>/rights` and `/orders/<slug>/<id>/rights`: the answer to a person, as JSON or as a letter."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request
from marshmallow import ValidationError

from hooks.people import answer_to
from hooks.retention.facts import Subject
from hooks.rights.letter import letter
from hooks.rights.shown import shown
from hooks.rights.words import Language
from hooks.service import service
from schemas.rights import read_rights_query

TAGS: dict[Language, str] = {"en": "en", "no": "nb"}
"""The letter's languages as HTTP names them: the Norwegian is bokmål."""

_UNDERSTOOD: dict[str, Language] = {"en": "en", "nb": "no", "nn": "no", "no": "no"}
"""Whoever reads nynorsk reads bokmål too."""

blueprint = Blueprint("rights", __name__)


@blueprint.get("/customers/<slug>/<int:external_id>/rights")
def customer(slug: str, external_id: int) -> Response:
    """What a customer is told; 404 where the ledger knows nothing of them."""
    return _answer(slug, Subject("customer", str(external_id)))


@blueprint.get("/orders/<slug>/<int:external_id>/rights")
def order(slug: str, external_id: int) -> Response:
    """What whoever placed an order is told of it, with or without an account."""
    return _answer(slug, Subject("order", str(external_id)))


def _answer(slug: str, subject: Subject) -> Response:
    """JSON, or the letter where the query or `Accept` asks for it."""
    here = service()
    if slug not in here.settings.stores:
        abort(404)
    now = here.ingest.clock()
    asked = _query(now.astimezone(here.policy.time_zone).date())
    language = asked.pop("letter") or _language()
    with here.database.read() as connection:
        answer = answer_to(connection, here.policy, slug, subject, now=now, **asked)
    if answer is None:
        abort(404, f"The ledger knows nothing of this {subject.kind}.")
    response = _letter(letter(answer, language), language) if language else jsonify(shown(answer))
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
