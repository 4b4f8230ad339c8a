"""The query and the body of the calls that answer a person: `/customers/<slug>/<id>/rights` and its siblings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

LANGUAGES = ("en", "no")


class RightsQuerySchema(Schema):
    """The query, each name once. Any other name is an error, so that a misspelt `requested_on` never means today."""

    requested_on = fields.Date(load_default=None)
    letter = fields.String(load_default=None, validate=validate.OneOf(LANGUAGES))
    uk = fields.String(load_default="0", validate=validate.OneOf(["0", "1"]))


def read_rights_query(raw: Mapping[str, Sequence[str]], today: date) -> dict[str, Any]:
    """Read the query from a list of values for each name. A request cannot have come after `today`.

    Raise ValidationError with the names of the wrong parameters. It repeats no value and no unknown name.
    """
    wrong_names = [name for name, values in raw.items() if len(values) > 1]
    try:
        query: dict[str, Any] = RightsQuerySchema().load(
            {name: values[0] for name, values in raw.items()}
        )
    except ValidationError as error:
        raise ValidationError(_parameters([*wrong_names, *error.messages_dict])) from error
    if query["requested_on"] and query["requested_on"] > today:
        wrong_names.append("requested_on")
    if wrong_names:
        raise ValidationError(_parameters(wrong_names))
    query["uk"] = query["uk"] == "1"
    return query


def read_address(raw: Mapping[str, Any]) -> str | None:
    """Return the e-mail address of `{"email": …}`, or None if the object is anything else.

    The address must never be kept or repeated.
    """
    if raw.keys() != {"email"}:
        return None
    address = raw["email"]
    return address if isinstance(address, str) else None


def _parameters(names: Sequence[str]) -> list[str]:
    """Sort the names; replace unknown names, which may hold anything, by a phrase."""
    fields_of_query = RightsQuerySchema().fields
    return sorted(
        {
            name if name in fields_of_query else "a parameter that is not known here"
            for name in names
        }
    )
