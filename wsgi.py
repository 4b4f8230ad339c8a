"""The application for gunicorn and the `flask` command."""

from __future__ import annotations

import os
import sys

from hooks.app import create_app
from hooks.errors import HooksError
from hooks.settings import Settings

os.umask(0o077)  # only the service's own user may read its files

try:
    app = create_app(Settings.from_env())
except HooksError as error:
    sys.stderr.write(f"Retention Hooks cannot start. {error}\n")
    sys.exit(os.EX_CONFIG)
