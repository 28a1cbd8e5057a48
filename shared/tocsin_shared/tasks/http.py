"""Tasks that call something over HTTP."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from tocsin_shared.tasks.fields import ConnectedTask, HeaderName, HeaderText, Label, of_scheme
from tocsin_shared.wire import Text


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


HttpStatus = Annotated[int, Field(ge=100, le=599)]


class HttpTask(ConnectedTask):
    """One HTTP request; the answer's body is the output, its status the exit code."""

    omitted_when_none: ClassVar[frozenset[str]] = frozenset({"connection", "expect_statuses"})
    address_field: ClassVar[str] = "url"
    connection_types: ClassVar[tuple[str, ...]] = ("http",)

    type: Literal["http"]
    method: Annotated[
        Literal["get", "post", "put", "patch", "delete", "head", "options"], BeforeValidator(_lower)
    ]
    #: With a connection also a path, which is added to its `base_url`.
    url: Annotated[Text, Field(max_length=8_192), of_scheme("http", "https", or_path=True)]
    headers: dict[HeaderName, HeaderText] | None = None
    body: Text | None = None
    #: The only status that counts as success, or `any`; without it every 2xx does.
    expect_status: HttpStatus | Literal["any"] | None = None
    #: The same, when several count.
    expect_statuses: Annotated[list[HttpStatus], Field(min_length=1, max_length=100)] | None = None

    @model_validator(mode="after")
    def _one_way_to_expect(self) -> Self:
        if self.expect_status is not None and self.expect_statuses is not None:
            raise ValueError("say expect_status or expect_statuses, not both")
        return self

    @model_validator(mode="after")
    def _a_path_needs_a_base(self) -> Self:
        if self.url.startswith("/") and self.connection is None:
            raise ValueError("url must start with http:// or https:// when there is no connection")
        return self


class McpTask(ConnectedTask):
    """Calls a tool of an MCP server by Streamable HTTP; the texts of its answer are the output."""

    omitted_when_none: ClassVar[frozenset[str]] = frozenset({"connection"})
    address_field: ClassVar[str] = "server_url"
    connection_types: ClassVar[tuple[str, ...]] = ("http",)

    type: Literal["mcp"]
    server_url: Annotated[Text, Field(max_length=8_192), of_scheme("http", "https")] = ""
    tool: Label
    arguments: dict[str, Any] | None = None
