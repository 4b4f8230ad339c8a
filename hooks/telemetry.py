"""Logs, metrics and error reports. None of them carries a body, a header, a local variable or personal data."""

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

TRACEBACK_PLACES = 12
"""The last places of a traceback that are logged."""

SENTRY_PARTS_WITH_VALUES = (
    "request",
    "breadcrumbs",
    "extra",
    "user",
    "logentry",
    "message",
    "modules",
    "server_name",
    "contexts",
)

READ_ATTEMPTS = 5
"""Attempts to read the counters of all processes."""

REPORTS_BY_ITSELF = "hooks.sync.webhook_watch"
"""A logger whose errors are no error reports: the module calls `report`, once for each problem."""

counter_files.reserve_space_first()

DELIVERIES = Counter("retention_deliveries", "Webhook deliveries by result.", ["store", "result"])
EVENTS = Counter(
    "retention_events", "Events of tools and operators by result.", ["store", "result"]
)
REFUSED = Counter(
    "retention_refused", "Deliveries and events that were refused.", ["store", "reason"]
)
WRITES = Counter("retention_writes", "Schedules written back, by outcome.", ["store", "outcome"])
REREADS = Counter(
    "retention_rereads", "Records fetched from the store, by outcome.", ["store", "outcome"]
)
WRONG_TOKENS = Counter("retention_wrong_tokens", "Requests with a wrong STATUS_TOKEN.", ["answer"])
INTAKE_SECONDS = Histogram(
    "retention_intake_seconds",
    "Seconds from the whole body of a delivery to the answer of the ledger, with the wait for the commit.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)


def prepare_metrics(
    stores: Iterable[str], delivery_results: Sequence[str], event_results: Sequence[str]
) -> None:
    """Start the counters of every store at zero, and make their file.

    Raises ConfigurationError where the folder of the files cannot be written to.
    """
    counter_files.prepare_folder()
    for answer in ("401", "429"):
        WRONG_TOKENS.labels(answer)
    for store in stores:
        for result in delivery_results:
            DELIVERIES.labels(store, result)
        for result in event_results:
            EVENTS.labels(store, result)
        for reason in ("signature", "token", "type", "shape", "ledger"):
            REFUSED.labels(store, reason)
        WRITES.labels(store, "written")
        REREADS.labels(store, "read")


def metrics() -> bytes:
    """Return all metrics as Prometheus text, summed over all processes that share PROMETHEUS_MULTIPROC_DIR."""
    registry = CollectorRegistry()
    if counter_files.FOLDER not in os.environ:
        for metric in (DELIVERIES, EVENTS, REFUSED, WRITES, REREADS, WRONG_TOKENS, INTAKE_SECONDS):
            registry.register(metric)
        return generate_latest(registry)
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    for _ in range(READ_ATTEMPTS - 1):
        try:
            return generate_latest(registry)
        except (struct.error, ValueError):
            time.sleep(0.05)  # a process that has just started is still making its file
    return generate_latest(registry)


def configure_logging(settings: Settings) -> None:
    """Send structured logs to standard error, those of the libraries too, as the settings say."""
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
    # alembic logs each time that it reads the version of the ledger.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # The warnings of urllib3 hold whole addresses, with the signatures in them.
    logging.getLogger("urllib3").setLevel(logging.ERROR)


def _renderer(settings: Settings) -> Any:
    return structlog.processors.JSONRenderer() if settings.log_format == "json" else _line


def _line(_: object, __: str, event: dict[str, Any]) -> str:
    """Render a log event as a line for people: time, level, name, logger, and then the other fields by name."""
    timestamp, level = event.pop("timestamp", ""), event.pop("level", "")
    name, logger = event.pop("event", ""), event.pop("logger", "")
    fields = " ".join(f"{field}={event[field]}" for field in sorted(event))
    return f"{timestamp} [{level:<8}] {name:<30} [{logger}] {fields}"


class DeliveryLog:
    """Writes the log line of each delivery, past the logging library.

    There are many deliveries, and a line through the library takes as long as all other work on a delivery.
    """

    def __init__(self, settings: Settings) -> None:
        level = logging.getLevelNamesMapping()[settings.log_level.upper()]
        self.is_enabled = level <= logging.INFO
        self._render = _renderer(settings)

    def write(self, store: str, topic: str | None, result: str) -> None:
        """Write the line of one delivery. An error is ignored, since the ledger has the delivery already."""
        if not self.is_enabled:
            return
        event = {
            "event": "delivery",
            "logger": "hooks.deliveries",
            "level": "info",
            "timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
            "store": store,
            "topic": topic or "",
            "result": result,
            **structlog.contextvars.get_contextvars(),
        }
        with suppress(OSError):
            sys.stderr.write(self._render(None, "info", event) + "\n")


def _traceback_without_values(_: object, __: str, event: dict[str, Any]) -> dict[str, Any]:
    """Replace an exception by its type and the places in the code. Its message is kept only if it is one of ours.

    Messages of other errors, and local variables, may hold values that came in.
    """
    error = _exception(event.pop("exc_info", None))
    if error is None:
        return event
    event["error"] = type(error).__name__
    if isinstance(error, HooksError):
        event["message"] = str(error)
    event["traceback"] = _places(error)[-TRACEBACK_PLACES:]
    return event


def _exception(exc_info: object) -> BaseException | None:
    """Return the exception of a log call, which gives it in one of three forms."""
    if exc_info is True:  # as `log.exception` gives it
        return sys.exc_info()[1]
    if isinstance(exc_info, tuple):
        exc_info = exc_info[1]
    return exc_info if isinstance(exc_info, BaseException) else None


def _places(error: BaseException) -> list[str]:
    """Return the places that the exception passed through, each as `file:line function`."""
    places: list[str] = []
    trace = error.__traceback__
    while trace:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return places


def configure_sentry(settings: Settings) -> None:
    """Send error reports to Sentry, if a DSN is set. They hold the type of the error and the places, and no values."""
    if not settings.sentry_dsn:
        return
    import sentry_sdk  # noqa: PLC0415 - slow to import, and most installations do not use it
    from sentry_sdk.integrations.flask import FlaskIntegration  # noqa: PLC0415
    from sentry_sdk.integrations.logging import ignore_logger  # noqa: PLC0415

    ignore_logger(REPORTS_BY_ITSELF)
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
    """Send an error report of a problem that stops no caller. Does nothing where no DSN is set."""
    import sentry_sdk  # noqa: PLC0415 - as above

    sentry_sdk.capture_exception(error)


def _without_values(event: Event, hint: Hint) -> Event | None:
    """Drop every part of a report that may hold a value that came in.

    These are the request, the arguments of log calls, local variables, and the messages of errors that are not ours.
    """
    for part in SENTRY_PARTS_WITH_VALUES:
        event.pop(part, None)  # type: ignore[misc]
    error = hint.get("exc_info", (None, None, None))[1]
    own_type = type(error).__name__ if isinstance(error, HooksError) else None
    for exception in event.get("exception", {}).get("values", []):
        if own_type is None or exception.get("type") != own_type:
            exception["value"] = ""
        exception.pop("mechanism", None)
        for frame in (exception.get("stacktrace") or {}).get("frames", []):
            frame.pop("vars", None)
    return event
