"""Every error that crosses a border, with its HTTP status and machine code.

TocsinError (500 internal)
├── InvalidInput (400 invalid_input)        the body or query does not fit; `details` names the fields
│   └── MalformedBody (400 malformed_body)  not JSON at all
├── Unauthorized (401 unauthorized)         no key, unknown key, revoked key
├── Forbidden (403 forbidden)               a valid key whose role may not do this
├── NotFound (404 not_found)                absent, or not visible to this key
├── Conflict (409 conflict)
│   ├── NameTaken (409 name_taken)
│   ├── StaleFence (409 stale_fence)        the right to run this execution was handed out again (G6)
│   ├── Superseded (409 superseded)         a newer process of the same agent has registered
│   ├── Cloned (409 cloned)                 the agent's state directory is a copy; the other one is in use
│   └── IllegalTransition (409 illegal_transition)
├── PreconditionFailed (412 precondition_failed)  If-Match names another state than the present one
├── BodyTooLarge (413 body_too_large)
├── TooManyRequests (429 too_many_requests) `retry_after_secs` says when to come back
├── UpstreamFailed (502 upstream_failed)    somebody else's server, asked for this, did not give it
├── Unavailable (503 unavailable)           the database can't be reached (G10)
└── NoAnswer (504 no_answer)                an agent or a provider was asked and said nothing in time
"""

from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with one field, addressed as in the request (`schedule.value`)."""

    field: str
    reason: str


class TocsinError(Exception):
    """Something went wrong inside Tocsin."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"

    def __init__(
        self,
        message: str | None = None,
        *,
        details: list[FieldError] | None = None,
        retry_after_secs: float | None = None,
    ) -> None:
        super().__init__(message or (self.__doc__ or "").strip())
        self.details = details or []
        self.retry_after_secs = retry_after_secs

    def to_wire(self, request_id: str) -> dict[str, Any]:
        """The JSON body that answers a failed request."""
        return {
            "error": str(self),
            "code": self.code,
            "details": [{"field": d.field, "reason": d.reason} for d in self.details],
            "request_id": request_id,
        }


class InvalidInput(TocsinError):
    """The request does not fit what this route accepts."""

    status = 400
    code = "invalid_input"

    @classmethod
    def field(cls, field: str, reason: str) -> "InvalidInput":
        """The common case: one field, one reason."""
        return cls(f"{field}: {reason}", details=[FieldError(field, reason)])


class MalformedBody(InvalidInput):
    """The body is not valid JSON."""

    code = "malformed_body"


class Unauthorized(TocsinError):
    """A valid key is needed: send it as `Authorization: Bearer <key>`."""

    status = 401
    code = "unauthorized"


class Forbidden(TocsinError):
    """This key's role may not do that."""

    status = 403
    code = "forbidden"


class NotFound(TocsinError):
    """There is no such thing."""

    status = 404
    code = "not_found"


class Conflict(TocsinError):
    """The current state does not allow that."""

    status = 409
    code = "conflict"


class NameTaken(Conflict):
    """That name is in use."""

    code = "name_taken"

    @classmethod
    def of(cls, what: str, name: str) -> "NameTaken":
        """`a job` has this name already."""
        return cls(f"{what} named '{name}' exists", details=[FieldError("name", "is in use")])


class StaleFence(Conflict):
    """The right to run this execution has been handed out again."""

    code = "stale_fence"


class Superseded(Conflict):
    """A newer process of this agent has registered."""

    code = "superseded"


class Cloned(Conflict):
    """This agent's state directory is a copy of another's, which has registered since; this one must stop."""

    code = "cloned"


class IllegalTransition(Conflict):
    """An execution in this status can't move to that one."""

    code = "illegal_transition"


class PreconditionFailed(TocsinError):
    """It was changed since it was read; read it again."""

    status = 412
    code = "precondition_failed"


class BodyTooLarge(TocsinError):
    """The body is larger than this route accepts."""

    status = 413
    code = "body_too_large"


class TooManyRequests(TocsinError):
    """Too many requests with this key; slow down."""

    status = 429
    code = "too_many_requests"


class UpstreamFailed(TocsinError):
    """Another server that was asked for this did not give it."""

    status = 502
    code = "upstream_failed"


class Unavailable(TocsinError):
    """The database can't be reached or written right now; try again shortly."""

    status = 503
    code = "unavailable"


class NoAnswer(TocsinError):
    """The agent did not answer in time."""

    status = 504
    code = "no_answer"
