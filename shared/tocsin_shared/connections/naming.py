"""What connections are called, and what stands for a value that is not shown."""

from typing import Annotated, Final

from pydantic import StringConstraints

from tocsin_shared.wire import Text

ConnectionName = Annotated[Text, StringConstraints(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_-]+$")]

#: Stands for a secret in answers; sent back, it keeps the stored value.
MASK: Final = "********"
