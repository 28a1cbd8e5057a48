"""Who is told what about runs: what jobs say of it, and the channels that the whole fleet tells it through."""

import re
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from tocsin_shared.connections.base import Host, Port, Secret, SecretUrl, UserText
from tocsin_shared.connections.naming import ConnectionName
from tocsin_shared.web_addresses import is_web_address
from tocsin_shared.wire import Model, Text, UserModel

MOST_RECIPIENTS = 20
#: One line, one address, nothing quoted.
_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?"
)
_PHONE = re.compile(r"\+?[0-9]{3,20}")
#: What stands for something in the payload of a webhook, in the words of Go's templates.
PLACEHOLDER = re.compile(r"\{\{-?\s*\.(\w{1,100})\s*-?\}\}")
TEMPLATE_NAMES = (
    "JobName",
    "Success",
    "StartTime",
    "FinishedAt",
    "NodeName",
    "ReportingNode",
    "Output",
    "Report",
)
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")


def _is_address(value: str) -> str:
    if _ADDRESS.fullmatch(value) is None or ".." in value:
        raise ValueError("must be a plain mail address, such as ops@example.org")
    return value


def _is_phone(value: str) -> str:
    plain = re.sub(r"[ ()./-]", "", value)
    if _PHONE.fullmatch(plain) is None:
        raise ValueError("must be a telephone number, such as +1234567890")
    return plain


def _are_headers(value: dict[str, str]) -> dict[str, str]:
    for name, text in value.items():
        if _HEADER.fullmatch(name) is None:
            raise ValueError(f"'{name[:100]}' is not the name of a header")
        if any(ord(c) < 32 or ord(c) == 127 for c in text):
            raise ValueError(f"the value of '{name}' must be one line")
    return value


def _is_template(value: str) -> str:
    unknown = [found for found in PLACEHOLDER.findall(value) if found not in TEMPLATE_NAMES]
    if unknown:
        raise ValueError(f"{{{{ .{unknown[0][:40]} }}}} is not known; there are {', '.join(TEMPLATE_NAMES)}")
    if "{{" in PLACEHOLDER.sub("", value):
        raise ValueError("may only have placeholders such as {{ .JobName }} between double braces")
    return value


MailAddress = Annotated[Text, Field(max_length=254), AfterValidator(_is_address)]
Phone = Annotated[Text, Field(max_length=50), AfterValidator(_is_phone)]
#: It often holds a token, so all of it is secret.
HookUrl = Annotated[SecretUrl, AfterValidator(is_web_address)]
Headers = Annotated[
    dict[str, Annotated[Text, Field(max_length=4_096)]], Field(max_length=20), AfterValidator(_are_headers)
]


class Recipients(UserModel):
    """Who gets mails and text messages."""

    emails: Annotated[list[MailAddress], Field(max_length=MOST_RECIPIENTS)] = []
    phones: Annotated[list[Phone], Field(max_length=MOST_RECIPIENTS)] = []


class EmailOutput(StrEnum):
    """When a mail holds what was printed, instead of the end of stderr."""

    NEVER = "never"
    FAILURE = "failure"
    ALWAYS = "always"


class Told(UserModel):
    """What of a job is told."""

    #: A run failed, timed out or was lost, whatever the reason.
    on_failure: bool = False
    on_success: bool = False
    #: A run failed because its output did not hold what it must (`output_rules.assertions`).
    on_assertion_failure: bool = False
    #: The first success after failures: after `alerts.alert_after_failures` of them, if the job has that.
    on_recovery: bool = False
    #: `sla.warning` and `sla.breach`.
    on_sla: bool = True
    #: What `alerts` makes events of.
    on_alert: bool = True

    @property
    def minds_ends(self) -> bool:
        """Whether the end of a run may have to be told."""
        return self.on_failure or self.on_success or self.on_assertion_failure or self.on_recovery


class Notifications(Told):
    """What of this job is told, and to whom."""

    #: Absent: whom the fleet's settings name.
    recipients: Recipients | None = None
    email_output: EmailOutput | None = None


class Channel(UserModel):
    """A way by which the fleet tells something. What is empty is absent."""

    #: Fields whose values are never shown.
    secret_fields: ClassVar[frozenset[str]] = frozenset()

    enabled: bool = True

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {key: one for key, one in value.items() if one is not None and one != ""}


class EmailChannel(Channel):
    """Mail: over a server that is named here, or over a connection of type `smtp`."""

    model_config = ConfigDict(validate_by_name=False, validate_by_alias=True)
    secret_fields = frozenset({"password"})

    smtp_host: Host | None = None
    #: Absent: 587.
    smtp_port: Port | None = None
    username: UserText | None = None
    password: Secret | None = None
    #: The sender's address.
    sender: MailAddress | None = Field(None, alias="from")
    #: Encrypted always: from the beginning on port 465, else by STARTTLS. False: never.
    tls: bool = True
    #: Instead of host, port, name, password and tls.
    connection: ConnectionName | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not self.enabled:
            return self
        if self.sender is None:
            raise ValueError("needs from, the sender's address")
        if (self.smtp_host is None) == (self.connection is None):
            raise ValueError("needs either smtp_host or connection")
        own = (self.smtp_port, self.username, self.password)
        if self.connection is not None and any(one is not None for one in own):
            raise ValueError("with connection, its own port, name and password count")
        return self


class SmsChannel(Channel):
    """Text messages, over the web service of whoever sends them: a POST of `To`, `From` and `Body`."""

    secret_fields = frozenset({"webhook_url", "auth_pass"})

    webhook_url: HookUrl | None = None
    auth_user: UserText | None = None
    auth_pass: Secret | None = None
    from_number: Annotated[Text, Field(max_length=50)] | None = None
    #: How the three are sent.
    body: Literal["form", "json"] = "form"

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.enabled and self.webhook_url is None:
            raise ValueError("needs webhook_url")
        return self


class WebhookFormat(StrEnum):
    """Whose words a webhook speaks."""

    SLACK = "slack"
    TEAMS = "teams"
    PAGERDUTY = "pagerduty"
    DISCORD = "discord"
    GENERIC = "generic"
    #: As the channel's `payload` says.
    TEMPLATE = "template"


class WebhookChannel(Channel):
    """A POST to one address."""

    secret_fields = frozenset({"url", "headers"})

    url: HookUrl | None = None
    format: WebhookFormat = WebhookFormat.GENERIC
    #: For PagerDuty `routing_key` is no header, but goes into what is sent.
    headers: Headers = {}
    #: Of the format `template`: what is sent, with `{{ .JobName }}` and the like in it.
    payload: Annotated[Text, Field(max_length=16_384), AfterValidator(_is_template)] | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.enabled and self.url is None:
            raise ValueError("needs url")
        if self.enabled and self.format is WebhookFormat.PAGERDUTY and "routing_key" not in self.headers:
            raise ValueError("PagerDuty needs headers.routing_key")
        if self.enabled and (self.format is WebhookFormat.TEMPLATE) != (self.payload is not None):
            raise ValueError("format template needs payload, and no other has it")
        return self


class SystemAlerts(UserModel):
    """What is told of the fleet itself."""

    agent_offline: bool = False


class NotificationLimits(UserModel):
    """What an hour may bring. What is more is counted, and told in one message at the hour's end."""

    #: About one job.
    per_job: Annotated[int, Field(ge=1, le=10_000)] = 10
    #: About anything.
    fleet: Annotated[int, Field(ge=1, le=100_000)] = 300


class NotificationTest(Model):
    """What came of test messages."""

    model_config = ConfigDict(extra="forbid")

    #: `error` when one channel failed, or none is switched on.
    status: Literal["ok", "error"]
    #: A phrase for each channel, separated by `; `.
    message: str
