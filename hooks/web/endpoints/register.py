"""`/register`: the register of processing activities (GDPR Art. 30), as JSON, CSV, a page to print or for Fides."""

from __future__ import annotations

from flask import Blueprint, Response, abort, jsonify, request

from hooks.register.csv_format import as_csv
from hooks.register.fides_format import as_fideslang
from hooks.register.fides_taxonomy import NoFidesKeyError
from hooks.register.html_format import as_html
from hooks.register.json_format import as_json
from hooks.service import current_service

NOTHING_LOADED = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)

blueprint = Blueprint("register", __name__)


@blueprint.get("/register")
def register() -> Response:
    """Return the register under the policy in force, in the format that `Accept` prefers."""
    best = request.accept_mimetypes.best_match(["application/json", "text/csv", "text/html"])
    if best == "text/csv":
        response = register_csv()
    elif best == "text/html":
        response = register_html()
    else:
        response = jsonify(as_json(current_service().register_of_processing()))
    response.vary.add("Accept")
    return response


@blueprint.get("/register.csv")
def register_csv() -> Response:
    """Return the register as CSV: a header line, then one line for each activity, data category and retention class."""
    return Response(
        as_csv(current_service().register_of_processing()), content_type="text/csv; charset=utf-8"
    )


@blueprint.get("/register.html")
def register_html() -> Response:
    """Return the register as a page to print, which loads no other files."""
    response = Response(
        as_html(current_service().register_of_processing()), content_type="text/html; charset=utf-8"
    )
    response.headers["Content-Security-Policy"] = NOTHING_LOADED
    return response


@blueprint.get("/register/fides.json")
def register_fides() -> Response:
    """Return the register as a Fideslang manifest. 409 where Fides' taxonomy has no key for a term of the policy."""
    try:
        return jsonify(as_fideslang(current_service().register_of_processing()))
    except NoFidesKeyError as error:
        abort(409, str(error))
