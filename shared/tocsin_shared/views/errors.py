"""Answers to requests that failed."""

from tocsin_shared.views.base import View


class ErrorDetail(View):
    """One thing wrong with one field."""

    #: As addressed in the request: `schedule.value`.
    field: str
    reason: str


class ErrorView(View):
    """Every answer with a status from 400 on."""

    #: One sentence for people.
    error: str
    #: For programs: `invalid_input`, `not_found`, `name_taken`, ...
    code: str
    details: list[ErrorDetail]
    #: Names the request in the controller's log; the X-Request-Id header says the same.
    request_id: str
