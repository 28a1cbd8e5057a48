"""Where a job runs."""

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
    model_validator,
)

from tocsin_shared import tag_expressions
from tocsin_shared.wire import Text, UserModel

#: A label on an agent, such as `linux` or `dc:fra1`.
Tag = Annotated[Text, StringConstraints(min_length=1, max_length=64, pattern=r"^[\w][\w.:/=@\-]*$")]


def _is_an_expression(text: str) -> str:
    tag_expressions.parse(text)
    return text


#: Tags with `and`, `or`, `not` and parentheses, such as `linux and not (db or legacy)`.
TagExpression = Annotated[
    Text,
    StringConstraints(min_length=1, max_length=tag_expressions.LONGEST_CHARS, strip_whitespace=True),
    AfterValidator(_is_an_expression),
]


HostCount = Annotated[int, Field(ge=1, le=100_000)]


class LocalTarget(UserModel):
    """On a controller."""

    type: Literal["local"]


class AgentTarget(UserModel):
    """On one named agent."""

    type: Literal["agent"]
    agent_id: UUID


class AnyTarget(UserModel):
    """On whichever eligible agent is free first."""

    type: Literal["any"]


class TaggedMode(StrEnum):
    """How many of the agents with the tags."""

    #: Whichever of them is free first.
    ANY = "any"
    #: Every one: one execution per host under one run.
    ALL = "all"


class TaggedTarget(UserModel):
    """On one agent with the tag, or that the expression fits; with `mode: all` on every one."""

    type: Literal["tagged"]
    tag: Tag | None = None
    #: Instead of `tag`: `linux and not (db or legacy)`.
    expression: TagExpression | None = None
    #: `any` is whichever is free first; `all` is one execution per host under one run.
    mode: TaggedMode = TaggedMode.ANY
    #: With `all`: so many of them, drawn anew for each run.
    count: HostCount | None = None

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if (self.tag is None) == (self.expression is None):
            raise ValueError("give one of `tag` and `expression`")
        if self.count is not None and self.mode is not TaggedMode.ALL:
            raise ValueError("`count` is for mode `all`")
        return self

    @model_serializer(mode="wrap")
    def _leave_out(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Only what was chosen: a plain tag looks as it always did."""
        fields: dict[str, Any] = handler(self)
        return {k: v for k, v in fields.items() if v is not None and (k, v) != ("mode", TaggedMode.ANY)}

    def parsed(self) -> tag_expressions.Expression:
        """What an agent's tags must fit."""
        return tag_expressions.Has(self.tag) if self.tag else tag_expressions.parse(self.expression or "")


class AllTarget(UserModel):
    """On every eligible agent: one execution per host under one run."""

    omitted_when_none: ClassVar[frozenset[str]] = frozenset({"count"})

    type: Literal["all"]
    #: So many of them, drawn anew for each run.
    count: HostCount | None = None


Target = Annotated[
    LocalTarget | AgentTarget | AnyTarget | TaggedTarget | AllTarget, Field(discriminator="type")
]


def is_fan_out(target: Target | None) -> bool:
    """Whether a run has one execution per host, on hosts that are listed when it begins."""
    return isinstance(target, AllTarget) or (
        isinstance(target, TaggedTarget) and target.mode is TaggedMode.ALL
    )
