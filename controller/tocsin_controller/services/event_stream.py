"""Server-sent events as bytes (WHATWG HTML, section 9.2)."""

import asyncio


def frame(data: str, event_id: str | None = None, *, event: str | None = None) -> bytes:
    """One event. A carriage return ends a line there too, so such data comes as several `data:` lines."""
    head = f"id: {event_id}\n" if event_id is not None else ""
    if event is not None:
        head += f"event: {event}\n"
    if "\r" in data or "\n" in data:
        data = "\ndata: ".join(data.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    return f"{head}data: {data}\n\n".encode("utf-8", "replace")


async def until_woken(woken: asyncio.Event, longest_secs: float) -> None:
    """Sleeps until the event is set, or for so long."""
    try:
        async with asyncio.timeout(longest_secs):
            await woken.wait()
    except TimeoutError:
        pass
