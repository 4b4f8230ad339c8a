"""`flask --app wsgi policy import|check`: a draft from the published page, and the drift of page and policy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC
from pathlib import Path

import click
from flask.cli import with_appcontext

from hooks.commands.console import end_command, stop
from hooks.commands.policy import gap_lines
from hooks.errors import PageError
from hooks.page import toml_writer
from hooks.page.finding import PageFinding
from hooks.page.subprocess_reader import compare_page, draft_page, run_confined
from hooks.retention.policy import Policy
from hooks.service import current_service


@click.command("import")
@click.argument("source", metavar="PAGE")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write to this new file, not to the screen.",
)
@with_appcontext
def policy_import(source: str, output: Path | None) -> None:
    """Draft a policy file from a published page. PAGE is a file or an address.

    Exits with 1 if the draft has questions that somebody must answer.
    """
    today = current_service().runtime.clock().astimezone(UTC).date()
    try:
        draft = run_confined(draft_page, source, today)
    except PageError as error:
        stop(str(error))
    if output is None:
        click.echo(draft, nl=False)
    else:
        _write(output, draft)
    questions = toml_writer.questions(draft)
    for question in questions:
        click.echo(question, err=True)
    end_command(has_finding=bool(questions))


def _write(output: Path, draft: str) -> None:
    """Write the draft to a new file. An existing file may be the policy in force, so it is never overwritten."""
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(draft)
    except FileExistsError:
        stop(f"{output} is there already, and was left as it is.")
    except OSError as error:
        stop(f"{output} cannot be written ({error.strerror}).")


@click.command("check")
@click.option(
    "--page",
    metavar="PAGE",
    help="A file or an address. Default: POLICY_PAGE_URL, or the page that the policy names.",
)
@with_appcontext
def policy_check(page: str | None) -> None:
    """Compare the policy with the published page.

    Lists what the two say differently, and the questions that the page leaves open. Exits with 1 if they differ.
    """
    service = current_service()
    policy = service.policy
    sources: Sequence[str] = service.settings.policy_pages or [policy.page]
    if page:
        sources = [page]
    has_drift = False
    for source in sources:
        try:
            findings = run_confined(compare_page, source, policy)
        except PageError as error:
            stop(str(error))
        for line in _finding_lines(source, findings, policy):
            click.echo(line)
        has_drift |= _has_drift(findings)
    for line in gap_lines(policy):
        click.echo(line)
    end_command(has_finding=has_drift)


def _has_drift(findings: tuple[PageFinding, ...]) -> bool:
    return any(finding.severity == "drift" for finding in findings)


def _finding_lines(source: str, findings: tuple[PageFinding, ...], policy: Policy) -> Iterator[str]:
    yield f"{policy.id} and {source}"
    if not _has_drift(findings):
        yield "  ok     they say the same"
    for finding in findings:
        yield f"  {finding.severity:<6} {finding.code}: {finding.message}"
