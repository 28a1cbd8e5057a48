"""The REST client: one call, one answer or one Failure.

Retries 429 and 503 as the controller asks, and lost connections where repeating is harmless. Streams, which
reconnect for much longer, are in `streaming`.
"""

import asyncio
import os
import ssl
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import aiohttp
from yarl import URL

from tocsin_cli.failures import Clash, Denied, Failure, Missing, Refused, Unreachable
from tocsin_shared.wire import CLI_AGENT

#: Tries of one call, the first included.
MAX_TRIES = 4
#: However long the controller asks us to wait, people do not wait longer for one call.
MAX_WAIT_SECS = 15.0

Params = Mapping[str, str | int | bool | None]


class Client:
    """Calls one controller. To be used as an async context manager."""

    def __init__(
        self, url: str, *, key: str | None, ca_file: Path | None = None, timeout_secs: float = 30.0
    ) -> None:
        self.url = url
        self._has_key = key is not None
        headers = {"Accept": "application/json", "User-Agent": CLI_AGENT + version("tocsin")}
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        self._http = aiohttp.ClientSession(
            headers=headers,
            connector=aiohttp.TCPConnector(ssl=_trust(ca_file), limit=0),
            timeout=aiohttp.ClientTimeout(total=timeout_secs, sock_connect=min(10.0, timeout_secs)),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    async def get(self, path: str, params: Params | None = None) -> Any:
        """The parsed answer. Raises Failure."""
        return await self._call("GET", path, params=params)

    async def post(
        self,
        path: str,
        body: Any = None,
        *,
        params: Params | None = None,
        once: bool = False,
        timeout_secs: float | None = None,
    ) -> Any:
        """`once`: the controller makes sure that repeating this call has no second effect (G5)."""
        headers = {"Idempotency-Key": str(uuid.uuid4())} if once else {}
        return await self._call(
            "POST", path, params=params, body=body, headers=headers, timeout_secs=timeout_secs
        )

    async def put(self, path: str, body: Any, *, params: Params | None = None) -> Any:
        """The parsed answer. Raises Failure."""
        return await self._call("PUT", path, body=body, params=params)

    async def delete(self, path: str, *, headers: Mapping[str, str] | None = None) -> Any:
        """The parsed answer, if there is one. Raises Failure."""
        return await self._call("DELETE", path, headers=headers)

    @asynccontextmanager
    async def open(
        self,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        silence_secs: float = 60.0,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A long answer, to be read piece by piece; fails when nothing comes for `silence_secs`."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=silence_secs)
        async with self._send("GET", path, headers=headers, timeout=timeout) as response:
            if response.status >= 400:
                raise self._refusal(response, await response.read())
            yield response

    async def _call(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout_secs: float | None = None,
    ) -> Any:
        timeout = None if timeout_secs is None else aiohttp.ClientTimeout(total=timeout_secs, sock_connect=10)
        is_repeatable = method != "POST" or "Idempotency-Key" in (headers or {})
        for tries_left in reversed(range(MAX_TRIES)):
            try:
                async with self._send(
                    method, path, params=params, body=body, headers=headers, timeout=timeout
                ) as response:
                    content = await response.read()
                    if response.status < 300:
                        return _parsed(content, self.url) if content else None
                    if not tries_left or response.status not in (429, 503):
                        raise self._refusal(response, content)
                    wait_secs = retry_after(response.headers.get("Retry-After"), MAX_TRIES - tries_left)
            except ConnectionLost:
                if not tries_left or not is_repeatable:
                    raise
                wait_secs = retry_after(None, MAX_TRIES - tries_left)
            await asyncio.sleep(wait_secs)
        raise AssertionError("the last try returns or raises")

    @asynccontextmanager
    async def _send(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: aiohttp.ClientTimeout | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request on the wire; what goes wrong there becomes a Failure that says what to do."""
        url = URL(self.url + path, encoded=True).update_query(_query(params))
        options: dict[str, Any] = {"timeout": timeout} if timeout else {}
        try:
            async with self._http.request(
                method, url, json=body, headers=headers, allow_redirects=False, **options
            ) as response:
                yield response
        except aiohttp.ClientConnectorCertificateError as error:
            raise Unreachable(
                f"{self.url} has a certificate that is not trusted ({error.certificate_error}); "
                "name its CA with --ca-file or TOCSIN_CA_FILE"
            ) from None
        except aiohttp.ClientConnectorError as error:
            raise Unreachable(
                f"cannot reach {self.url} ({_reason(error)}); is the controller running there? "
                "Set its address with --url, TOCSIN_URL or `tocsin profile set`"
            ) from None
        except TimeoutError:
            raise Unreachable(
                f"{self.url} did not answer in time; try again, or another controller"
            ) from None
        except aiohttp.InvalidURL as error:
            raise Failure(f"{error} is not a URL") from None
        except aiohttp.ClientError as error:
            raise ConnectionLost(
                f"the connection to {self.url} broke ({str(error) or type(error).__name__}); try again"
            ) from None

    def _refusal(self, response: aiohttp.ClientResponse, content: bytes) -> Failure:
        """The Failure that an answer of 300 and above means."""
        status = response.status
        if status < 400:
            location = response.headers.get("Location", "elsewhere")
            return Failure(f"{self.url} redirects to {location}; set that as the controller's URL")
        if status == 401:
            return Denied(self._how_to_set_the_key(), code="unauthorized", status=status)
        try:
            error = _parsed(content, self.url)
            message = str(error["error"])
            code = str(error.get("code", ""))
            details = [(str(d["field"]), str(d["reason"])) for d in error.get("details") or []]
        except (Failure, KeyError, TypeError, AttributeError):
            if status in (502, 503, 504):
                return Unreachable(
                    f"{self.url} answered HTTP {status}; the controller behind it is away, try again"
                )
            return Refused(
                f"{self.url} answered HTTP {status} without saying why; is that a Tocsin controller?",
                status=status,
            )
        if status == 503:
            return Unreachable(f"{message} ({self.url})")
        kind = {403: Denied, 404: Missing, 409: Clash, 412: Clash}.get(status, Refused)
        return kind(message, code=code, status=status, details=details)

    def _how_to_set_the_key(self) -> str:
        remedy = "TOCSIN_KEY, --key-file or `tocsin profile set`"
        if self._has_key:
            return f"{self.url} refuses this API key (mistyped, expired, revoked?); set another with {remedy}"
        return f"{self.url} wants an API key; set it with {remedy}"


class ConnectionLost(Unreachable):
    """The connection broke after it had been made: nobody knows whether the call had its effect."""


def path_of(*parts: str) -> str:
    """`/api/...` of parts that may hold any character.

    >>> path_of("jobs", "nightly backup")
    '/api/jobs/nightly%20backup'
    """
    return "/api/" + "/".join(quote(part, safe="") for part in parts)


def retry_after(header: str | None, attempt: int) -> float:
    """How long to wait before try number `attempt` + 1: what the controller asks for, within reason."""
    try:
        asked = float(header) if header is not None else 0.25 * 2**attempt
    except ValueError:
        asked = 1.0
    return min(max(asked, 0.1), MAX_WAIT_SECS)


def _reason(error: aiohttp.ClientConnectorError) -> str:
    """Why there is no connection. asyncio's own words for the usual reason say less than its number."""
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno).lower()
    return error.strerror or str(error.os_error)


def _query(params: Params | None) -> dict[str, str | int]:
    return {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in (params or {}).items()
        if value is not None
    }


def _parsed(content: bytes, url: str) -> Any:
    import orjson

    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        raise Failure(f"{url} answered something that is not JSON; is that a Tocsin controller?") from None


def _trust(ca_file: Path | None) -> ssl.SSLContext | bool:
    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise Failure(f"cannot use the CA certificates in {ca_file}: {error}") from None
