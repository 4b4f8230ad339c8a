"""`flask --app wsgi policy register`: the register of processing activities (GDPR Art. 30), to print or to hand on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click
from flask.cli import with_appcontext

from hooks.commands.console import stop
from hooks.register.csv_format import as_csv
from hooks.register.fides_format import as_fideslang
from hooks.register.fides_taxonomy import NoFidesKeyError
from hooks.register.html_format import as_html
from hooks.register.json_format import as_json
from hooks.register.values import Register
from hooks.service import current_service


def _json_text(register: Register) -> str:
    return _indented(as_json(register))


def _fides_text(register: Register) -> str:
    return _indented(as_fideslang(register))


def _indented(fields: dict[str, object]) -> str:
    return json.dumps(fields, indent=2, ensure_ascii=False) + "\n"


FORMATS: dict[str, Callable[[Register], str]] = {
    "json": _json_text,
    "csv": as_csv,
    "html": as_html,
    "fides": _fides_text,
}


@click.command("register", short_help="Print the register of processing activities.")
@click.option(
    "--format", "format_name", type=click.Choice(list(FORMATS)), default="json", show_default=True
)
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file."
)
@with_appcontext
def policy_register(format_name: str, output: Path | None) -> None:
    """Print the register of processing activities (GDPR Art. 30), as the policy in force describes them.

    `fides` is a Fideslang manifest in JSON. JSON is valid YAML, so the file may also be called *.yml.
    """
    try:
        text = FORMATS[format_name](current_service().register_of_processing())
    except NoFidesKeyError as error:
        stop(str(error))
    if output is None:
        click.echo(text, nl=False)
    else:
        _write(output, text)


def _write(output: Path, text: str) -> None:
    """Write bytes, so that the line breaks stay those of the format on every system."""
    try:
        output.write_bytes(text.encode())
    except OSError as error:
        stop(f"{output} cannot be written ({error.strerror}).")
