"""What connections are called."""

from typing import Annotated

from pydantic import StringConstraints

from tocsin_shared.wire import Text

ConnectionName = Annotated[Text, StringConstraints(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_-]+$")]
