"""Server-sent events: the parser, free of any I/O (https://html.spec.whatwg.org/#event-stream-interpretation)."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event of a stream."""

    data: str
    #: `message` unless the server named it.
    event: str = "message"
    #: The last id the server sent, on this event or an earlier one: what Last-Event-ID takes.
    last_id: str = ""


class EventParser:
    """Turns the bytes of a stream into events, wherever the network has cut them.

    >>> parser = EventParser()
    >>> list(parser.feed(b"id: 7\\ndata: hel")), list(parser.feed(b"lo\\n\\n"))
    ([], [ServerEvent(data='hello', event='message', last_id='7')])
    """

    def __init__(self) -> None:
        #: What to wait before connecting again, once the server has said so.
        self.retry_secs: float | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._rest = ""
        self._last_id = ""
        self._event = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> Iterator[ServerEvent]:
        """The events that this chunk completes. An event without its closing empty line is never given."""
        text = self._rest + self._decoder.decode(chunk)
        # A CR at the border may be half of a CRLF: it waits for what follows.
        held = "\r" if text.endswith("\r") else ""
        text = text.removesuffix("\r") if held else text
        *lines, self._rest = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._rest += held
        for line in lines:
            if event := self._take(line):
                yield event

    def _take(self, line: str) -> ServerEvent | None:
        if not line:
            return self._dispatch()
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            self._data.append(value)
        elif field == "event":
            self._event = value
        elif field == "id" and "\0" not in value:
            self._last_id = value
        elif field == "retry" and value.isascii() and value.isdigit():
            self.retry_secs = int(value) / 1000
        return None

    def _dispatch(self) -> ServerEvent | None:
        data, self._data = self._data, []
        event, self._event = self._event, ""
        if not data:
            return None
        return ServerEvent("\n".join(data), event or "message", self._last_id)
