"""The policy file: TOML, translated to `hooks.retention.policy.Policy`.

The schemas of this package check the shape of the file, one module for each part of it. `consistency` checks that its
parts refer to each other correctly, and `policy_check.faults` that its rules make sense together.
"""

from __future__ import annotations

import json
import tomllib
from hashlib import sha256
from pathlib import Path
from typing import Any

from marshmallow import ValidationError

from hooks.errors import PolicyError
from hooks.retention.policy import Policy
from hooks.retention.policy_check import faults
from schemas.policy.consistency import duplicate_ids, unknown_sections
from schemas.policy.document import PolicySchema, build_policy
from schemas.policy.messages import sentences


def load_policy(path: Path) -> Policy:
    """Read a policy file and check all of it.

    Raise PolicyError with every fault. Each fault names the line (if the TOML itself is broken) or the rule, class or
    key that it is about.
    """
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        raise PolicyError(str(path), [f"cannot be read ({error.strerror})"]) from error
    except UnicodeDecodeError as error:
        raise PolicyError(str(path), [f"is not TOML: {error}"]) from error
    return read_policy(text, str(path))


def read_policy(text: str, source: str) -> Policy:
    """Read a policy from the text of its file. `source` names it in messages. Raise PolicyError as `load_policy`."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(source, [f"is not TOML: {error}"]) from error
    try:
        loaded = PolicySchema().load(raw)
    except ValidationError as error:
        raise PolicyError(source, list(sentences(error.messages, raw))) from error
    policy = build_policy(loaded, text, _digest(raw))
    findings = [*duplicate_ids(loaded), *unknown_sections(policy), *faults(policy)]
    if findings:
        raise PolicyError(source, findings)
    return policy


def _digest(raw: dict[str, Any]) -> str:
    """Return a short digest of the content. The order of tables, comments and line breaks do not change it."""
    return sha256(json.dumps(raw, sort_keys=True, default=str).encode()).hexdigest()[:16]
