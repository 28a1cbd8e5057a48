"""Trying the fleet's channels: one message through each of those that are switched on, at once and only once."""

import asyncio
from typing import Final

import aiohttp

from tocsin_controller.security.sealing import Vault
from tocsin_controller.store.database import Database
from tocsin_controller.workflow.couriers import NotSent, outside
from tocsin_controller.workflow.notifying.channels import EMAIL, SMS, WEBHOOK, fleet_notifications
from tocsin_controller.workflow.notifying.messages import HookCall, Mail, Message, Sms
from tocsin_controller.workflow.notifying.sending import Messages
from tocsin_shared.errors import Unavailable
from tocsin_shared.ids import new_id
from tocsin_shared.network import Reach

_SUBJECT: Final = "[Tocsin] Test"
_TEXT: Final = "This is a test: notifications of Tocsin get here."
#: At once, in one controller.
_MOST_AT_ONCE: Final = 2
#: For all messages of one channel.
_LONGEST_SECS: Final = 30.0


class NotificationTrials:
    """Sends test messages."""

    def __init__(self, db: Database, vault: Vault, reach: Reach) -> None:
        self._db = db
        self._reach = reach
        self._messages = Messages(db, vault, reach)
        self._running = 0

    async def attempt(self) -> dict[str, str]:
        """`status`: ok or error; `message`: a phrase for each channel. Raises Unavailable when too many run."""
        if self._running >= _MOST_AT_ONCE:
            raise Unavailable("notifications are being tried already; try again shortly", retry_after_secs=5)
        self._running += 1
        try:
            async with outside(self._reach) as http:
                phrases = [await self._try(http, what, messages) for what, messages in await self._tests()]
        finally:
            self._running -= 1
        if not phrases:
            return {"status": "error", "message": "no channel is switched on"}
        is_ok = all(ok for ok, _ in phrases)
        return {"status": "ok" if is_ok else "error", "message": "; ".join(said for _, said in phrases)}

    async def _tests(self) -> list[tuple[str, list[Message]]]:
        fleet = await fleet_notifications(self._db)
        to = fleet.recipients
        tests: list[tuple[str, list[Message]]] = []
        if EMAIL in fleet.channels:
            tests.append(("email", [Mail(address, _SUBJECT, _TEXT) for address in to.emails]))
        if SMS in fleet.channels:
            tests.append(("sms", [Sms(number, _TEXT) for number in to.phones]))
        if WEBHOOK in fleet.channels:
            tests.append(("webhook", [HookCall(_SUBJECT, _TEXT, "info", {"kind": "notification.test"})]))
        return tests

    async def _try(self, http: aiohttp.ClientSession, what: str, messages: list[Message]) -> tuple[bool, str]:
        if not messages:
            return False, f"{what}: notification_recipients names nobody"
        try:
            async with asyncio.timeout(_LONGEST_SECS):
                for message in messages:
                    await self._messages.deliver(http, new_id(), message)
        except NotSent as error:
            return False, f"{what}: {error}"
        except TimeoutError:
            return False, f"{what}: took longer than {_LONGEST_SECS:g} s"
        return True, f"{what}: sent"
