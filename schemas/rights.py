"""What may be asked of `/customers/<slug>/<id>/rights` and its like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

LANGUAGES = ("en", "no")


class RightsQuerySchema(Schema):
    """The query, each name once; anything else in it is wrong, so that a misspelt day is not silently today."""

    requested_on = fields.Date(load_default=None)
    letter = fields.String(load_default=None, validate=validate.OneOf(LANGUAGES))
    uk = fields.String(load_default="0", validate=validate.OneOf(["0", "1"]))


def read_rights_query(given: Mapping[str, Sequence[str]], today: date) -> dict[str, Any]:
    """The query as it came, a list of values for each name. Raises ValidationError whose messages name the parameters
    that are wrong, and repeat no value or unknown name. A request cannot have come after `today`."""
    wrong = [name for name, values in given.items() if len(values) > 1]
    try:
        read: dict[str, Any] = RightsQuerySchema().load(
            {name: values[0] for name, values in given.items()}
        )
    except ValidationError as error:
        raise ValidationError(_named([*wrong, *error.messages_dict])) from error
    if read["requested_on"] and read["requested_on"] > today:
        wrong.append("requested_on")
    if wrong:
        raise ValidationError(_named(wrong))
    return read | {"uk": read["uk"] == "1"}


def read_address(raw: Mapping[str, Any]) -> str | None:
    """The e-mail address of `{"email": …}`, which is never to be kept or repeated; None where there is none, or more
    than that."""
    address = raw.get("email")
    return address if isinstance(address, str) and len(raw) == 1 else None


def _named(wrong: Sequence[str]) -> list[str]:
    known = RightsQuerySchema().fields.keys()
    return sorted(
        {name if name in known else "a parameter that is not known here" for name in wrong}
    )
