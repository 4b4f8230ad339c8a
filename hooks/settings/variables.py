"""The variables of the environment and of `.env`. NAME_FILE may name a file that holds the value of NAME."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from environs import Env

from hooks.settings.plain_text import (
    has_control_character,
    has_plain_quote,
    has_typographic_quote,
    is_quoted,
)

MAX_FILE_BYTES = 65_536
"""A file with a value is no larger. A larger one was named by mistake, and might have no end."""


class VariableError(ValueError):
    """The text of a variable cannot be used. The message says why, and never shows the text."""


class Variables(Env):
    """Reads a variable from the first source that sets it. An empty value counts as not set.

    White space around a value is dropped, and then a pair of plain quotes. Faults that `environs` finds are collected
    until `seal` raises them.
    """

    def __init__(self, *sources: Mapping[str, str]) -> None:
        super().__init__(eager=False)
        self._sources = sources

    def _get_value(self, env_key: str, default: Any) -> Any:
        """Replace the look-up of `environs`. Raises VariableError."""
        for source in self._sources:
            text, is_from_file = _text_in(source, env_key)
            value = _value(text)
            if is_from_file or value:
                return value
        return default

    def text(self, name: str) -> str:
        """Return the whole text of a variable or of its file, with the blanks and quotes around its value.

        Raises VariableError.
        """
        for source in self._sources:
            text, is_from_file = _text_in(source, name)
            if is_from_file or text.strip():
                return text
        return ""


def _text_in(source: Mapping[str, str], name: str) -> tuple[str, bool]:
    """Return the text of a variable in a source, and whether it comes from a file. Raises VariableError."""
    path = _value(source.get(f"{name}_FILE", ""))
    if path:
        return _file_text(name, path), True
    return source.get(name, ""), False


def _file_text(name: str, path: str) -> str:
    """Read the file that NAME_FILE names. Raises VariableError."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) <= MAX_FILE_BYTES:
            return content.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise VariableError(
            f"the file that {name}_FILE names cannot be read as text in UTF-8"
        ) from error
    raise VariableError(f"the file that {name}_FILE names is larger than {MAX_FILE_BYTES} bytes")


def _value(text: str) -> str:
    """Drop the white space around a value, and one pair of plain quotes. Raises VariableError."""
    text = text.strip()
    if has_control_character(text):
        raise VariableError("holds a control character, or is not text in UTF-8")
    if is_quoted(text):
        return text[1:-1]
    if has_plain_quote(text) or has_typographic_quote(text):
        raise VariableError("begins or ends with a quote that is not one of a plain pair")
    return text
