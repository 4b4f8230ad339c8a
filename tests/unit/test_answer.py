"""Read the JSON of an answer that has other text before or after it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooks.store.json_answer import NOTICES_END, STARTS, decode

BOM = b"\xef\xbb\xbf"
HTML = b"<br />\n<b>Deprecated</b>:  Optional parameter $x before $y in <b>/srv/a.php</b> on line <b>3</b><br />\n"
TEXT = b"\nWarning: Undefined array key 7 in /srv/a.php on line 12\n"
DATABASE = b"<div id='error'><p>WordPress database error: [Unknown column]<br /><code>SELECT</code></p></div>"
XDEBUG = (
    b"<table><tr><th>( ! ) Notice: Undefined x</th></tr>\n<tr><td>{main}(  )</td></tr></table>\n"
)
BRACKETS = b"<br />\n<b>Warning</b>: Array [0] to {closure} conversion in <b>/srv/a.php</b> on line <b>3</b><br />\n"
LINES = b"<b>Notice</b>: dump:\n[\n{main}\n{not json\n<br />\n"
UNLIKE = b'<b>Notice</b>: dump:\n[1]\n{"a": 1} on line 3<br />\n'

VALUES: list[Any] = [
    # a single record, a list, and another value
    {"id": 7, "meta_data": []},
    [{"id": 7}, {"id": 8}],
    {},
    [],
    # with brackets inside, and text that looks like a notice
    {"note": "[{\n<b>Warning</b>: x", "ø": [[1], {"a": {}}]},
]

SILENT = [
    # nothing
    b"",
    # one byte order mark, several, and blank lines around them
    BOM,
    BOM + BOM,
    b"\r\n\n\t " + BOM + b"\n",
]

NOISY = [
    # one notice of each form, several, and with a byte order mark between them
    HTML,
    TEXT,
    b"PHP " + TEXT.lstrip(),
    DATABASE,
    XDEBUG,
    HTML * 50 + TEXT,
    BOM + HTML + BOM,
    HTML + b"\n\n  ",
    # notices with brackets in their text, also where JSON could begin
    BRACKETS,
    LINES,
    UNLIKE,
    XDEBUG * 100,
]


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("before", SILENT)
@pytest.mark.parametrize("indent", [None, 4])
def test_byte_order_marks_and_blanks_are_skipped_silently(
    value: Any, before: bytes, indent: int | None
) -> None:
    decoded = decode(before + json.dumps(value, indent=indent).encode() + b"\n\n", type(value))
    assert (decoded.value, decoded.has_notices) == (value, False)


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("notices", NOISY)
@pytest.mark.parametrize("indent", [None, 4])
@pytest.mark.parametrize("is_after", [False, True])
def test_notices_are_skipped_and_reported(
    value: Any, notices: bytes, indent: int | None, is_after: bool
) -> None:
    """This includes notices that PHP prints while it shuts down."""
    body = json.dumps(value, indent=indent).encode()
    decoded = decode(body + notices if is_after else notices + body, type(value))
    assert (decoded.value, decoded.has_notices) == (value, True)


@given(
    value=st.dictionaries(st.text(), st.lists(st.text()) | st.text(), max_size=4),
    noise=st.text(max_size=80),
)
def test_json_after_any_notice_is_read(value: dict[str, Any], noise: str) -> None:
    notice = f"\nWarning: {noise} on line 3\n".encode(errors="ignore")
    assert decode(notice + json.dumps([value]).encode(), list).value == [value]


REFUSED = [
    # nothing, or only blanks and byte order marks
    b"",
    b" \n" + BOM,
    # a page of another program, and one that ends with JSON
    b"<html><body>Something else</body></html>",
    b'<html>\n<script>\n{"id": 7}',
    b'Welcome\n{"id": 7}',
    # a page that mentions a warning, with JSON in the middle
    b'<html><b>Warning</b>: <script>{"id": 7}</script></html>',
    # JSON that is incomplete, or followed by other text
    HTML + b'{"id": 7, "meta_data": [{"id": 1}',
    HTML + b'[{"id": 7}, {"id": 8',
    HTML + b'{"id": 7} and more',
    b'{"id": 7} and more',
    HTML + b'{"id": 7}{"id": 8}',
    # only a notice, or a notice with a value that is no record
    HTML,
    HTML + b"7",
    HTML + b'"id"',
    # nested too deeply, and never closed
    b"[" * 100_000,
    HTML + b"[" * 100_000,
    HTML + b'\n["' * 100_000,
    # behind more text than notices have
    TEXT + b"x" * NOTICES_END + b'\n{"id": 7}',
]


@pytest.mark.parametrize("body", REFUSED, ids=range(len(REFUSED)))
def test_incomplete_json_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(body)


@pytest.mark.parametrize(("body", "shape"), [(HTML + b"[]", dict), (HTML + b'{"id": 7}', list)])
def test_json_of_another_shape_after_a_notice_is_refused(body: bytes, shape: type[Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(body, shape)


def test_json_inside_a_notice_is_not_read_as_the_answer() -> None:
    assert decode(UNLIKE + b'{"id": 7}', dict).value == {"id": 7}
    assert decode(b'Notice: dump:\n{"id": 1}\n' + TEXT + b'{"id": 7}', dict).value == {"id": 7}


def test_only_some_places_where_json_may_begin_are_tried() -> None:
    """Each attempt reads to the end. Without a limit the cost would be their number times the size of the answer."""
    tries = b"Notice: x\n" + b'{"id": 1\n' * STARTS
    with pytest.raises(ValueError, match=r"."):
        decode(tries + b'{"id": 7}')
    assert decode(tries.replace(b"{", b"", 1) + b'{"id": 7}').value == {"id": 7}
