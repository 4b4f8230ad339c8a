"""Looks for known vulnerabilities in the pinned dependencies; says so and passes where that cannot be looked up."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

UNREACHABLE = ("ConnectionError", "ServiceError", "connection", "Connection", "timed out", "Max retries", "resolve")


def main() -> int:
    """Exit status: 0 nothing found or not possible offline, 1 a dependency with a known vulnerability."""
    requirements = Path(__file__).parent.parent / "requirements.txt"
    if find_spec("pip_audit") is None:
        sys.stdout.write("Dependency audit skipped: pip-audit is not installed.\n")
        return 0
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "-r", str(requirements)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)  # noqa: S603
    if done.returncode and any(word in done.stderr for word in UNREACHABLE):
        sys.stdout.write("Dependency audit skipped: the vulnerability service cannot be reached from here.\n")
        return 0
    unknown = done.stdout.count("could not be audited")
    sys.stdout.write(done.stdout if done.returncode else "")
    sys.stdout.write(done.stderr.strip() + (f" ({unknown} could not be looked up)\n" if unknown else "\n"))
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
