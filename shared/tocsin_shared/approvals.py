"""What people say to runs that wait for their approval."""

from typing import Annotated

from pydantic import Field

from tocsin_shared.wire import Text, UserModel


class DecisionRequest(UserModel):
    """Approves or rejects a run. The body may be absent."""

    #: Why, for those who look at the run later.
    note: Annotated[Text, Field(max_length=2_000)] | None = None
