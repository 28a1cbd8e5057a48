"""Tasks that ask databases."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from tocsin_shared.tasks.fields import ConnectedTask, Label, Message, of_scheme
from tocsin_shared.wire import Text

#: `1526919030474-55`, `1526919030474` or `$`; a variable may hold it.
StreamId = Annotated[
    Text,
    StringConstraints(max_length=300, pattern=r"^(\$|[0-9]{1,20}(-[0-9]{1,20})?|\{\{[A-Za-z0-9_.]+\}\})$"),
]
RedisUrl = Annotated[Text, Field(max_length=8_192), of_scheme("redis", "rediss", "unix")]


class SqlTask(ConnectedTask):
    """One or more statements; rows are the output, on `stderr` stands how many there were."""

    omitted_when_none: ClassVar[frozenset[str]] = frozenset({"connection", "connection_string"})
    address_field: ClassVar[str] = "connection_string"
    connection_types: ClassVar[tuple[str, ...]] = ("postgres", "mysql", "sqlite")

    type: Literal["sql"]
    driver: Literal["postgres", "mysql", "sqlite"]
    connection_string: Annotated[Text, Field(max_length=8_192)] | None = None
    query: Annotated[Text, Field(min_length=1, max_length=1_000_000)]
    #: `json` prints an object a row, `table` columns that line up.
    format: Literal["json", "table"] = "json"
    #: More rows than this are not printed, and the execution fails.
    max_rows: Annotated[int, Field(ge=1, le=10_000_000)] = 100_000


class RedisTask(ConnectedTask):
    """Publishes a message on a channel."""

    address_field: ClassVar[str] = "url"
    connection_types: ClassVar[tuple[str, ...]] = ("redis",)

    type: Literal["redis"]
    url: RedisUrl = ""
    channel: Label
    message: Message


class RedisReadTask(ConnectedTask):
    """Takes from a list or a stream, or listens on a channel; what it gets is the output, a line each."""

    address_field: ClassVar[str] = "url"
    connection_types: ClassVar[tuple[str, ...]] = ("redis",)

    type: Literal["redis_read"]
    url: RedisUrl = ""
    key: Label
    mode: Literal["lpop", "rpop", "subscribe", "xread"] | None = None
    count: Annotated[int, Field(ge=1, le=100_000)] | None = None
    #: With `xread`: the id of the entry after which to begin; absent: at the beginning; `$`: with what is added
    #: from now on.
    after: StreamId | None = None
    format: Literal["text", "json"] = "text"

    @model_validator(mode="after")
    def _after_is_of_streams(self) -> Self:
        if self.after is not None and self.mode != "xread":
            raise ValueError("after is for mode xread")
        return self
