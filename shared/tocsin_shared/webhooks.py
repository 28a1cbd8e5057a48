"""Webhooks: addresses that run a job without a key."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from tocsin_shared.views import View


class WebhookCall(BaseModel):
    """What a caller of a webhook may send. Everything else that a foreign system sends along is ignored."""

    model_config = ConfigDict(extra="ignore")

    #: Values for the job's parameters; recorded on the run.
    params: dict[str, Any] | None = None


class NewWebhookView(View):
    """A webhook that was just made: whoever knows this may run the job."""

    #: Shown this once.
    token: str
    #: The path to POST to, on any controller.
    webhook_url: str


class WebhookView(View):
    """A job's webhook, without its token."""

    #: How the token begins.
    token_prefix: str
    created_by: str | None
    created_at: datetime
