"""`/openapi.json`: the description of the whole HTTP API."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, jsonify

from hooks import __version__

blueprint = Blueprint("openapi", __name__)


@cache
def _document() -> dict[str, Any]:
    text = Path(__file__).with_suffix(".json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    document["info"]["version"] = __version__
    return document


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """Return the OpenAPI 3.1 document. A test compares it with the routes of the app."""
    return jsonify(_document())
