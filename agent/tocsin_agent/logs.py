"""One line per event on stderr: readable for people, or JSON for machines. Never tasks, keys or output."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog

from tocsin_shared.wire import dumps

LogFormat = Literal["console", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]

#: Text from elsewhere (a controller's message, say) is cut to this in a log line.
MAX_VALUE_CHARS = 2_000


#: Where an exception came from, without the values of variables: some are keys, tasks or output.
_TRACEBACKS_AS_DATA = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


def configure_logging(log_format: LogFormat, log_level: LogLevel) -> None:
    """Set up structlog and send what libraries log through it. Call once, before the first line."""
    level = logging.getLevelNamesMapping()[log_level.upper()]
    renderer: structlog.typing.Processor
    if log_format == "json":
        renderer = structlog.processors.JSONRenderer(serializer=lambda event, **_: dumps(event).decode())
    else:
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _TRACEBACKS_AS_DATA if log_format == "json" else structlog.processors.StackInfoRenderer(),
            make_printable,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    root = logging.getLogger()
    root.handlers[:] = [_LibraryHandler()]
    root.setLevel(max(level, logging.WARNING))


def make_printable(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Escapes control characters and cuts long text, so nobody can forge lines or drive a terminal."""
    for key, value in event.items():
        if key != "exception" and isinstance(value, str):
            text = value if len(value) <= MAX_VALUE_CHARS else value[:MAX_VALUE_CHARS] + "..."
            event[key] = text if text.isprintable() else _escaped(text)
    return event


def _escaped(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


class _LibraryHandler(logging.Handler):
    """Hands what asyncio and aiohttp log to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger(record.name).log(
            record.levelno, "library_message", message=record.getMessage(), exc_info=record.exc_info
        )
