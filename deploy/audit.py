"""Search the pinned dependencies for known vulnerabilities, and report how many of them could be looked up."""

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

REQUIREMENTS = Path(__file__).parent.parent / "requirements.txt"
_NONE_AUDITED = (
    "WARNING: no dependency was audited: the vulnerability service knows none of them, or cannot be reached from here. "
    "Run `make check` where PyPI can be reached."
)


def main() -> int:
    """Return the exit status: 1 if a dependency has a known vulnerability, else 0, also if none could be looked up."""
    if find_spec("pip_audit") is None:
        sys.stdout.write(
            "WARNING: no dependency was audited: pip-audit is not installed. Run `make check`.\n"
        )
        return 0
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "--disable-pip",
        "--require-hashes",
        "--format",
        "json",
        "--requirement",
        str(REQUIREMENTS),
    ]
    process = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)  # noqa: S603
    message, status = verdict(process.stdout)
    sys.stdout.write(message + "\n")
    return status


def verdict(report: str) -> tuple[str, int]:
    """Return the message and the exit status for a report of pip-audit in JSON. The report is empty if it failed."""
    dependencies = _dependencies(report)
    audited = [dependency for dependency in dependencies if "skip_reason" not in dependency]
    if not audited:
        return _NONE_AUDITED, 0
    count = f"{len(audited)} of {len(dependencies)} dependencies were audited"
    if len(audited) < len(dependencies):
        count = f"WARNING: only {count}"
    findings = list(_findings(audited))
    if not findings:
        return f"{count}, and none has a known vulnerability.", 0
    return f"{count}. Upgrade what has a known vulnerability:\n  " + "\n  ".join(findings), 1


def _dependencies(report: str) -> list[dict[str, Any]]:
    if not report.strip():
        return []
    dependencies: list[dict[str, Any]] = json.loads(report)["dependencies"]
    return dependencies


def _findings(dependencies: list[dict[str, Any]]) -> Iterator[str]:
    for dependency in dependencies:
        for vulnerability in dependency["vulns"]:
            yield f"{dependency['name']} {dependency['version']}: {vulnerability['id']}"


if __name__ == "__main__":
    sys.exit(main())
