"""Read one-line values of a `.env` file as systemd and Docker Compose do, after their sources.

systemd: https://github.com/systemd/systemd/blob/main/src/basic/env-file.c, with the rule of
versions before 254 for a comment that ends with a backslash. Compose: https://github.com/compose-spec/compose-go/blob/main/dotenv/parser.go.
"""

from __future__ import annotations

import re

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def by_systemd(text: str) -> dict[str, str]:
    """The variables that a unit gets by EnvironmentFile."""
    variables = {}
    joined = re.sub(r"(?m)^([ \t]*[#;].*\\)\n", r"\1", text.replace("\r", "\n"))
    for line in joined.split("\n"):
        name, equals, rest = line.lstrip(" \t").partition("=")
        name = name.rstrip(" \t")
        if equals and _NAME.fullmatch(name):
            variables[name] = _systemd_value(rest.lstrip(" \t"))
    return variables


def _systemd_value(rest: str) -> str:
    if not rest.startswith(("'", '"')):
        return re.sub(r"\\(.)", r"\1", rest.rstrip(" \t"))
    quote, closed = rest[0], rest.find(rest[0], 1)
    if closed < 0:
        return rest[1:]
    value = rest[1:closed]
    if quote == '"':
        value = re.sub(r'\\([\\"`$])', r"\1", value)
    return (
        value + _systemd_value(rest[closed + 1 :].lstrip(" \t"))
        if rest[closed + 1 :].strip(" \t")
        else value
    )


def by_compose(text: str) -> dict[str, str | None]:
    """The variables that a container gets by `env_file`; None for a value that refers to another variable."""
    variables: dict[str, str | None] = {}
    for line in text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n"):
        assignment = line.strip()
        if not assignment or assignment.startswith("#"):
            continue
        name, _, rest = assignment.removeprefix("export").lstrip().partition("=")
        variables[name.rstrip()] = _compose_value(rest.lstrip(" \t"))
    return variables


def _compose_value(rest: str) -> str | None:
    if rest.startswith("'"):
        return rest[1:].partition("'")[0]
    if rest.startswith('"'):
        value = rest[1:].partition('"')[0]
        escapes = {"n": "\n", "r": "\r", "t": "\t"}
        value = re.sub(r"\\(.)", lambda found: escapes.get(found[1], found[1]), value)
    else:
        value = rest.partition("#")[0].rstrip()
    return None if "$" in value else value
