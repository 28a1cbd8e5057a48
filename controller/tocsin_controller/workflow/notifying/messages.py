"""Messages to people and to their programs: noted in the transaction of what they tell, sent soon after, at least once.

`send_soon` is for every part that has something to tell. The outbox holds what it is given until it is sent, so
secrets belong into the fleet's channels or into a connection, not into a message.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal
from uuid import UUID

from tocsin_controller.store.database import Session
from tocsin_controller.store.events import Severity
from tocsin_controller.store.outbox import add_to_outbox

#: The kind of entry in the outbox.
MESSAGE: Final = "message"


@dataclass(frozen=True, slots=True)
class About:
    """What a message is about: for the events that tell whether it was sent."""

    job_id: UUID | None = None
    run_id: UUID | None = None
    job_name: str | None = None


@dataclass(frozen=True, slots=True)
class Printed:
    """What an execution printed, read when the message is sent: its end, so many bytes of each stream at most."""

    execution_id: UUID
    stdout_bytes: int
    stderr_bytes: int


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail to one address, over the fleet's mail channel or over a connection of type `smtp`."""

    to: str
    subject: str
    text: str
    #: Comes after the text.
    printed: Printed | None = None
    #: A connection of type `smtp` instead of the channel; `sender` is the address that it sends from then.
    connection: str | None = None
    sender: str | None = None
    type: Literal["mail"] = "mail"


@dataclass(frozen=True, slots=True)
class Sms:
    """A text message to one number, over the fleet's channel."""

    to: str
    text: str
    type: Literal["sms"] = "sms"


@dataclass(frozen=True, slots=True)
class HookCall:
    """A message to the fleet's webhook, put into the words of its format."""

    subject: str
    text: str
    severity: Severity
    #: Said to programs besides.
    facts: dict[str, Any] = field(default_factory=dict)
    #: Messages with the same are about the same trouble; one of severity `success` says that it is over.
    trouble: str | None = None
    printed: Printed | None = None
    type: Literal["webhook"] = "webhook"


@dataclass(frozen=True, slots=True)
class WebCall:
    """An HTTP request as it stands, where the network policy allows it; 2xx is success."""

    url: str
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"
    type: Literal["web"] = "web"


Message = Mail | Sms | HookCall | WebCall

_TYPES: Final[dict[str, type[Message]]] = {"mail": Mail, "sms": Sms, "webhook": HookCall, "web": WebCall}


async def send_soon(session: Session, messages: Sequence[Message], about: About = About()) -> None:
    """Have these sent, if the caller's transaction commits; hint `messages` after that.

    Each is tried for about an hour. The events `notification.sent` and `notification.failed` say what became of it.
    """
    payloads = [{**_plain(asdict(message)), "about": _plain(asdict(about))} for message in messages]
    await add_to_outbox(session, MESSAGE, payloads)


def read_message(payload: Mapping[str, Any]) -> tuple[Message, About]:
    """What `send_soon` noted. Raises KeyError, TypeError or ValueError for what another release noted otherwise."""
    given = {key: value for key, value in payload.items() if key != "about"}
    if given.get("printed") is not None:
        printed = given["printed"]
        given["printed"] = Printed(**{**printed, "execution_id": UUID(printed["execution_id"])})
    about = dict(payload["about"])
    ids = {key: UUID(about[key]) if about[key] else None for key in ("job_id", "run_id")}
    return _TYPES[given["type"]](**given), About(ids["job_id"], ids["run_id"], about["job_name"])


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return str(value) if isinstance(value, UUID) else value
