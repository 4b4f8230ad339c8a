"""The order of imports that gunicorn's configuration depends on."""

from __future__ import annotations

import subprocess
import sys

from tests.support.processes import ROOT

LOADED_BEFORE_THE_ENVIRONMENT_IS_SET = (
    "hooks.errors, hooks.ledger.database, hooks.settings, hooks.web.gunicorn_worker, schemas.policy"
)


def test_gunicorn_worker_loads_no_telemetry() -> None:
    """prometheus-client reads PROMETHEUS_MULTIPROC_DIR when it is imported, and opens its files with the umask of then.

    `deploy/gunicorn.conf.py` sets both after it has imported these modules.
    """
    code = f"import sys, {LOADED_BEFORE_THE_ENVIRONMENT_IS_SET}\nprint('prometheus_client' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
