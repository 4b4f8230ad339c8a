"""Looks for known vulnerabilities in the pinned dependencies; says how many of them could be looked up."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

REQUIREMENTS = Path(__file__).parent.parent / "requirements.txt"


def main() -> int:
    """Exit status: 0 nothing found or not possible offline, 1 a dependency with a known vulnerability."""
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
    ]
    command += ["--requirement", str(REQUIREMENTS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)  # noqa: S603
    words, status = verdict(done.stdout)
    sys.stdout.write(words + "\n")
    return status


def verdict(report: str) -> tuple[str, int]:
    """Judge a report of pip-audit in JSON: the words, and the exit status. An empty one has no answer."""
    dependencies: list[dict[str, Any]] = (
        json.loads(report)["dependencies"] if report.strip() else []
    )
    audited = [each for each in dependencies if "skip_reason" not in each]
    if not audited:
        return (
            "WARNING: no dependency was audited: the vulnerability service knows none of them, or cannot be reached "
            "from here. Run `make check` where PyPI can be reached.",
            0,
        )
    count = f"{len(audited)} of {len(dependencies)} dependencies were audited"
    if len(audited) < len(dependencies):
        count = f"WARNING: only {count}"
    found = [
        f"{each['name']} {each['version']}: {vuln['id']}"
        for each in audited
        for vuln in each["vulns"]
    ]
    if found:
        return f"{count}. Upgrade what has a known vulnerability:\n  " + "\n  ".join(found), 1
    return f"{count}, and none has a known vulnerability.", 0


if __name__ == "__main__":
    sys.exit(main())
