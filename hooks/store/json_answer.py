"""The JSON in an answer of the store, even where PHP printed something before or after it.

A plugin's file may begin with a byte order mark or end with blank lines; then these come before every answer. PHP that
displays its errors prints its notices there. This module skips all of that. It never takes JSON out of the page of
another program.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
BLANKS = f" \t\r\n\x00{BOM}"

NOTICES_END = 1_000_000
"""JSON must begin within this many characters of the start."""

STARTS = 10
"""At most this many places are tried at which JSON may begin, so that no answer is read over and over."""

NOTICE_WITHIN = 2_000
"""The start of a notice is looked for in this many characters after the JSON, tags included."""

_NOTICE = re.compile(
    r"\b(Deprecated|Notice|Warning|Strict Standards|WordPress database error)(?:</\w+>)?:"
)
_TAG = re.compile(r"<[^<>]*>")

_START = re.compile(rf"""(?:\A|[\n>])[ \t\r{BOM}]*(?=\{{\s*["}}]|\[\s*["\[{{\]])""")
"""JSON begins after a line end or a tag, with which a notice ends. A bracket within the text of a notice does not."""

_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Decoded:
    """The JSON value of an answer. `has_notices`: PHP printed notices before or after it."""

    value: Any
    has_notices: bool = False


def decode(body: bytes, shape: type[Any] | None = None) -> Decoded:
    """Read the JSON of a body. Among notices it must be an object or a list, and of type `shape` where that is given.

    Raises ValueError where there is no JSON, or where it is cut off.
    """
    text = body.decode("utf-8", errors="replace").strip(BLANKS)
    try:
        return Decoded(json.loads(text))
    except RecursionError as error:
        raise ValueError("the body is nested too deeply") from error
    except ValueError:
        decoded = _among_notices(text, shape)
        if decoded is None:
            raise
        return decoded


def _among_notices(text: str, shape: type[Any] | None) -> Decoded | None:
    """Find JSON between notices. JSON that reaches to the end of the text wins over JSON that a notice follows."""
    before_notice: Decoded | None = None
    for start in _starts(text):
        if start and not _NOTICE.search(text, 0, start):
            continue
        try:
            value, end = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        if shape is not None and not isinstance(value, shape):
            continue
        after = text[end : end + NOTICE_WITHIN].lstrip(BLANKS)
        if not after and not text[end:].strip(BLANKS):
            return Decoded(value, has_notices=True)
        if before_notice is None and _is_notice(after):
            before_notice = Decoded(value, has_notices=True)
    return before_notice


def _starts(text: str) -> Iterator[int]:
    """Yield the first STARTS positions at which JSON may begin."""
    for match in islice(_START.finditer(text, 0, NOTICES_END), STARTS):
        yield match.end()


def _is_notice(text: str) -> bool:
    """Tell whether a text begins with a notice, in tags or without."""
    return bool(_NOTICE.search(_TAG.sub("", text)[:100]))
