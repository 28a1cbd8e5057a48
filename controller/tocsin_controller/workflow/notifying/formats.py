"""What is sent to others' programs, in their own words. Pure."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from tocsin_controller.store.events import Severity
from tocsin_controller.workflow.notifying.messages import HookCall
from tocsin_shared.notifications import PLACEHOLDER, SmsChannel, WebhookChannel, WebhookFormat
from tocsin_shared.wire import dumps

#: What others cut off, or refuse.
_SLACK_CHARS: Final = 39_000
_TEAMS_CHARS: Final = 20_000
_DISCORD_TITLE_CHARS: Final = 256
_DISCORD_CHARS: Final = 4_096
_PAGERDUTY_CHARS: Final = 1_024
SMS_CHARS: Final = 480

_DISCORD_COLOURS: Final[dict[Severity, int]] = {
    "success": 0x2ECC71, "info": 0x3498DB, "warning": 0xE67E22, "error": 0xE74C3C,
}  # fmt: skip

#: Goes into PagerDuty's body, not into its headers.
_ROUTING_KEY: Final = "routing_key"


def hook_request(
    channel: WebhookChannel, call: HookCall, text: str, at: datetime
) -> tuple[bytes, dict[str, str]]:
    """Body and headers for the fleet's webhook."""
    headers = {**channel.headers, "Content-Type": "application/json"}
    match channel.format:
        case WebhookFormat.SLACK:
            body: dict[str, Any] = {"text": f"*{_slack(call.subject)}*\n{_slack(text)}"[:_SLACK_CHARS]}
        case WebhookFormat.TEAMS:
            body = {
                "@type": "MessageCard",
                "@context": "https://schema.org/extensions",
                "title": call.subject,
                "text": text.replace("\n", "  \n")[:_TEAMS_CHARS],
            }
        case WebhookFormat.DISCORD:
            embed = {
                "title": call.subject[:_DISCORD_TITLE_CHARS],
                "description": text[:_DISCORD_CHARS],
                "color": _DISCORD_COLOURS[call.severity],
            }
            # Nobody is called by what a job is named or prints.
            body = {"embeds": [embed], "allowed_mentions": {"parse": []}}
        case WebhookFormat.PAGERDUTY:
            body = _pagerduty(headers.pop(_ROUTING_KEY, ""), call, text, at)
        case _:
            body = {
                "subject": call.subject,
                "body": text,
                "source": "tocsin",
                "timestamp": at,
                "severity": call.severity,
                **call.facts,
            }
    return dumps(body), headers


def template_request(channel: WebhookChannel, values: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
    """Body and headers as the channel's payload says; in JSON what is put in is escaped for that."""
    given = next((value for key, value in channel.headers.items() if key.lower() == "content-type"), None)
    is_json = given is None or "json" in given.lower()

    def value_of(found: re.Match[str]) -> str:
        value = values[found[1]]
        return dumps(value).decode()[1:-1] if is_json else value

    headers = (
        {**channel.headers} if given is not None else {**channel.headers, "Content-Type": "application/json"}
    )
    return PLACEHOLDER.sub(value_of, channel.payload or "").encode(), headers


def sms_request(channel: SmsChannel, to: str, text: str) -> tuple[bytes, dict[str, str]]:
    """Body and headers for the service that sends text messages."""
    said = {"To": to, "From": channel.from_number or "", "Body": text[:SMS_CHARS]}
    if channel.body == "json":
        return dumps(said), {"Content-Type": "application/json"}
    return urlencode(said).encode(), {"Content-Type": "application/x-www-form-urlencoded"}


def _pagerduty(routing_key: str, call: HookCall, text: str, at: datetime) -> dict[str, Any]:
    """An alert; a success closes the one that the trouble had opened."""
    is_over = call.severity == "success" and call.trouble is not None
    event: dict[str, Any] = {"routing_key": routing_key, "event_action": "resolve" if is_over else "trigger"}
    if call.trouble is not None:
        event["dedup_key"] = call.trouble
    if not is_over:
        event["payload"] = {
            "summary": call.subject[:_PAGERDUTY_CHARS],
            "severity": "info" if call.severity == "success" else call.severity,
            "source": "tocsin",
            "timestamp": at,
            "custom_details": {"body": text, **call.facts},
        }
    return event


def _slack(text: str) -> str:
    """What Slack takes for its own signs is said as it is."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
