"""What is told about runs that are late, too long, too short, missing or failing."""

from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from tocsin_shared.wire import Text, UserModel

_LONGEST_SECS = 366 * 86_400

Secs = Annotated[int, Field(ge=1, le=_LONGEST_SECS)]


def _absent_when_empty(value: Any) -> Any:
    return None if value == "" else value


#: A time of day, `HH:MM`; what is empty is absent.
TimeOfDay = Annotated[
    Annotated[Text, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] | None,
    BeforeValidator(_absent_when_empty),
]


class Alerts(UserModel):
    """What is worth an event. Each is told once: per run, or until it is over."""

    #: Event `job.late_start` when a run has not started so long after it was due.
    late_start_secs: Secs | None = None
    #: Event `job.too_short` when a run succeeds in less time.
    expected_min_secs: Secs | None = None
    #: Event `job.too_long` when a run takes longer, while it still runs.
    expected_max_secs: Secs | None = None
    #: Event `job.missing_run` when no run has succeeded for so long; again only after one has.
    expect_every_secs: Secs | None = None
    #: Event `job.failing` when so many runs in a row have failed, and `job.recovered` at the next success.
    alert_after_failures: Annotated[int, Field(ge=1, le=1_000)] | None = None

    @model_validator(mode="after")
    def _range_holds_something(self) -> Self:
        least, most = self.expected_min_secs, self.expected_max_secs
        if least is not None and most is not None and least > most:
            raise ValueError("expected_min_secs is more than expected_max_secs")
        return self
