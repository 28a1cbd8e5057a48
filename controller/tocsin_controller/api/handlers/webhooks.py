"""Routes about webhooks."""

from typing import Any

from tocsin_controller.api.handlers.parts import Parts
from tocsin_controller.api.table import Call, Route
from tocsin_controller.security.roles import READERS, WRITERS
from tocsin_controller.services.webhooks import Called, WebhookService
from tocsin_shared.errors import NotFound
from tocsin_shared.webhooks import NewWebhookView, WebhookAnswer, WebhookCall, WebhookRequest, WebhookView


class WebhookRoutes:
    """Webhooks: make, look, remove, call."""

    def __init__(self, parts: Parts) -> None:
        self._jobs = parts.jobs
        engine = parts.engine
        self._webhooks = WebhookService(parts.db, engine.hints, parts.starter, engine.vault)

    def routes(self) -> list[Route]:
        """In the order in which paths are tried."""
        of_job = "/api/jobs/{job}/webhook"
        return [
            Route(
                "POST", "/api/webhooks/{token}", self.call, "Run the job that this webhook belongs to", None,
                "webhooks", body=WebhookCall, body_required=False, response=WebhookAnswer, status=202,
                is_repeatable=True, form_field="payload",
            ),
            Route(
                "GET", of_job, self.get, "Look at the webhook of a job", READERS, "webhooks", response=WebhookView
            ),
            Route(
                "POST", of_job, self.create, "Make a webhook for a job; the one it had stops working", WRITERS,
                "webhooks", body=WebhookRequest, body_required=False, response=NewWebhookView,
            ),
            Route(
                "DELETE", of_job, self.remove, "Remove the webhook of a job", WRITERS, "webhooks", status=204
            ),
        ]  # fmt: skip

    async def call(self, call: Call) -> Any:
        called = Called(call.request.headers, call.raw, call.body, call.address)
        return await self._webhooks.call(call.path["token"], called)

    async def get(self, call: Call) -> Any:
        row = await self._webhooks.shown(await self._jobs.find_id(call.path["job"]))
        return dict(row)

    async def create(self, call: Call) -> Any:
        job_id = await self._jobs.find_id(call.path["job"])
        made = await self._webhooks.create(job_id, call.caller, is_signed=call.body.secret)
        answer = {"token": made.token, "webhook_url": f"/api/webhooks/{made.token}"}
        return answer | ({"secret": made.secret} if made.secret is not None else {})

    async def remove(self, call: Call) -> None:
        try:
            job_id = await self._jobs.find_id(call.path["job"])
        except NotFound:
            return  # the shared API answers 204 always
        await self._webhooks.remove(job_id, call.caller)
