"""`flask --app wsgi policy register`: the register of processing activities (GDPR Art. 30), to print or to hand on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click
from flask.cli import with_appcontext

from hooks.commands.store import stop
from hooks.register.csv_format import as_csv
from hooks.register.fides_format import as_fideslang
from hooks.register.fides_taxonomy import NoFidesKeyError
from hooks.register.html_format import as_html
from hooks.register.json_format import as_json
from hooks.register.values import Register
from hooks.service import service


def _indented(shown: dict[str, object]) -> str:
    return json.dumps(shown, indent=2, ensure_ascii=False) + "\n"


FORMATS: dict[str, Callable[[Register], str]] = {
    "json": lambda made: _indented(as_json(made)),
    "csv": as_csv,
    "html": as_html,
    "fides": lambda made: _indented(as_fideslang(made)),
}


@click.command("register", short_help="Make the register of processing activities.")
@click.option(
    "--format", "chosen", type=click.Choice(list(FORMATS)), default="json", show_default=True
)
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file."
)
@with_appcontext
def policy_register(chosen: str, output: Path | None) -> None:
    """Make the register of processing activities (GDPR Art. 30) from the policy in force.

    `fides` is a Fideslang manifest; it is JSON, which is YAML too, so that a file of it may be called *.yml.
    """
    try:
        text = FORMATS[chosen](service().register_of_processing())
    except NoFidesKeyError as error:
        stop(str(error))
    if output is None:
        click.echo(text, nl=False)
    else:
        _write(output, text)


def _write(output: Path, text: str) -> None:
    """As UTF-8, with the line breaks that the format has."""
    try:
        output.write_bytes(text.encode())
    except OSError as error:
        stop(f"{output} cannot be written ({error.strerror}).")
