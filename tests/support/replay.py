"""Post the recorded deliveries, in order and signed again, to a running service.

`python -m tests.support.replay URL [FIRST [LAST]]`, where URL ends in `/webhooks/<slug>` and the service was started
with STORE_WEBHOOK_SECRETS=a-secret-of-the-recorded-shop. FIRST and LAST are file numbers; without them all are sent.
"""

from __future__ import annotations

import argparse
import sys

import requests

from tests.support.recordings import DELIVERIES, Recorded


def main(arguments: list[str] | None = None) -> int:
    """Send the deliveries. Return 0 if every delivery got 200, 1 if one did not, 2 if nobody answers."""
    options = _parser().parse_args(arguments)
    chosen = DELIVERIES[options.first - 1 : options.last]
    try:
        refused = [sent.name for sent in chosen if not _send(options.url, sent)]
    except requests.RequestException as error:
        sys.stderr.write(f"No answer from {options.url} ({type(error).__name__}).\n")
        return 2
    sys.stdout.write(f"\n{len(chosen) - len(refused)} of {len(chosen)} deliveries got 200.\n")
    return 1 if refused else 0


def _send(url: str, sent: Recorded) -> bool:
    answer = requests.post(
        url, data=sent.body, headers=sent.headers, timeout=60, allow_redirects=False
    )
    sys.stdout.write(f"{answer.status_code}  {_outcome(answer):<18} {sent.name}\n")
    return answer.status_code == 200


def _outcome(answer: requests.Response) -> str:
    """The result of a delivery, or the code of the error."""
    try:
        body = answer.json()
    except ValueError:
        return "not JSON"
    return str(body.get("result") or body.get("error", {}).get("code"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.support.replay", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("url", help="such as http://127.0.0.1:8000/webhooks/shop")
    parser.add_argument("first", nargs="?", type=int, default=1)
    parser.add_argument("last", nargs="?", type=int, default=len(DELIVERIES))
    return parser


if __name__ == "__main__":
    sys.exit(main())
