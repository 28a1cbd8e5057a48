"""How a run on every host goes about it: in which batches, when it stops, and what counts as success."""

import math
import re
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, WithJsonSchema

from tocsin_shared.wire import UserModel

_PERCENT: Final = re.compile(r"([1-9][0-9]?|100)%")
_MOST: Final = 100_000


def _share(value: Any) -> Any:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MOST
    if is_count or (isinstance(value, str) and _PERCENT.fullmatch(value)):
        return value
    raise ValueError(f"must be a number of hosts (1 to {_MOST}) or a share of them such as '25%'")


#: So many hosts, or such a share of them: `5`, `"25%"`.
Share = Annotated[
    int | str,
    BeforeValidator(_share),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": _MOST},
                {"type": "string", "pattern": f"^{_PERCENT.pattern}$"},
            ]
        }
    ),
]


class Rollout(UserModel):
    """How a run on every host proceeds. Without it all hosts begin at once."""

    #: So many hosts first, alone; when one of them fails, the rollout stops.
    canary: Annotated[int, Field(ge=1, le=1_000)] | None = None
    #: Hosts at a time, as a number or a share of all such as `25%`; null means all that are left.
    batch: Share | None = None
    #: Between the end of one batch and the beginning of the next.
    delay_secs: Annotated[int, Field(ge=0, le=7 * 86_400)] = 0
    #: No further batch begins once so many hosts have failed.
    stop_after_failures: Annotated[int, Field(ge=1, le=_MOST)] | None = None
    #: The run succeeds when so many hosts have, as a number or a share of all; null means that none may fail.
    quorum: Share | None = None
    #: How long hosts that are offline are waited for; null means not at all. They come after the last batch.
    wait_offline_secs: Annotated[int, Field(ge=1, le=7 * 86_400)] | None = None


class RetriedHosts(StrEnum):
    """Which hosts of an earlier run are run on again."""

    #: Those whose last attempt did not succeed, and those that were not reached.
    FAILED = "failed"
    #: All that the run was meant for.
    ALL = "all"


class RetryRequest(UserModel):
    """Runs a job again after one of its runs. The body may be absent."""

    #: `failed` is the hosts that failed or were not reached, `all` every host of the run.
    only: RetriedHosts = RetriedHosts.FAILED


def hosts_in(share: int | str, of: int) -> int:
    """How many hosts a share of so many is; at least one."""
    if isinstance(share, int):
        return share
    return max(math.ceil(of * int(share.rstrip("%")) / 100), 1)
