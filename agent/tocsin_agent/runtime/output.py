"""What an execution writes, cut down to what is kept: the start at once, the end when it is known to be it."""

from collections import deque
from collections.abc import Callable

from tocsin_shared.executions import Stream
from tocsin_shared.protocol import MAX_CHUNK_BYTES

#: Takes (stream, offset, data).
Sink = Callable[[Stream, int, bytes], None]

#: How often the sink is called for the start of a stream is the caller's business (one call per read);
#: tiny writes to the tail are joined up to this, so that byte-wise output does not cost an object per byte.
_JOIN_BYTES = 16 * 1024


class OutputCapture:
    """Keeps the first half of the limit and the last half of it, each at its true offset in the stream."""

    def __init__(self, max_bytes: int, sink: Sink) -> None:
        head_bytes = max(max_bytes, 0) // 2
        self._streams = {
            stream: _StreamCapture(stream, head_bytes, max(max_bytes, 0) - head_bytes, sink)
            for stream in Stream
        }

    def feed(self, stream: Stream, data: bytes) -> None:
        """Take what was read, in order. Never blocks. Ignored after `close`."""
        self._streams[stream].feed(data)

    def close(self) -> None:
        """Nothing more comes: hand over the tails. Repeating is harmless."""
        for capture in self._streams.values():
            capture.close()

    def total_bytes(self, stream: Stream) -> int:
        """Everything that was written, kept or not."""
        return self._streams[stream].total

    def truncated(self, stream: Stream) -> bool:
        """Whether something between the start and the end was not kept."""
        return self._streams[stream].truncated


class _StreamCapture:
    def __init__(self, stream: Stream, head_bytes: int, tail_bytes: int, sink: Sink) -> None:
        self._stream = stream
        self._head_left = head_bytes
        self._tail_limit = tail_bytes
        self._sink = sink
        self._tail: deque[bytearray] = deque()
        self._tail_len = 0
        #: A character whose last bytes have not arrived; waits for them instead of being sent in two halves.
        self._partial = b""
        self._closed = False
        self.total = 0
        self.truncated = False

    def feed(self, data: bytes) -> None:
        if self._closed or not data:
            return
        self.total += len(data)
        if self._head_left > 0:
            head = data[: self._head_left]
            data = data[len(head) :]
            self._head_left -= len(head)
            self._send_head(head, self.total - len(data))
        if data:
            self._keep(data)

    def _send_head(self, data: bytes, end: int) -> None:
        data = self._partial + data
        self._partial = b""
        # At the end of the head the rest of a character goes to the tail's first chunk, which directly follows.
        cut = utf8_cut(data, len(data))
        if self._head_left == 0 and cut < len(data):
            self._tail.append(bytearray(data[cut:]))
            self._tail_len += len(data) - cut
            self._tail_limit += len(data) - cut
        else:
            self._partial = data[cut:]
        self._send(data[:cut], end - len(data))

    def _keep(self, data: bytes) -> None:
        if self._tail and len(self._tail[-1]) + len(data) <= _JOIN_BYTES:
            self._tail[-1] += data
        else:
            self._tail.append(bytearray(data))
        self._tail_len += len(data)
        while self._tail_len > self._tail_limit:
            excess = self._tail_len - self._tail_limit
            first = self._tail[0]
            # Whole chunks only, so that small writes do not move a big chunk's bytes again and again;
            # the rest of the excess is taken off in close().
            if len(first) > excess:
                break
            self._tail.popleft()
            self._tail_len -= len(first)
            self.truncated = True

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._partial:
            self._send(self._partial, self.total - len(self._partial))
            self._partial = b""
        tail = b"".join(self._tail)
        self._tail.clear()
        if len(tail) > self._tail_limit:
            tail = tail[len(tail) - self._tail_limit :]
            self.truncated = True
        if self.truncated:
            # The gap may end inside a character: what is left of that is no text.
            skip = 0
            while skip < min(3, len(tail)) and tail[skip] & 0xC0 == 0x80:
                skip += 1
            tail = tail[skip:]
        self._send(tail, self.total - len(tail))

    def _send(self, data: bytes, offset: int) -> None:
        start = 0
        while start < len(data):
            end = min(start + MAX_CHUNK_BYTES, len(data))
            if end < len(data):
                end = utf8_cut(data, end, start)
            self._sink(self._stream, offset + start, data[start:end])
            start = end


def utf8_cut(data: bytes, end: int, start: int = 0) -> int:
    """The last place at or before `end` that is not inside a UTF-8 character (`end` if it isn't UTF-8)."""
    for back in range(1, min(4, end - start) + 1):
        byte = data[end - back]
        if byte & 0xC0 == 0x80:
            continue
        length = 4 if byte >= 0xF0 else 3 if byte >= 0xE0 else 2 if byte >= 0xC0 else 1
        # Never back to the start itself: a chunk has to move on.
        return (
            end - back if length > back and byte < 0xF8 and (end - back > start or end == len(data)) else end
        )
    return end
