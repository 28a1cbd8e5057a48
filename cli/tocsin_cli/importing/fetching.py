"""Asking another scheduler that runs."""

from typing import Any, Final

import aiohttp
import orjson

from tocsin_cli.failures import Failure, Unreachable

_TIMEOUT_SECS: Final = 60.0
_MOST_BYTES: Final = 256 * 1024 * 1024


async def fetch_json(url: str, token: str | None) -> Any:
    """What it answers. Raises Failure."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_SECS, sock_connect=10)
    try:
        async with aiohttp.ClientSession(timeout=timeout, headers=headers) as http, http.get(url) as response:
            content = await response.content.read(_MOST_BYTES)
            while more := await response.content.read(_MOST_BYTES - len(content)):
                content += more
            if response.status != 200:
                raise Failure(f"{url} answered {response.status} {response.reason}")
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise Unreachable(f"{url} can't be asked: {str(error) or type(error).__name__}") from None
    try:
        return orjson.loads(content)
    except ValueError:
        raise Failure(f"{url} did not answer with JSON") from None
