"""`flask --app wsgi policy import|check`: a draft from the published page, and where policy and page differ."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import click
from flask.cli import with_appcontext

from hooks.commands.store import FINDING, stop
from hooks.errors import PageError
from hooks.page import toml_writer
from hooks.page.finding import PageFinding
from hooks.page.subprocess_reader import compare_page, draft_page, run_confined
from hooks.retention.policy import Policy
from hooks.service import service


@click.command("import")
@click.argument("source", metavar="PAGE")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A new file, in place of the screen.",
)
@with_appcontext
def policy_import(source: str, output: Path | None) -> None:
    """Draft a policy file from a published page, a file or an address. Exit 1: the draft asks something."""
    today = service().runtime.clock().astimezone(UTC).date()
    try:
        text = run_confined(draft_page, source, today)
    except PageError as error:
        stop(str(error))
    if output is None:
        click.echo(text, nl=False)
    else:
        _written(output, text)
    asked = toml_writer.questions(text)
    for question in asked:
        click.echo(question, err=True)
    sys.exit(FINDING if asked else 0)


def _written(output: Path, text: str) -> None:
    """Write the draft; a file that is there may be the policy in force, and is left alone."""
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        stop(f"{output} is there already, and was left as it is.")
    except OSError as error:
        stop(f"{output} cannot be written ({error.strerror}).")


@click.command("check")
@click.option(
    "--page",
    metavar="PAGE",
    help="A file or an address; otherwise POLICY_PAGE_URL, or the policy's own page.",
)
@with_appcontext
def policy_check(page: str | None) -> None:
    """Compare the policy in force with the published page, and list where that is silent. Exit 1: they differ."""
    here = service()
    policy = here.policy
    drifts = False
    for source in [page] if page else here.settings.policy_pages or [policy.page]:
        try:
            found = run_confined(compare_page, source, policy)
        except PageError as error:
            stop(str(error))
        drifts |= any(one.severity == "drift" for one in found)
        for line in _findings(source, found, policy):
            click.echo(line)
    for line in _gaps(policy):
        click.echo(line)
    sys.exit(FINDING if drifts else 0)


def _findings(source: str, found: tuple[PageFinding, ...], policy: Policy) -> Iterator[str]:
    yield f"{policy.id} and {source}"
    if not any(one.severity == "drift" for one in found):
        yield "  ok     they say the same"
    for one in found:
        yield f"  {one.severity:<6} {one.code}: {one.message}"


def _gaps(policy: Policy) -> Iterator[str]:
    yield "\nWhere the published page is silent"
    for gap in policy.gaps.values():
        yield f"  {gap.id}: {gap.choice}"
        yield f"      Section {gap.section} could say: {gap.publish}"
