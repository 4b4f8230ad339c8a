"""The JSON in an answer of the store, also where something precedes it that PHP printed.

A file of a plugin that begins with a byte order mark or ends with blank lines puts these before every answer. PHP that
displays its errors puts its notices there. All of that is skipped; a page of another program is not, whatever JSON it
contains.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
BLANKS = f" \t\r\n\x00{BOM}"

NOTICES_END = 1_000_000
"""JSON that begins later than this many characters after the start is not looked for."""

STARTS = 10
"""So many places are tried at most at which JSON may begin, so that no answer is read over and over."""

NOTICE_WITHIN = 2_000
"""After the JSON, the head of a notice stands within so many characters, the tags around it included."""

_NOTICE = re.compile(
    r"\b(Deprecated|Notice|Warning|Strict Standards|WordPress database error)(?:</\w+>)?:"
)
_TAG = re.compile(r"<[^<>]*>")

_START = re.compile(rf"""(?:\A|[\n>])[ \t\r{BOM}]*(?=\{{\s*["}}]|\[\s*["\[{{\]])""")
"""A notice ends with a line or a tag; a bracket in its text stands elsewhere."""

_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Decoded:
    """What an answer says. `has_notices`: PHP printed notices before or after it."""

    value: Any
    has_notices: bool = False


def decode(body: bytes, shape: type[Any] | None = None) -> Decoded:
    """Read the JSON of a body; one with notices must hold an object or a list, of `shape` where that is given.

    Raises ValueError where there is none, or where it is not whole.
    """
    text = body.decode("utf-8", errors="replace").strip(BLANKS)
    try:
        return Decoded(json.loads(text))
    except RecursionError as error:
        raise ValueError("the body is nested too deeply") from error
    except ValueError:
        found = _among_notices(text, shape)
        if found is None:
            raise
        return found


def _among_notices(text: str, shape: type[Any] | None) -> Decoded | None:
    """JSON that reaches to the end of the text goes before JSON that a notice follows."""
    followed: Decoded | None = None
    for start in _starts(text):
        if start and not _NOTICE.search(text, 0, start):
            continue
        try:
            value, end = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        if shape is not None and not isinstance(value, shape):
            continue
        rest = text[end : end + NOTICE_WITHIN].lstrip(BLANKS)
        if not rest and not text[end:].strip(BLANKS):
            return Decoded(value, has_notices=True)
        if _is_notice(rest):
            followed = followed or Decoded(value, has_notices=True)
    return followed


def _starts(text: str) -> Iterator[int]:
    """The first places at which JSON may begin."""
    places = _START.finditer(text, 0, NOTICES_END)
    for _, place in zip(range(STARTS), places, strict=False):
        yield place.end()


def _is_notice(text: str) -> bool:
    """Whether a text begins with a notice, in tags or without."""
    return bool(_NOTICE.search(_TAG.sub("", text)[:100]))
