"""One connection to an MQTT broker: paho's client in a thread of its own, as coroutines.

MQTT 3.1.1, which every broker speaks.
"""

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from paho.mqtt.client import MQTT_LOG_ERR, Client, MQTTMessage, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from tocsin_agent.tasks.driving import could_not_connect, driver_failed, login_refused
from tocsin_agent.tasks.mqtt.server import MqttServer
from tocsin_agent.tasks.tls import context_of

_CONNECT_WITHIN_SECS = 30.0
#: Of that for the network alone, and for TLS alone.
_ANSWER_WITHIN_SECS = 10.0
_CLOSE_WITHIN_SECS = 3.0
#: A broker that is silent for one and a half times as long is given up.
_KEEPALIVE_SECS = 30
#: Bad user name or password; not authorized.
_LOGIN_CODES = (134, 135)


class MqttLink:
    """Used once: opened, spoken through, closed. All its methods belong to the event loop."""

    def __init__(self, server: MqttServer, *, keeps_session: bool = False) -> None:
        self.server = server
        self._loop = asyncio.get_running_loop()
        # Not the loop's own threads: those must not wait for a broker that does not answer.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mqtt")
        self._expected: dict[tuple[str, int], asyncio.Future[Any]] = {}
        self._messages: asyncio.Queue[MQTTMessage | None] = asyncio.Queue()
        self._lost: str | None = None
        #: What paho only logs: why the network failed.
        self._trouble = ""
        self._most_messages = 0
        self._most_bytes = 0
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=server.client_id,
            clean_session=not keeps_session,
            protocol=MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        self._client.connect_timeout = _ANSWER_WITHIN_SECS
        if server.username is not None:
            self._client.username_pw_set(server.username, server.password)
        self._client.on_connect = lambda _c, _u, _f, code, _p: self._tell(self._answer, ("connect", 0), code)
        self._client.on_publish = lambda _c, _u, mid, _r, _p: self._tell(self._answer, ("publish", mid), None)
        self._client.on_subscribe = lambda _c, _u, mid, codes, _p: self._tell(
            self._answer, ("subscribe", mid), codes
        )
        self._client.on_disconnect = lambda _c, _u, _f, code, _p: self._tell(
            self._end, self._trouble or str(code)
        )
        self._client.on_log = lambda _c, _u, level, text: self._note(level, text)
        self._client.on_message = lambda _c, _u, message: self._take(message)

    def want(self, messages: int, size_bytes: int) -> None:
        """Take so many messages, until they are larger than this together; others stay unacknowledged."""
        self._most_messages = messages
        self._most_bytes = size_bytes

    async def open(self) -> None:
        """Connect and log in. Raises TaskFailed."""
        try:
            async with asyncio.timeout(_CONNECT_WITHIN_SECS):
                await self._loop.run_in_executor(self._thread, self._connect)
                code: ReasonCode = await self._expect("connect", 0, "The login")
        except TimeoutError:
            silence = f"no answer within {_CONNECT_WITHIN_SECS:g} s"
            raise could_not_connect(self.server.name, silence) from None
        except (OSError, ValueError) as error:
            raise could_not_connect(self.server.name, error) from None
        if code.is_failure:
            refused = login_refused if code.value in _LOGIN_CODES else could_not_connect
            raise refused(self.server.name, code)

    async def publish(self, topic: str, body: str, qos: int, *, retain: bool) -> None:
        """Return once the broker has it (QoS 1 and 2), or it is written (QoS 0). Raises TaskFailed."""
        doing = f"Publishing on '{topic}' of {self.server.name}"
        try:
            info = self._client.publish(topic, body.encode(), qos, retain)
        except ValueError as error:
            raise driver_failed(doing, error) from None
        await self._expect("publish", info.mid, doing)

    async def subscribe(self, topic: str, qos: int) -> None:
        """Have messages come. Raises TaskFailed."""
        doing = f"Subscribing to '{topic}' of {self.server.name}"
        try:
            _, mid = self._client.subscribe(topic, qos)
        except ValueError as error:
            raise driver_failed(doing, error) from None
        codes: list[ReasonCode] = await self._expect("subscribe", mid or 0, doing)
        if any(code.is_failure for code in codes):
            raise driver_failed(doing, "the broker does not allow it")

    async def message(self) -> MQTTMessage:
        """The next one. Raises TaskFailed when the connection is gone and none is left."""
        message = await self._messages.get()
        if message is None:
            self._messages.put_nowait(None)
            raise driver_failed(f"Waiting for messages of {self.server.name}", self._lost)
        return message

    def acknowledge(self, message: MQTTMessage) -> None:
        """Tell the broker that it is taken care of; closing waits until that is sent."""
        self._client.ack(message.mid, message.qos)

    async def close(self) -> None:
        """Let go of the broker; it may be gone."""
        leaving = self._loop.run_in_executor(self._thread, self._leave)
        self._thread.shutdown(wait=False)
        try:
            async with asyncio.timeout(_CLOSE_WITHIN_SECS):
                await asyncio.shield(leaving)
        except TimeoutError:
            # It no longer reads what it is sent.
            if isinstance(its_socket := self._client.socket(), socket.socket):
                with suppress(OSError, ValueError):
                    its_socket.shutdown(socket.SHUT_RDWR)

    def _connect(self) -> None:
        if self.server.tls is not None:
            self._client.tls_set_context(context_of(self.server.tls))
        self._client.connect(self.server.host, self.server.port, _KEEPALIVE_SECS)
        self._client.loop_start()

    def _leave(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    async def _expect(self, kind: str, mid: int, doing: str) -> Any:
        # What refuses a login hangs up at once: its answer may be here although the connection is not.
        if self._lost is None or (kind, mid) in self._expected:
            answer: asyncio.Future[Any] = self._expected.setdefault((kind, mid), self._loop.create_future())
            try:
                return await answer
            except _Lost:
                pass
            finally:
                self._expected.pop((kind, mid), None)
        if kind == "connect":
            raise could_not_connect(self.server.name, self._lost)
        raise driver_failed(doing, self._lost)

    def _answer(self, key: tuple[str, int], what: object) -> None:
        # What is answered before it is asked for was sent just now, and its sender has not waited yet.
        answer = self._expected.setdefault(key, self._loop.create_future())
        if not answer.done():
            answer.set_result(what)

    def _end(self, why: str) -> None:
        self._lost = why
        for answer in self._expected.values():
            if not answer.done():
                answer.set_exception(_Lost())
        self._messages.put_nowait(None)

    def _take(self, message: MQTTMessage) -> None:
        """In paho's thread."""
        if self._most_messages > 0 and self._most_bytes >= 0:
            self._most_messages -= 1
            self._most_bytes -= len(message.payload)
            self._tell(self._messages.put_nowait, message)

    def _note(self, level: int, text: str) -> None:
        """In paho's thread."""
        if level == MQTT_LOG_ERR:
            self._trouble = text

    def _tell(self, what: Callable[..., None], *arguments: object) -> None:
        """In paho's thread: have it happen in the event loop, if that still runs."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(what, *arguments)


class _Lost(Exception):
    """The connection ended before the answer came."""
