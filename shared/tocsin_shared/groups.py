"""Groups of jobs as people write and read them."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from tocsin_shared.jobs import DEFAULT_GROUP, GroupName
from tocsin_shared.views.base import View
from tocsin_shared.wire import Text, UserModel


class GroupCreate(UserModel):
    """A group to make."""

    #: Letters, digits, space, `-` and `_`.
    name: GroupName


class GroupView(View):
    """A group."""

    name: str


class GroupRename(UserModel):
    """A group to rename."""

    old_name: Annotated[Text, Field(min_length=1, max_length=50)]
    #: May be another group's: then its jobs are in that one.
    new_name: GroupName


class GroupMove(UserModel):
    """Jobs to move into a group."""

    #: Ids that no job has are passed over.
    job_ids: Annotated[list[UUID], Field(max_length=10_000)]
    group: GroupName | None = DEFAULT_GROUP


class GroupChanged(View):
    """How many jobs it concerned."""

    updated: int
