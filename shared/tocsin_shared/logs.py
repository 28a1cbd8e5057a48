"""One line per event: readable for people, or JSON for machines. Never tasks, keys or output."""

import logging
import sys
import threading
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, Literal

from tocsin_shared.wire import dumps

LogFormat = Literal["console", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]

#: Text from elsewhere (a controller's message, say) is cut to this in a log line.
MAX_VALUE_CHARS = 2_000

#: Columns of an event's name, before its values.
_EVENT_WIDTH = 30
_NEEDS_QUOTES = frozenset(" \t=\r\n\"'")
_RESET, _DIM, _BOLD, _NAME, _VALUE = "\x1b[0m", "\x1b[2m", "\x1b[1m", "\x1b[36m", "\x1b[35m"
_COLOURS: Final[dict[LogLevel, str]] = {
    "debug": "\x1b[32m",
    "info": "\x1b[32m",
    "warning": "\x1b[33m",
    "error": "\x1b[31m",
}
_LEVELS: Final[dict[LogLevel, int]] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


class Log:
    """What the process says of itself. There is one: `log`."""

    def __init__(self) -> None:
        self._format: LogFormat = "console"
        self._least = logging.DEBUG
        self._stream: Literal["stdout", "stderr"] = "stderr"
        self._lock = threading.Lock()

    def configure(self, log_format: LogFormat, level: LogLevel, stream: Literal["stdout", "stderr"]) -> None:
        """What lines look like, the least that is said, and where."""
        self._format, self._least, self._stream = log_format, _LEVELS[level], stream

    def debug(self, event: str, **values: Any) -> None:
        """For those who look for a fault."""
        self._say("debug", event, values)

    def info(self, event: str, **values: Any) -> None:
        """Something happened, as it should."""
        self._say("info", event, values)

    def warning(self, event: str, **values: Any) -> None:
        """Something that will be made up for."""
        self._say("warning", event, values)

    def error(self, event: str, **values: Any) -> None:
        """Something somebody should see to. `exc_info` adds where an exception came from."""
        self._say("error", event, values)

    def exception(self, event: str, **values: Any) -> None:
        """An error, with the exception that is being handled."""
        self._say("error", event, {"exc_info": True, **values})

    def _say(self, level: LogLevel, event: str, values: dict[str, Any]) -> None:
        if _LEVELS[level] < self._least:
            return
        trace = _traceback(values.pop("exc_info", None))
        at = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        shown = {name: _printable(value) for name, value in values.items()}
        stream = getattr(sys, self._stream)
        if self._format == "json":
            said = {**shown, "event": event, "level": level, "timestamp": at}
            line = dumps({**said, "exception": trace} if trace else said).decode()
        else:
            line = _line(at, level, event, shown, has_colours=stream.isatty())
            line = f"{line}\n{trace}" if trace else line
        # A full disk or a reader that is gone must not be what ends the program.
        with self._lock, suppress(OSError):
            stream.write(line + "\n")
            stream.flush()


log: Final = Log()


def configure_logging(
    log_format: LogFormat, log_level: LogLevel, *, stream: Literal["stdout", "stderr"] = "stderr"
) -> None:
    """Set up `log`, and send what libraries log through it. Call once, before the first line."""
    log.configure(log_format, log_level, stream)
    root = logging.getLogger()
    root.handlers[:] = [_LibraryHandler()]
    root.setLevel(max(_LEVELS[log_level], logging.WARNING))


def _traceback(exc_info: Any) -> str:
    """Where an exception came from, without the values of variables: some are keys, tasks or output."""
    if isinstance(exc_info, tuple):
        exc_info = exc_info[1]
    elif exc_info is True:
        exc_info = sys.exception()
    return "".join(traceback.format_exception(exc_info)).rstrip() if exc_info else ""


def _line(at: str, level: LogLevel, event: str, values: dict[str, Any], *, has_colours: bool) -> str:
    def paint(text: str, colour: str) -> str:
        return f"{colour}{text}{_RESET}" if has_colours else text

    shown = " ".join(
        f"{paint(name, _NAME)}={paint(_quoted(value), _VALUE)}" for name, value in sorted(values.items())
    )
    name = paint(event.ljust(_EVENT_WIDTH), _BOLD)
    return f"{paint(at, _DIM)} [{paint(level.ljust(9), _COLOURS[level])}] {name} {shown}".rstrip()


def _quoted(value: Any) -> str:
    return value if isinstance(value, str) and not _NEEDS_QUOTES.intersection(value) else repr(value)


def _printable(value: Any) -> Any:
    """Escapes control characters and cuts long text, so nobody can forge lines or drive a terminal."""
    if value is None or isinstance(value, int | float | list | dict | tuple):
        return value
    text = str(value)
    text = text if len(text) <= MAX_VALUE_CHARS else text[:MAX_VALUE_CHARS] + "..."
    return text if text.isprintable() else _escaped(text)


def _escaped(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


class _LibraryHandler(logging.Handler):
    """Hands on what asyncio and other libraries log."""

    def emit(self, record: logging.LogRecord) -> None:
        tell = log.error if record.levelno >= logging.ERROR else log.warning
        tell("library_message", message=record.getMessage(), exc_info=record.exc_info)
