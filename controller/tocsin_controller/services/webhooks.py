"""Webhooks: making and removing the address that runs a job, and what a call of it does."""

import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from tocsin_controller.hints import EVENTS, Hints
from tocsin_controller.security.auditing import add_audit
from tocsin_controller.security.roles import Principal
from tocsin_controller.security.sealing import CannotUnseal, Vault, key_id_of
from tocsin_controller.security.secrets import hash_key
from tocsin_controller.services.idempotency import Repeatable
from tocsin_controller.services.starting import Asked, Asker, RunStarter
from tocsin_controller.services.webhook_signatures import Proof, prove
from tocsin_controller.store.database import Database, Record, Session
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.jobs import share_job
from tocsin_controller.store.sealed import WEBHOOKS
from tocsin_controller.store.webhooks import (
    Webhook,
    drop_webhook,
    note_call,
    set_webhook,
    webhook_by_hash,
    webhook_of_job,
)
from tocsin_controller.workflow.causes import trigger_of
from tocsin_shared.errors import Conflict, NotFound, Unavailable
from tocsin_shared.webhooks import WebhookCall

TOKEN_BYTES: Final = 16
SECRET_BYTES: Final = 32
#: How much of a token runs and lists show; the rest can't be guessed from it.
SHOWN_CHARS: Final = 6
#: Longer ones are refused before they are hashed.
_MOST_CHARS: Final = 128


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """A webhook at the moment it is made: the only time that this exists here as text."""

    token: str = field(repr=False)
    #: What calls have to be signed with; None: they need not be.
    secret: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Called:
    """What came in with a call."""

    headers: Mapping[str, str]
    raw: bytes
    body: WebhookCall
    address: str | None

    @property
    def idempotency_key(self) -> str | None:
        """What makes repeating the call harmless."""
        return self.headers.get("Idempotency-Key")

    @property
    def is_ping(self) -> bool:
        """GitHub asks whether anybody is there."""
        return self.headers.get("X-GitHub-Event") == "ping"


class WebhookService:
    """Jobs that may be run by whoever knows an address."""

    def __init__(self, db: Database, hints: Hints, starter: RunStarter, vault: Vault) -> None:
        self._db = db
        self._hints = hints
        self._starter = starter
        self._vault = vault

    async def create(self, job_id: UUID, by: Principal, *, is_signed: bool) -> NewWebhook:
        """A new token for the job, the only time it is seen; the one before stops working.

        Raises NotFound; InvalidInput when it is to be signed and secrets can't be stored.
        """
        token = secrets.token_hex(TOKEN_BYTES)
        secret = secrets.token_urlsafe(SECRET_BYTES) if is_signed else None
        sealed = self._vault.seal(secret, WEBHOOKS.place(str(job_id))) if secret is not None else None
        prefix = token[:SHOWN_CHARS]
        async with self._db.transaction() as session:
            job = await share_job(session, job_id)
            if job is None:
                raise NotFound(f"there is no job {job_id}")
            key_id = key_id_of(sealed) if sealed is not None else None
            if not await set_webhook(session, job_id, hash_key(token), prefix, by.name, sealed, key_id):
                raise Conflict(
                    "this controller encrypts with a key that was rotated out; give it the current one"
                )
            await add_events(session, [_event("job.webhook_created", job.name, job_id, by, "was made")])
            await add_audit(session, by, "job.webhook_created", "job", job_id, f"'{job.name}', {prefix}...")
        self._hints.hint(EVENTS)
        return NewWebhook(token, secret)

    async def remove(self, job_id: UUID, by: Principal) -> None:
        """From now on no token runs the job."""
        async with self._db.transaction() as session:
            job = await share_job(session, job_id)
            if job is not None and await drop_webhook(session, job_id):
                await add_events(
                    session, [_event("job.webhook_deleted", job.name, job_id, by, "was removed")]
                )
                await add_audit(session, by, "job.webhook_deleted", "job", job_id, f"'{job.name}'")
        self._hints.hint(EVENTS)

    async def shown(self, job_id: UUID) -> Record:
        """What may be told of the job's webhook. Raises NotFound."""
        row = await webhook_of_job(self._db, job_id)
        if row is None:
            raise NotFound("the job has no webhook")
        return row

    async def call(self, token: str, called: Called) -> dict[str, Any]:
        """Run the job that this token belongs to. The same Idempotency-Key gets the same answer (G5).

        Raises NotFound; Unauthorized when a signature is needed and not right; Conflict when the same signed call was
        accepted before.
        """
        webhook = None
        if len(token) <= _MOST_CHARS:
            webhook = await webhook_by_hash(self._db, hash_key(token))
        if webhook is None:
            raise NotFound("there is no such webhook")
        job_id = webhook.job_id
        proof = self._prove(webhook, called)
        if called.is_ping:
            return {"message": "pong", "job_id": str(job_id), "run_id": None, "execution_ids": []}
        digest = hashlib.sha256(called.raw).hexdigest()
        request = Repeatable.of(f"webhook:{job_id}", called.idempotency_key, digest)

        async def ask(session: Session) -> Asked:
            job = await share_job(session, job_id)
            if job is None:
                raise NotFound("there is no such webhook")
            is_repeated = (
                proof is not None
                and proof.nonce is not None
                and not await note_call(session, job_id, proof.nonce, proof.remember_secs)
            )
            if is_repeated:
                raise Conflict("this call was accepted already")
            trigger = trigger_of("webhook", token_prefix=webhook.token_prefix)
            told = "was triggered by its webhook"
            return Asked(job_id, job.version, job.definition, trigger, called.body.params, told=told)

        caller = Asker(f"webhook {webhook.token_prefix}...", address=called.address)
        return await self._starter.start(request, ask, caller)

    def _prove(self, webhook: Webhook, called: Called) -> Proof | None:
        """None when calls need not be signed. Raises Unauthorized."""
        if webhook.sealed is None:
            return None
        try:
            secret = self._vault.unseal(webhook.sealed, WEBHOOKS.place(str(webhook.job_id)))
        except CannotUnseal:
            raise Unavailable("this controller can't read the webhook's secret") from None
        return prove(called.headers, called.raw, secret, now=time.time())


def _event(kind: str, name: str, job_id: UUID, by: Principal, done: str) -> NewEvent:
    return NewEvent(
        kind=kind,
        severity="info",
        message=f"A webhook of job '{name}' {done}",
        job_id=job_id,
        api_key_id=by.key_id,
        api_key_name=by.name,
    )
