"""What one installation exports and another takes in."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field, field_validator

from tocsin_shared.jobs import GroupName
from tocsin_shared.wire import Model, Text

#: Of each kind.
MOST = 10_000

_Rows = Annotated[list[dict[str, Any]], Field(max_length=MOST)]


class ImportDocument(Model):
    """An export, from this release or another. What is not known here is left out."""

    model_config = ConfigDict(extra="ignore")

    export_version: Annotated[int, Field(ge=1, le=2)] = 2
    #: Jobs keep their ids.
    jobs: _Rows = []
    #: Secrets that are masked are skipped.
    variables: _Rows = []
    #: With their secrets; those whose name is there already are skipped.
    connections: _Rows = []
    #: Their syntax is checked again.
    scripts: _Rows = []
    templates: _Rows = []
    calendars: _Rows = []
    #: Not imported; tells which agents jobs mean, by name.
    agents: _Rows = []
    groups: Annotated[list[GroupName], Field(max_length=MOST)] = []
    settings: Annotated[dict[Text, Text], Field(max_length=MOST)] = {}

    @field_validator(
        "jobs",
        "variables",
        "connections",
        "scripts",
        "templates",
        "calendars",
        "agents",
        "groups",
        "settings",
        mode="before",
    )
    @classmethod
    def _may_be_null(cls, value: Any, info: Any) -> Any:
        if value is None:
            return {} if info.field_name == "settings" else []
        return value


class ExportView(Model):
    """Everything that people made, as of one moment."""

    model_config = ConfigDict(extra="forbid")

    export_version: int
    exported_at: str
    jobs: list[dict[str, Any]]
    #: The values of secrets are masked, or readable with `include_secrets`.
    variables: list[dict[str, Any]]
    scripts: list[dict[str, Any]]
    templates: list[dict[str, Any]]
    calendars: list[dict[str, Any]]
    agents: list[dict[str, Any]]
    groups: list[str]
    settings: dict[str, str]
    #: With `include_secrets` only.
    connections: list[dict[str, Any]] | None = None
    #: With `include_secrets` only: what is known of keys, never the keys.
    api_keys: list[dict[str, Any]] | None = None


class ImportView(Model):
    """What an import did."""

    model_config = ConfigDict(extra="forbid")

    status: str
    dry_run: bool
    #: How many of each kind are new.
    imported: dict[str, int]
    #: How many of each kind were left out: there already, masked, or not known here.
    skipped: dict[str, int]


class DeletedView(Model):
    """What was done away with."""

    model_config = ConfigDict(extra="forbid")

    deleted: bool
    jobs_removed: int
