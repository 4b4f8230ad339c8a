"""`python -m deploy.sandbox`: serve the stand-in store until SIGTERM or SIGINT."""

import argparse
import json
import signal
import sys
from threading import Thread
from types import FrameType

from deploy.sandbox.sender import SendingOptions
from deploy.sandbox.server import bind
from deploy.sandbox.store import SandboxStore, StoreOptions
from deploy.sandbox.wire import instant


def main(arguments: list[str] | None = None) -> int:
    """Print one line of JSON, `{"url": …}`, once it listens."""
    given = _parser().parse_args(arguments)
    sending = SendingOptions(
        timeout=given.delivery_timeout,
        threads=given.threads,
        autosend=not given.no_autosend,
        block_private_targets=given.block_private_targets,
        overtake=given.overtake,
    )
    options = StoreOptions(
        timezone=given.timezone, assume_https=given.assume_https, sending=sending
    )
    store = SandboxStore(options, now=None if given.now is None else instant(given.now))
    if given.consumer_key:
        store.create_key(consumer_key=given.consumer_key, consumer_secret=given.consumer_secret)
    server = bind(store, given.host, given.port, given.url)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        # Shutting down waits for the serving loop, which is this very thread.
        Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    store.start()
    sys.stdout.write(json.dumps({"url": store.url}) + "\n")
    sys.stdout.flush()
    server.serve_forever(poll_interval=0.05)
    store.close()
    server.server_close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    parser.add_argument("--url", default="", help="the store's URL, where a proxy stands in front")
    parser.add_argument("--timezone", default="Europe/Oslo")
    parser.add_argument(
        "--assume-https", action="store_true", help="accept Basic; a TLS proxy stands in front"
    )
    parser.add_argument(
        "--no-autosend", action="store_true", help="send deliveries only when told to"
    )
    parser.add_argument(
        "--threads", type=int, default=4, help="how many deliveries go out at a time"
    )
    parser.add_argument("--delivery-timeout", type=float, default=60.0, help="seconds")
    parser.add_argument("--block-private-targets", action="store_true", help="as a real store does")
    parser.add_argument("--overtake", action="store_true", help="send what waits in random order")
    parser.add_argument("--now", help="stop the shop's clock at this time")
    parser.add_argument(
        "--consumer-key", default="", help="an administrator's key that exists from the start"
    )
    parser.add_argument("--consumer-secret", default="")
    return parser


if __name__ == "__main__":
    sys.exit(main())
