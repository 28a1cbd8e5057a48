"""One line per event: readable for people, or JSON for machines. Never tasks or keys.

Output of jobs only where an operator has asked for it (`output_log`).
"""

import logging
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, Final, Literal

from tocsin_shared.wire import dumps

# structlog loads `rich` where it is installed: a tenth of an idle agent's memory, for lines that have no use for it.
_is_rich_in_use = "rich" in sys.modules
if not _is_rich_in_use:
    sys.modules["rich"] = None  # type: ignore[assignment]  # how Python itself marks what can't be imported
import structlog  # noqa: E402  after the mark

if not _is_rich_in_use:
    del sys.modules["rich"]

LogFormat = Literal["console", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]

#: Text from elsewhere (a controller's message, say) is cut to this in a log line.
MAX_VALUE_CHARS = 2_000

log: Final = structlog.get_logger()


def configure_logging(
    log_format: LogFormat, log_level: LogLevel, *, stream: Literal["stdout", "stderr"] = "stderr"
) -> None:
    """Set up `log`, and send what libraries log through it. Call once, before the first line."""
    level = logging.getLevelNamesMapping()[log_level.upper()]
    file = getattr(sys, stream)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # Where an exception came from, without the values of variables: some are keys, tasks or output.
            structlog.processors.format_exc_info,
            _make_printable,
            _renderer(log_format, has_colours=file.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _Lines(file),
    )
    root = logging.getLogger()
    root.handlers[:] = [_LibraryHandler()]
    root.setLevel(max(level, logging.WARNING))


def _renderer(log_format: LogFormat, *, has_colours: bool) -> structlog.typing.Processor:
    if log_format == "json":
        return structlog.processors.JSONRenderer(serializer=lambda event, **_: dumps(event).decode())
    return structlog.dev.ConsoleRenderer(
        colors=has_colours, exception_formatter=structlog.dev.plain_traceback
    )


def _make_printable(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Escapes control characters and cuts long text, so nobody can forge lines or drive a terminal."""
    for key, value in event.items():
        if key == "exception" and isinstance(value, str):
            # It may name a file whose name is no text.
            event[key] = value.encode("utf-8", "backslashreplace").decode()
        elif isinstance(value, str):
            text = value if len(value) <= MAX_VALUE_CHARS else value[:MAX_VALUE_CHARS] + "..."
            event[key] = text if text.isprintable() else _escaped(text)
    return event


def _escaped(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


class _Lines(structlog.PrintLogger):
    """Where lines go. A full disk, or a reader that is gone, must not be what ends the program."""

    def msg(self, message: str) -> None:
        """Write one."""
        with suppress(OSError):
            super().msg(message)

    log = debug = info = warning = error = exception = critical = fatal = msg


class _LibraryHandler(logging.Handler):
    """Hands on what asyncio and other libraries log."""

    def emit(self, record: logging.LogRecord) -> None:
        log.log(record.levelno, "library_message", message=record.getMessage(), exc_info=record.exc_info)
