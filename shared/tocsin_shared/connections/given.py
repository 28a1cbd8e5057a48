"""A connection as it is told to an agent with one execution. It is never stored there."""

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import Field

from tocsin_shared.connections.naming import ConnectionName
from tocsin_shared.wire import AgentModel, Text

if TYPE_CHECKING:
    from tocsin_shared.connections.base import ConnectionConfig

_Config = TypeVar("_Config", bound="ConnectionConfig")


class GivenConnection(AgentModel):
    """Its configuration, with secrets."""

    name: ConnectionName
    conn_type: Annotated[Text, Field(max_length=32)]
    config: Annotated[dict[str, Any], Field(repr=False)]

    def read(self, model: type[_Config]) -> _Config:
        """The configuration as this type. Raises pydantic's ValidationError, whose text may hold secrets."""
        return model.model_validate(self.config)
