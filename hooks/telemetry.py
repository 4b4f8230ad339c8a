"""Logs, metrics and error reports: none of them ever carries a body, a header, a local variable or personal data."""

from __future__ import annotations

import logging
import os
import struct
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess

from hooks import __version__, counter_files
from hooks.errors import HooksError
from hooks.settings import Settings

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

READINGS = 5
"""Tries to read the counters of all processes."""

REPORTED_BY_ITSELF = "hooks.sync.webhook_watch"
"""Of each other logger an error logged is an error report; this one says what it reports, and reports it once."""

counter_files.take_room_first()

DELIVERIES = Counter(
    "retention_deliveries", "Webhook deliveries by what became of them.", ["store", "result"]
)
EVENTS = Counter(
    "retention_events", "Events reported or noted by what became of them.", ["store", "result"]
)
REFUSED = Counter(
    "retention_refused", "Deliveries and events that were refused.", ["store", "reason"]
)
WRITES = Counter("retention_writes", "Schedules written back, by outcome.", ["store", "outcome"])
REREADS = Counter(
    "retention_rereads", "Records that the store was asked about, by outcome.", ["store", "outcome"]
)
WRONG_TOKENS = Counter("retention_wrong_tokens", "Requests with a wrong STATUS_TOKEN.", ["answer"])
INTAKE_SECONDS = Histogram(
    "retention_intake_seconds",
    "From the whole body to the answer of the ledger, waiting for the commit included, in seconds.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)


def prepare_metrics(
    stores: Iterable[str], results: Sequence[str], of_events: Sequence[str]
) -> None:
    """Have the counters of every store begin at nought, and their file made now.

    Raises ConfigurationError where the folder for the files cannot be written to.
    """
    counter_files.prepare_folder()
    for answer in ("401", "429"):
        WRONG_TOKENS.labels(answer)
    for store in stores:
        for result in results:
            DELIVERIES.labels(store, result)
        for result in of_events:
            EVENTS.labels(store, result)
        for reason in ("signature", "token", "type", "shape", "ledger"):
            REFUSED.labels(store, reason)
        WRITES.labels(store, "written")
        REREADS.labels(store, "read")


def metrics() -> bytes:
    """All metrics as Prometheus text, summed over all processes that share PROMETHEUS_MULTIPROC_DIR."""
    registry = CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        for metric in (DELIVERIES, EVENTS, REFUSED, WRITES, REREADS, WRONG_TOKENS, INTAKE_SECONDS):
            registry.register(metric)
        return generate_latest(registry)
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    for _ in range(READINGS - 1):
        try:
            return generate_latest(registry)
        except (
            struct.error,
            ValueError,
        ):  # a process that has just started is still making its file
            time.sleep(0.05)
    return generate_latest(registry)


def configure_logging(settings: Settings) -> None:
    """Structured logs to standard error, of our own and of the libraries, as the settings say."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    final: list[Any] = [_traceback_without_values, _renderer(settings)]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    logging.getLogger("alembic").setLevel(
        logging.WARNING
    )  # it says on each look that it has looked
    logging.getLogger("urllib3").setLevel(
        logging.ERROR
    )  # its warnings carry whole addresses, signatures and all


def _renderer(settings: Settings) -> Any:
    return structlog.processors.JSONRenderer() if settings.log_format == "json" else _line


def _line(_: object, __: str, event: dict[str, Any]) -> str:
    """An event as a line for the eye: when, how grave, what, where from, and all else that it says."""
    when, level, what, where = (
        event.pop(name, "") for name in ("timestamp", "level", "event", "logger")
    )
    said = " ".join(f"{name}={event[name]}" for name in sorted(event))
    return f"{when} [{level:<8}] {what:<30} [{where}] {said}"


class DeliveryLog:
    """Writes a line for each delivery, as for any other event: only that there are so many of these, and that the way
    through the logging library takes as long as all else that there is to answering one."""

    def __init__(self, settings: Settings) -> None:
        self.wanted = logging.getLevelNamesMapping()[settings.log_level.upper()] <= logging.INFO
        self._render = _renderer(settings)

    def taken(self, store: str, topic: str | None, result: str) -> None:
        """What became of one delivery."""
        if self.wanted:
            event = {"event": "delivery", "logger": "hooks.deliveries", "level": "info"}
            event |= {"timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"}
            event |= {"store": store, "topic": topic or "", "result": result}
            line = self._render(None, "info", event | structlog.contextvars.get_contextvars())
            with suppress(OSError):  # where it cannot be told of, it was taken all the same
                sys.stderr.write(line + "\n")


def _traceback_without_values(_: object, __: str, event: dict[str, Any]) -> dict[str, Any]:
    """Where it happened and of which kind it was; a message only if it is one of ours, for those carry no values."""
    raised = event.pop("exc_info", None)
    if raised is True:  # as `log.exception` says it
        raised = sys.exc_info()
    error = (
        raised[1]
        if isinstance(raised, tuple)
        else raised
        if isinstance(raised, BaseException)
        else None
    )
    if error is None:
        return event
    places = []
    trace = error.__traceback__
    while trace:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    event["error"] = type(error).__name__
    if isinstance(error, HooksError):
        event["message"] = str(error)
    event["traceback"] = places[-12:]
    return event


def configure_sentry(settings: Settings) -> None:
    """Error reports, if a DSN is set: the kind of the error, where it happened, and nothing of what it was about."""
    if not settings.sentry_dsn:
        return
    import sentry_sdk  # noqa: PLC0415 - most have no use for it
    from sentry_sdk.integrations.flask import FlaskIntegration  # noqa: PLC0415
    from sentry_sdk.integrations.logging import ignore_logger  # noqa: PLC0415

    ignore_logger(REPORTED_BY_ITSELF)
    sentry_sdk.init(
        dsn=settings.sentry_dsn,
        environment=settings.sentry_environment,
        release=f"retention-hooks@{__version__}",
        integrations=[FlaskIntegration()],
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        traces_sample_rate=None,
        before_send=_without_values,
        server_name="",
    )


def report(error: HooksError) -> None:
    """Send an error report, if a DSN is set, of something that no caller is to be stopped by."""
    import sentry_sdk  # noqa: PLC0415 - as above

    sentry_sdk.capture_exception(error)


def _without_values(event: Event, hint: Hint) -> Event | None:
    """Drop whatever may repeat what came in: the request, messages of foreign errors, arguments of log calls."""
    event.pop("request", None)
    for part in (
        "breadcrumbs",
        "extra",
        "user",
        "logentry",
        "message",
        "modules",
        "server_name",
        "contexts",
    ):
        event.pop(part, None)  # type: ignore[misc]
    error = hint.get("exc_info", (None, None, None))[1]
    ours = isinstance(error, HooksError)
    for raised in event.get("exception", {}).get("values", []):
        if not (ours and raised.get("type") == type(error).__name__):
            raised["value"] = ""
        raised.pop("mechanism", None)
        for frame in (raised.get("stacktrace") or {}).get("frames", []):
            frame.pop("vars", None)
    return event
