"""Webhooks: addresses that run a job without a key."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ConfigDict

from tocsin_shared.views.base import View
from tocsin_shared.wire import Model, UserModel


class WebhookCall(Model):
    """What a caller of a webhook may send. Everything else that a foreign system sends along is ignored."""

    model_config = ConfigDict(extra="ignore")

    #: Values for the job's parameters; recorded on the run.
    params: dict[str, Any] | None = None


class WebhookRequest(UserModel):
    """How the webhook is to be. The body may be absent."""

    #: Calls must be signed with a secret, which is made and shown once.
    secret: bool = False


class WebhookAnswer(View):
    """What a call started."""

    message: str
    job_id: UUID
    #: null when nothing was to be started (a ping).
    run_id: UUID | None
    execution_ids: list[UUID]


class NewWebhookView(View):
    """A webhook that was just made: whoever knows this may run the job."""

    #: Shown this once.
    token: str
    #: The path to POST to, on any controller.
    webhook_url: str
    #: What calls must be signed with, shown this once; left out when they need not be.
    secret: str | None = None


class WebhookView(View):
    """A job's webhook, without its token."""

    #: How the token begins.
    token_prefix: str
    #: Calls must be signed.
    is_signed: bool
    created_by: str | None
    created_at: datetime
