"""The `.env` file, which python-dotenv, systemd and Docker Compose must read alike.

`flask` and this service read it by python-dotenv, a unit by systemd's EnvironmentFile, a container by Compose's
env_file. The three differ in comments after a value, in `$`, in backslashes and in `export`. Where only one of them
reads a secret as it was meant, `store check` may work and the service fail. So a line that they may read differently
is refused. Their rules: https://saurabh-kumar.com/python-dotenv/, systemd.exec(5), and
https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/#env-file-syntax.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

from dotenv import dotenv_values

from hooks.errors import ConfigurationError

_ASSIGNMENT = re.compile(r"[ \t]*(?P<name>[A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*(?P<value>.*)")

_PATTERNS_READ_DIFFERENTLY = (
    (
        re.compile(r".*\\"),
        "holds a backslash; take a value without one, or put it in a file that NAME_FILE names",
    ),
    (
        re.compile(r"(?!').*\$"),
        "holds a $ that is not in single quotes; put single quotes around the value",
    ),
    (
        re.compile(r".*\$\{"),
        "holds ${; take a value without it, or put it in a file that NAME_FILE names",
    ),
    (
        re.compile(r"(?!['\"]).*#"),
        "holds a # without quotes; quote the value, and put a comment on a line of its own",
    ),
    (
        re.compile(r"('[^']*'|\"[^\"]*\")[ \t]*#"),
        "has a comment after the value; put it on a line of its own",
    ),
    (
        re.compile(r"(?!'[^']*'$|\"[^\"]*\"$)['\"]"),
        "has a quote that is not closed, or closed before the end of the line",
    ),
)
"""Patterns that no value may match. With each: the fault of such a line, and how to mend it."""


def read_env_file(path: Path) -> dict[str, str]:
    """Read the variables of a `.env` file: UTF-8 text of `NAME=value` lines; blanks, quotes and CRLF are allowed.

    An empty value is left out, and a file that is not there has no variables. Raises ConfigurationError, which names
    each line that is not of this form, or that python-dotenv, systemd and Docker Compose read differently, and shows
    nothing of its text.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not text in UTF-8. Save it as UTF-8.") from error
    faults = list(_faults(text))
    if faults:
        lines = "".join(f"\n  line {number}: {fault}" for number, fault in faults)
        raise ConfigurationError(f"These lines of {path} cannot be used:{lines}")
    variables = dotenv_values(stream=io.StringIO(text), interpolate=False)
    return {name: value for name, value in variables.items() if value}


def _faults(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), start=1):
        fault = _fault(line.strip(" \t\r"))
        if fault:
            yield number, fault


def _fault(line: str) -> str | None:
    """Return the fault of a line, which has no blanks around it."""
    if not line:
        return None
    if not line.replace("\t", " ").isprintable():
        return "holds a control character or an unusual blank; type the line again"
    if line.startswith("#"):
        return _comment_fault(line)
    if line.startswith("export"):
        return "begins with export; take that word away"
    assignment = _ASSIGNMENT.fullmatch(line)
    if not assignment:
        return "is neither NAME=value nor a comment that begins with #"
    for pattern, fault in _PATTERNS_READ_DIFFERENTLY:
        if pattern.match(assignment["value"]):
            return fault
    return None


def _comment_fault(line: str) -> str | None:
    if line.endswith("\\"):  # systemd before 254 takes the next line for a part of such a comment
        return "is a comment that ends with a backslash; take the backslash away"
    return None
