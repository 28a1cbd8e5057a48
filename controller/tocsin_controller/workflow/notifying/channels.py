"""The fleet's channels, as the settings say."""

from typing import Any, Final, NamedTuple, TypeVar

from pydantic import BaseModel

from tocsin_controller.security.sealing import CannotUnseal, Vault
from tocsin_controller.security.using_connections import usable_connections
from tocsin_controller.security.values import Unfilled
from tocsin_controller.store.database import Queries, Record
from tocsin_controller.store.sealed import SETTINGS
from tocsin_controller.store.settings import sealed_setting, setting_rows
from tocsin_controller.workflow.couriers import NotSent
from tocsin_shared.connections.configs import SmtpConfig
from tocsin_shared.notifications import (
    Channel,
    EmailChannel,
    NotificationLimits,
    Recipients,
    SmsChannel,
    SystemAlerts,
    Told,
    WebhookChannel,
)
from tocsin_shared.wire import loads

EMAIL: Final = "notification_email"
SMS: Final = "notification_sms"
WEBHOOK: Final = "notification_webhook"
RECIPIENTS: Final = "notification_recipients"
DEFAULTS: Final = "notification_defaults"
SYSTEM_ALERTS: Final = "notification_system_alerts"
LIMITS: Final = "notification_limits"
CHANNELS: Final[dict[str, type[Channel]]] = {EMAIL: EmailChannel, SMS: SmsChannel, WEBHOOK: WebhookChannel}

_TLS_PORT: Final = 465

_C = TypeVar("_C", bound=Channel)
_M = TypeVar("_M", bound=BaseModel)


class FleetNotifications(NamedTuple):
    """What the settings say about notifications, but how to reach the channels."""

    #: Keys of those that are set up and switched on.
    channels: frozenset[str]
    #: Who is told when a job names nobody.
    recipients: Recipients
    #: What is told of jobs that do not say it.
    defaults: Told
    system_alerts: SystemAlerts
    limits: NotificationLimits


async def fleet_notifications(db: Queries) -> FleetNotifications:
    """As it is set now. What another release has set counts as not set."""
    rows = await setting_rows(db)
    return FleetNotifications(
        frozenset(key for key in CHANNELS if _document(rows.get(key)).get("enabled", key in rows) is True),
        _read(rows.get(RECIPIENTS), Recipients),
        _read(rows.get(DEFAULTS), Told),
        _read(rows.get(SYSTEM_ALERTS), SystemAlerts),
        _read(rows.get(LIMITS), NotificationLimits),
    )


class Channels:
    """Reads them whenever they are needed: what was set a moment ago counts."""

    def __init__(self, db: Queries, vault: Vault) -> None:
        self._db = db
        self._vault = vault

    async def email(self) -> EmailChannel:
        """Raises NotSent when there is none."""
        return await self._channel(EMAIL, EmailChannel, "mail")

    async def sms(self) -> SmsChannel:
        """Raises NotSent when there is none."""
        return await self._channel(SMS, SmsChannel, "text messages")

    async def webhook(self) -> WebhookChannel:
        """Raises NotSent when there is none."""
        return await self._channel(WEBHOOK, WebhookChannel, "webhook")

    async def smtp(self, name: str) -> SmtpConfig:
        """A connection of type `smtp`. Raises NotSent when there is none that can be used."""
        found = (await usable_connections(self._db, self._vault, [name]))[name]
        if isinstance(found, Unfilled):
            raise NotSent(found.message)
        if found.connection.conn_type != "smtp":
            raise NotSent(f"the connection '{name}' is not of type smtp")
        return found.connection.read(SmtpConfig)

    async def _channel(self, key: str, model: type[_C], what: str) -> _C:
        row = await sealed_setting(self._db, key)
        if row is None:
            raise NotSent(f"no {what} is set up ({key})", is_final=True)
        try:
            text = self._vault.unseal(row["sealed"], SETTINGS.place(key)) if row["sealed"] else row["value"]
            channel = model.model_validate(loads(text))
        except (CannotUnseal, ValueError):
            raise NotSent(f"the setting {key} can't be read") from None
        if not channel.enabled:
            raise NotSent(f"the {what} channel is switched off ({key})", is_final=True)
        return channel


def server_of(channel: EmailChannel) -> tuple[SmtpConfig, bool]:
    """The mail server that a channel names itself, and whether STARTTLS is a must."""
    given: dict[str, Any] = {"host": channel.smtp_host, "port": channel.smtp_port}
    given |= {"username": channel.username, "password": channel.password}
    if not channel.tls:
        return SmtpConfig(**given, tls=False), False
    from_start = channel.smtp_port == _TLS_PORT
    return SmtpConfig(**given, tls=True if from_start else None), not from_start


def _read(row: Record | None, model: type[_M]) -> _M:
    try:
        return model.model_validate(_document(row))
    except ValueError:
        return model()


def _document(row: Record | None) -> dict[str, Any]:
    try:
        found = loads(row["value"]) if row is not None else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
