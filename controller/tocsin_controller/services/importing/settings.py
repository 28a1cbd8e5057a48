"""Settings as exports carry them: those of the fleet, and the schedules of groups under `pipeline_schedule_<group>`.

That is where the shared API has the latter: as JSON in a text. Ours may also say a time zone.
"""

from typing import Any, Final

import orjson
from pydantic import ValidationError

from tocsin_controller.services.groups import group_name
from tocsin_controller.store.database import Queries
from tocsin_controller.store.pipeline_schedules import every_pipeline_schedule
from tocsin_shared.errors import InvalidInput
from tocsin_shared.pipelines import PipelineScheduleSet
from tocsin_shared.wire import dumps

PREFIX: Final = "pipeline_schedule_"
#: What a schedule says besides being one.
_BESIDE: Final = ("timezone", "dst")


async def schedules_as_settings(db: Queries) -> dict[str, str]:
    """The schedules of all groups."""
    return {
        PREFIX + row["group_name"]: dumps(
            row["schedule"] | ({key: row[key] for key in _BESIDE} if row["timezone"] else {})
        ).decode()
        for row in await every_pipeline_schedule(db)
    }


def schedule_of(key: str, value: str) -> tuple[str, PipelineScheduleSet]:
    """The group and its schedule. Raises InvalidInput."""
    try:
        document: Any = orjson.loads(value)
        if not isinstance(document, dict):
            raise ValueError
        beside = {name: document.pop(name) for name in _BESIDE if name in document}
        return group_name(key.removeprefix(PREFIX)), PipelineScheduleSet.model_validate(
            {"schedule": document, **beside}
        )
    except (ValueError, ValidationError):
        raise InvalidInput.field(key, "is no schedule of a group") from None
