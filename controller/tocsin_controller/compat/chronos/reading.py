"""What a client of Chronos says about a job, as a definition of ours. Pure."""

import base64
import math
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field

from tocsin_shared.errors import InvalidInput
from tocsin_shared.go_durations import parse_duration
from tocsin_shared.wire import Model

DEFAULT_TIMEOUT: Final = "5m"
_EVERY: Final = "@every "


class _Sent(Model):
    model_config = ConfigDict(extra="ignore", str_max_length=100_000)


class Auth(_Sent):
    """How a webhook shows who calls."""

    type: Literal["basic", "bearer", "api_key"]
    username: str = ""
    password: str = ""
    token: str = ""
    api_key: str = ""
    header: str = ""


class Webhook(_Sent):
    """What is called."""

    url: Annotated[str, Field(min_length=1)]
    method: str = "GET"
    headers: dict[str, str] | None = None
    body: str | None = None
    auth: Auth | None = None
    success_codes: list[Annotated[int, Field(ge=100, le=599)]] | None = None


class RetryPolicy(_Sent):
    """How often, and after how long, it is tried again."""

    max_attempts: Annotated[int, Field(ge=0, le=101)] = 1
    initial_interval: str = "1s"
    max_interval: str = "1m"
    multiplier: Annotated[float, Field(ge=1, le=100)] = 2.0


class ChronosJob(_Sent):
    """A job as Chronos knows it."""

    name: Annotated[str, Field(min_length=1)]
    description: str | None = None
    schedule: Annotated[str, Field(min_length=1)]
    timezone: str | None = None
    webhook: Webhook
    retry_policy: RetryPolicy | None = None
    timeout: str | None = None
    concurrency: Literal["allow", "forbid", "replace"] | None = None
    tags: dict[str, str] | None = None
    enabled: bool = False


class InvalidTimeout(InvalidInput):
    """A duration can't be read."""

    code = "invalid_timeout"


def definition_of(job: ChronosJob) -> dict[str, Any]:
    """What of a job's definition it decides. Raises InvalidInput, InvalidTimeout."""
    return {
        "name": job.name,
        "description": job.description or None,
        "schedule": _schedule(job.schedule),
        "timezone": job.timezone or None,
        "task": _task(job.webhook),
        "timeout_secs": max(1, math.ceil(_duration("timeout", job.timeout or DEFAULT_TIMEOUT))),
        **_retries(job.retry_policy),
        **_overlap(job.concurrency or "forbid"),
        "status": "scheduled" if job.enabled else "paused",
        "compat": {"chronos": _kept(job)},
    }


def _schedule(text: str) -> dict[str, Any]:
    if text.startswith(_EVERY):
        secs = _duration("schedule", text.removeprefix(_EVERY))
        return {"type": "interval", "value": {"interval_secs": max(1, round(secs))}}
    return {"type": "cron", "value": text}


def _task(webhook: Webhook) -> dict[str, Any]:
    headers = dict(webhook.headers or {})
    if webhook.auth is not None:
        name, value = _header(webhook.auth)
        headers = {key: one for key, one in headers.items() if key.lower() != name.lower()} | {name: value}
    return {
        "type": "http",
        "method": webhook.method,
        "url": webhook.url,
        "headers": headers or None,
        "body": webhook.body,
        "expect_statuses": webhook.success_codes or None,
    }


def replaced_task(task: dict[str, Any], stored: dict[str, Any]) -> dict[str, Any]:
    """The task in place of the stored one, of which stays what Chronos' clients can't see."""
    if stored["type"] != "http":
        return task
    stays = {key: stored[key] for key in ("connection",) if stored.get(key) is not None}
    if stored.get("expect_status") == "any" and task["expect_statuses"] is None:
        stays["expect_status"] = "any"
    return {**task, **stays}


def _header(auth: Auth) -> tuple[str, str]:
    match auth.type:
        case "basic":
            pair = base64.b64encode(f"{auth.username}:{auth.password}".encode()).decode()
            return "Authorization", f"Basic {pair}"
        case "bearer":
            return "Authorization", f"Bearer {auth.token}"
        case "api_key":
            return auth.header or "X-API-Key", auth.api_key


def _retries(policy: RetryPolicy | None) -> dict[str, Any]:
    if policy is None:
        return {"retry_max": 0, "retry_delay_secs": 0, "retry_backoff": 1.0}
    first = _duration("retry_policy.initial_interval", policy.initial_interval)
    longest = _duration("retry_policy.max_interval", policy.max_interval)
    return {
        "retry_max": max(policy.max_attempts - 1, 0),
        "retry_delay_secs": math.ceil(first),
        "retry_delay_max_secs": math.ceil(longest),
        "retry_backoff": policy.multiplier,
    }


def _overlap(concurrency: str) -> dict[str, Any]:
    if concurrency == "allow":
        return {"max_concurrent": 0, "overlap": "skip"}
    return {"max_concurrent": 1, "overlap": "replace" if concurrency == "replace" else "skip"}


def _kept(job: ChronosJob) -> dict[str, Any]:
    """What only Chronos' clients want back."""
    kept: dict[str, Any] = {"schedule": job.schedule}
    if job.tags:
        kept["tags"] = job.tags
    if job.retry_policy is not None:
        kept["retry_policy"] = job.retry_policy.model_dump()
    if job.timeout:
        kept["timeout"] = job.timeout
    if job.webhook.auth is not None:
        name, _ = _header(job.webhook.auth)
        shown = {"type": job.webhook.auth.type, "header": name}
        kept["auth"] = shown | ({"username": job.webhook.auth.username} if job.webhook.auth.username else {})
    return kept


def _duration(field: str, text: str) -> float:
    try:
        secs = parse_duration(text)
    except ValueError as error:
        raise InvalidTimeout.field(field, str(error)) from None
    if secs <= 0:
        raise InvalidTimeout.field(field, "must be longer than nothing")
    return secs
