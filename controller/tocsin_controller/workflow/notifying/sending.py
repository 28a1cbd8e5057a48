"""Messages on their way: from an entry of the outbox to a mail server, a web service or a webhook."""

import socket
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import aiohttp

from tocsin_controller.hints import MESSAGES
from tocsin_controller.security.sealing import Vault
from tocsin_controller.store import history
from tocsin_controller.store.database import Database, Session
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.outbox import OutboxEntry
from tocsin_controller.store.output import output_tails
from tocsin_controller.workflow.couriers import NotSent, post
from tocsin_controller.workflow.notifying.channels import Channels, server_of
from tocsin_controller.workflow.notifying.formats import hook_request, sms_request, template_request
from tocsin_controller.workflow.notifying.mailing import hand_over, mail_of
from tocsin_controller.workflow.notifying.messages import (
    MESSAGE,
    HookCall,
    Mail,
    Message,
    Printed,
    Sms,
    WebCall,
    read_message,
)
from tocsin_shared.executions import STREAM_NUMBERS, Stream
from tocsin_shared.network import Reach
from tocsin_shared.notifications import WebhookFormat
from tocsin_shared.wire import storable

#: Tries of one message, over about an hour.
MOST_TRIES: Final = 8
#: Of what an execution printed, in a payload of the fleet's own.
TEMPLATE_BYTES: Final = 50_000


class Messages:
    """What couriers have to do with them."""

    kind = MESSAGE
    topic = MESSAGES
    most_tries = MOST_TRIES

    def __init__(self, db: Database, vault: Vault, reach: Reach) -> None:
        self._db = db
        self._channels = Channels(db, vault)
        self._reach = reach

    async def send(self, http: aiohttp.ClientSession, entry: OutboxEntry) -> None:
        """Send one message. Raises NotSent."""
        await self.deliver(http, entry.id, _message(entry))

    async def deliver(self, http: aiohttp.ClientSession, message_id: UUID, message: Message) -> None:
        """Once, now. Whoever gets the same id twice can tell. Raises NotSent."""
        match message:
            case Mail() as mail:
                await self._mail(message_id, mail)
            case Sms() as sms:
                await self._sms(http, sms)
            case HookCall() as call:
                await self._hook(http, message_id, call)
            case WebCall() as call:
                headers = {"Idempotency-Key": str(message_id), **call.headers}
                await post(http, self._reach, call.url, call.body.encode(), headers, method=call.method)

    async def sent(self, session: Session, entry: OutboxEntry) -> None:
        """An event says so."""
        await add_events(session, [_event(entry, "notification.sent", "info", "was sent", None)])

    async def gave_up(self, session: Session, entry: OutboxEntry, why: str) -> None:
        """An event says so."""
        await add_events(session, [_event(entry, "notification.failed", "error", "could not be sent", why)])

    async def _mail(self, message_id: UUID, mail: Mail) -> None:
        sender = mail.sender
        if mail.connection is not None:
            config, must_upgrade = await self._channels.smtp(mail.connection), False
        else:
            channel = await self._channels.email()
            sender = channel.sender
            if channel.connection is not None:
                config, must_upgrade = await self._channels.smtp(channel.connection), False
            else:
                config, must_upgrade = server_of(channel)
        if sender is None:
            raise NotSent("it names no sender", is_final=True)
        text = mail.text + await self._printed(mail.printed)
        try:
            built = mail_of(message_id, sender, mail.to, mail.subject, text, datetime.now(UTC))
        except ValueError as error:
            raise NotSent(f"it is no mail: {error}"[:300], is_final=True) from None
        await hand_over(config, self._reach, built, must_upgrade=must_upgrade)

    async def _sms(self, http: aiohttp.ClientSession, sms: Sms) -> None:
        channel = await self._channels.sms()
        body, headers = sms_request(channel, sms.to, sms.text)
        if channel.auth_user is not None:
            headers["Authorization"] = aiohttp.encode_basic_auth(channel.auth_user, channel.auth_pass or "")
        await post(http, self._reach, channel.webhook_url or "", body, headers)

    async def _hook(self, http: aiohttp.ClientSession, message_id: UUID, call: HookCall) -> None:
        channel = await self._channels.webhook()
        text = call.text + await self._printed(call.printed)
        if channel.format is WebhookFormat.TEMPLATE:
            body, headers = template_request(channel, await self._values(call, text))
        else:
            body, headers = hook_request(channel, call, text, datetime.now(UTC))
        await post(
            http, self._reach, channel.url or "", body, {"Idempotency-Key": str(message_id), **headers}
        )

    async def _values(self, call: HookCall, text: str) -> dict[str, str]:
        """What placeholders stand for."""
        facts, node, output = call.facts, "", ""
        if facts.get("execution_id") is not None:
            execution_id = UUID(facts["execution_id"])
            execution = await history.execution(self._db, execution_id)
            node = (execution["agent_name"] if execution is not None else None) or ""
            tails = await output_tails(self._db, [execution_id], TEMPLATE_BYTES)
            both = (tails.get((execution_id, number), b"") for number in STREAM_NUMBERS.values())
            output = b"".join(both)[-TEMPLATE_BYTES:].decode("utf-8", "replace")
        return {
            "JobName": facts.get("job") or "",
            "Success": "true" if facts.get("status") == "succeeded" else "false",
            "StartTime": facts.get("started_at") or "",
            "FinishedAt": facts.get("finished_at") or "",
            "NodeName": node,
            "ReportingNode": socket.gethostname(),
            "Output": output,
            "Report": f"{call.subject}\n{text}",
        }

    async def _printed(self, printed: Printed | None) -> str:
        """The end of each stream, as far as it is still kept."""
        if printed is None:
            return ""
        most = max(printed.stdout_bytes, printed.stderr_bytes)
        tails = await output_tails(self._db, [printed.execution_id], most)
        parts: list[str] = []
        for stream, size in ((Stream.STDOUT, printed.stdout_bytes), (Stream.STDERR, printed.stderr_bytes)):
            tail = tails.get((printed.execution_id, STREAM_NUMBERS[stream]), b"")
            if size and tail:
                said = storable(tail[-size:].decode("utf-8", "replace"))
                parts.append(f"\n\n{stream.value}{' (its end)' if len(tail) >= size else ''}:\n{said}")
        return "".join(parts)


def _message(entry: OutboxEntry) -> Message:
    try:
        return read_message(entry.payload)[0]
    except (KeyError, TypeError, ValueError):
        raise NotSent("it is of a kind that this release does not know") from None


def _event(entry: OutboxEntry, kind: str, severity: str, verb: str, why: str | None) -> NewEvent:
    try:
        message, about = read_message(entry.payload)
    except (KeyError, TypeError, ValueError):
        return NewEvent(kind, "error", f"A message {verb}", details=why)
    match message:
        case Mail(to=to):
            what = f"A mail to {to}"
        case Sms(to=to):
            what = f"A text message to {to}"
        case HookCall():
            what = "A call of the fleet's webhook"
        case WebCall():
            what = "A web request"
    name = f" about job '{about.job_name}'" if about.job_name else ""
    return NewEvent(
        kind,
        "info" if severity == "info" else "error",
        f"{what}{name} {verb}",
        job_id=about.job_id,
        run_id=about.run_id,
        details=why,
    )
