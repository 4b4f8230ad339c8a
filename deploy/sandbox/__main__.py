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
    """Serve the store. Print one line of JSON, `{"url": …}`, as soon as it listens."""
    args = _parser().parse_args(arguments)
    store = _create_store(args)
    server = bind(store, args.host, args.port, args.url)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        # `shutdown` waits for the serving loop, which runs in this thread.
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


def _create_store(args: argparse.Namespace) -> SandboxStore:
    sending = SendingOptions(
        timeout=args.delivery_timeout,
        threads=args.threads,
        autosend=not args.no_autosend,
        block_private_targets=args.block_private_targets,
        overtake=args.overtake,
    )
    options = StoreOptions(timezone=args.timezone, assume_https=args.assume_https, sending=sending)
    store = SandboxStore(options, now=args.now)
    if args.consumer_key:
        store.create_key(consumer_key=args.consumer_key, consumer_secret=args.consumer_secret)
    return store


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    parser.add_argument(
        "--url", default="", help="the URL of the store, if a proxy is in front of it"
    )
    parser.add_argument("--timezone", default="Europe/Oslo")
    parser.add_argument(
        "--assume-https", action="store_true", help="accept Basic, as behind a TLS proxy"
    )
    parser.add_argument(
        "--no-autosend", action="store_true", help="send deliveries only on request"
    )
    parser.add_argument("--threads", type=int, default=4, help="number of deliveries at a time")
    parser.add_argument("--delivery-timeout", type=float, default=60.0, help="seconds")
    parser.add_argument(
        "--block-private-targets",
        action="store_true",
        help="refuse private addresses, as a real store does",
    )
    parser.add_argument(
        "--overtake", action="store_true", help="send pending deliveries in random order"
    )
    parser.add_argument("--now", type=instant, help="stop the shop's clock at this time")
    parser.add_argument(
        "--consumer-key", default="", help="the key of an administrator, created at the start"
    )
    parser.add_argument("--consumer-secret", default="")
    return parser


if __name__ == "__main__":
    sys.exit(main())
