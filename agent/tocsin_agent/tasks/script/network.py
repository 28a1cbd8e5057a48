"""What scripts send: HTTP requests, and bytes over TCP and UDP. Every connection is judged by the agent's policy.

Failures are told in the result, because Starlark can't catch errors; a refused address ends the script.
"""

import base64
import http.client
import json
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import unquote, urljoin, urlsplit

from tocsin_agent.network.resolving import AddressRefused, permitted_addresses
from tocsin_agent.tasks.script.failing import ExitCode, ScriptEnded
from tocsin_agent.tasks.script.texts import bytes_of_hex
from tocsin_shared.network import Reach

#: Of one answer.
MAX_ANSWER_BYTES: Final = 10 * 1024 * 1024
MOST_REDIRECTS: Final = 10
_PIECE_BYTES: Final = 64 * 1024
#: Answers that send a request elsewhere, and those of them that keep its method.
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_KEEPING: Final = frozenset({307, 308})
#: Headers that are for the first host alone.
_SECRET_HEADERS: Final = frozenset({"authorization", "cookie", "proxy-authorization"})

_Headers = Mapping[str, str] | None


class Network:
    """Connections of one script."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    def http(
        self, method: str, url: str, body: Any, headers: _Headers, timeout_secs: float
    ) -> dict[str, Any]:
        """One request, redirects followed: `status`, `body`, `headers`, `error`. Status 0: no answer."""
        if body is not None and not isinstance(body, str):
            body = json.dumps(body)
            headers = {"Content-Type": "application/json", **(headers or {})}
        request = (method.upper(), None if body is None else body.encode(), dict(headers or {}))
        deadline = time.monotonic() + timeout_secs
        try:
            return self._followed(url, *request, deadline)
        except (OSError, http.client.HTTPException, ValueError) as error:
            return {"status": 0, "body": "", "headers": {}, "error": _why(error)}

    def tcp_send(self, address: str, data: str, is_hex: bool, timeout_secs: float) -> dict[str, Any]:
        """Send, end the sending side, and read until the other side ends or the time has passed."""
        payload = bytes_of_hex(data) if is_hex else data.encode()
        error, received = "", b""
        try:
            with self._connected(*_host_and_port(address), time.monotonic() + timeout_secs) as sock:
                sock.sendall(payload)
                sock.shutdown(socket.SHUT_WR)
                received = _read(sock, time.monotonic() + timeout_secs)
        except OSError as failure:
            error = _why(failure)
        answer = {"response": received.decode("utf-8", "replace"), "error": error}
        return {**answer, "response_hex": received.hex()} if is_hex else answer

    def udp_send(self, address: str, data: str, is_hex: bool) -> dict[str, Any]:
        """Send one datagram; nobody knows whether it arrives."""
        payload = bytes_of_hex(data) if is_hex else data.encode()
        try:
            family, kind, proto, _, sockaddr = self._addresses(*_host_and_port(address), socket.SOCK_DGRAM)[0]
            with socket.socket(family, kind, proto) as sock:
                return {"sent": sock.sendto(payload, sockaddr), "error": ""}
        except OSError as error:
            return {"sent": 0, "error": _why(error)}

    def _followed(
        self, url: str, method: str, body: bytes | None, headers: dict[str, str], deadline: float
    ) -> dict[str, Any]:
        for _ in range(MOST_REDIRECTS + 1):
            answer = self._asked(url, method, body, headers, deadline)
            target = answer["headers"].get("location")
            if answer["status"] not in _REDIRECTS or not target:
                return {**answer, "error": ""}
            if answer["status"] not in _KEEPING and method not in ("GET", "HEAD"):
                method, body = "GET", None
            before, url = urlsplit(url), urljoin(url, target)
            after = urlsplit(url)
            if (before.scheme, before.netloc) != (after.scheme, after.netloc):
                headers = {
                    name: value for name, value in headers.items() if name.lower() not in _SECRET_HEADERS
                }
        raise ValueError(f"more than {MOST_REDIRECTS} redirects")

    def _asked(
        self, url: str, method: str, body: bytes | None, headers: dict[str, str], deadline: float
    ) -> dict[str, Any]:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("the URL must start with http:// or https://")
        connection = _Connection(parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))
        try:
            sock = self._connected(parts.hostname, connection.port, deadline)
            if parts.scheme == "https":
                import ssl  # takes a while to load

                sock = ssl.create_default_context().wrap_socket(sock, server_hostname=parts.hostname)
            connection.sock = sock
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            has_host = any(name.lower() == "host" for name in headers)
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            if not has_host:
                connection.putheader("Host", parts.netloc.rpartition("@")[2])
            if not any(name.lower() == "user-agent" for name in headers):
                connection.putheader("User-Agent", "tocsin-script")
            if body is not None or method in ("POST", "PUT", "PATCH"):
                connection.putheader("Content-Length", str(len(body or b"")))
            if parts.username is not None and not any(name.lower() == "authorization" for name in headers):
                connection.putheader("Authorization", _basic(parts.username, parts.password or ""))
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            content = _read_body(response, sock, deadline)
            return {
                "status": response.status,
                "body": content.decode("utf-8", "replace"),
                "headers": {name.lower(): value for name, value in response.getheaders()},
            }
        finally:
            connection.close()

    def _connected(self, host: str, port: int, deadline: float) -> socket.socket:
        """To the first address that answers. Raises OSError."""
        failure: OSError | None = None
        for family, kind, proto, _, sockaddr in self._addresses(host, port, socket.SOCK_STREAM):
            sock = socket.socket(family, kind, proto)
            try:
                sock.settimeout(_left(deadline))
                sock.connect(sockaddr)
            except OSError as error:
                sock.close()
                failure = error
            else:
                return sock
        raise failure or OSError(f"{host} has no address")

    def _addresses(self, host: str, port: int, kind: socket.SocketKind) -> list[Any]:
        """Raises OSError, and ScriptEnded when the policy refuses all of them."""
        try:
            return list(permitted_addresses(self._reach, host, port, kind))
        except AddressRefused as error:
            raise ScriptEnded(str(error), ExitCode.ADDRESS_REFUSED) from None
        except UnicodeError:
            raise OSError(f"{host[:100]!r} is no host name") from None


class _Connection(http.client.HTTPConnection):
    """Over a socket that is there already; it never makes one itself."""

    sock: socket.socket
    auto_open = 0


def _read_body(response: http.client.HTTPResponse, sock: socket.socket, deadline: float) -> bytes:
    # The connection has given its socket up to the answer, but its timeout still counts.
    def piece() -> bytes:
        sock.settimeout(_left(deadline))
        return response.read1(_PIECE_BYTES)

    return _collected(piece)


def _read(sock: socket.socket, deadline: float) -> bytes:
    def piece() -> bytes:
        try:
            sock.settimeout(_left(deadline))
            return sock.recv(_PIECE_BYTES)
        except TimeoutError:  # what came so far is the answer
            return b""

    return _collected(piece)


def _collected(piece: Callable[[], bytes]) -> bytes:
    content = bytearray()
    while data := piece():
        content += data
        if len(content) > MAX_ANSWER_BYTES:
            raise OSError(f"the answer has more than {MAX_ANSWER_BYTES} bytes")
    return bytes(content)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("no complete answer arrived in time")
    return left


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 65_535:
        raise ScriptEnded(f"'{address[:100]}' must be host:port")
    return host.strip("[]"), int(port)


def _basic(user: str, password: str) -> str:
    said = f"{unquote(user)}:{unquote(password)}"
    return "Basic " + base64.b64encode(said.encode()).decode()


def _why(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no complete answer arrived in time"
    return " ".join(str(error).split())[:500] or type(error).__name__
