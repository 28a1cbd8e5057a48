"""Webhooks: making and removing the address that runs a job, and what a call of it does."""

import secrets
from typing import Any, Final
from uuid import UUID

from tocsin_controller.hints import EVENTS, Hints
from tocsin_controller.security.auditing import add_audit
from tocsin_controller.security.roles import Principal
from tocsin_controller.security.secrets import hash_key
from tocsin_controller.services.idempotency import Repeatable, once
from tocsin_controller.services.starting import Asked, Asker, start_run
from tocsin_controller.store.database import Database, Record
from tocsin_controller.store.events import NewEvent, add_events
from tocsin_controller.store.jobs import share_job
from tocsin_controller.store.webhooks import drop_webhook, set_webhook, webhook_by_hash, webhook_of_job
from tocsin_controller.workflow.causes import trigger_of
from tocsin_controller.workflow.launch import Launcher, Triggered
from tocsin_shared.errors import NotFound
from tocsin_shared.webhooks import WebhookCall

TOKEN_BYTES: Final = 16
#: How much of a token runs and lists show; the rest can't be guessed from it.
SHOWN_CHARS: Final = 6
#: Longer ones are refused before they are hashed.
_MOST_CHARS: Final = 128


class WebhookService:
    """Jobs that may be run by whoever knows an address."""

    def __init__(self, db: Database, hints: Hints, launcher: Launcher) -> None:
        self._db = db
        self._hints = hints
        self._launcher = launcher

    async def create(self, job_id: UUID, by: Principal) -> str:
        """A new token for the job, the only time it is seen; the one before stops working. Raises NotFound."""
        token = secrets.token_hex(TOKEN_BYTES)
        prefix = token[:SHOWN_CHARS]
        async with self._db.transaction() as session:
            job = await share_job(session, job_id)
            if job is None:
                raise NotFound(f"there is no job {job_id}")
            await set_webhook(session, job_id, hash_key(token), prefix, by.name)
            await add_events(session, [_event("job.webhook_created", job.name, job_id, by, "was made")])
            await add_audit(session, by, "job.webhook_created", "job", job_id, f"'{job.name}', {prefix}...")
        self._hints.hint(EVENTS)
        return token

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

    async def call(
        self, token: str, body: WebhookCall, *, address: str | None, idempotency_key: str | None = None
    ) -> dict[str, Any]:
        """Run the job that this token belongs to. The same Idempotency-Key gets the same answer (G5).

        Raises NotFound.
        """
        webhook = None
        if len(token) <= _MOST_CHARS:
            webhook = await webhook_by_hash(self._db, hash_key(token))
        if webhook is None:
            raise NotFound("there is no such webhook")
        job_id = webhook.job_id
        request = Repeatable.of(f"webhook:{job_id}", idempotency_key, body.model_dump(mode="json"))
        launched: Triggered | None = None

        async def do() -> dict[str, Any]:
            nonlocal launched
            job = await share_job(session, job_id)
            if job is None:
                raise NotFound("there is no such webhook")
            trigger = trigger_of("webhook", token_prefix=webhook.token_prefix)
            asked = Asked(job_id, job.version, job.definition, trigger, body.params)
            caller = Asker(f"webhook {webhook.token_prefix}...", address=address)
            launched, answer = await start_run(
                session, self._launcher, asked, caller, told="was triggered by its webhook"
            )
            return answer

        async with self._db.transaction() as session:
            answer = await once(session, request, do)
        if launched is not None:
            self._launcher.announce(launched)
            self._hints.hint(EVENTS)
        return answer


def _event(kind: str, name: str, job_id: UUID, by: Principal, done: str) -> NewEvent:
    return NewEvent(
        kind=kind,
        severity="info",
        message=f"A webhook of job '{name}' {done}",
        job_id=job_id,
        api_key_id=by.key_id,
        api_key_name=by.name,
    )
