"""What Dkron refuses in a job, in its order and its words. Pure."""

import unicodedata
from datetime import datetime
from typing import Any

from tocsin_controller.compat.dkron.schedules import read_schedule
from tocsin_shared.dkron.executors import parse_size
from tocsin_shared.dkron.schedules import check_timezone
from tocsin_shared.errors import InvalidInput
from tocsin_shared.go_durations import parse_duration


def check_job(job: dict[str, Any], now: datetime) -> None:
    """Raises InvalidInput with the first rule that the job breaks."""
    why = _first_mistake(job, now)
    if why is not None:
        raise InvalidInput(f"Job contains invalid value: {why}.")


def _first_mistake(job: dict[str, Any], now: datetime) -> str | None:
    name = job["name"]
    if not name:
        return "name cannot be empty"
    for one in name:
        if not (one in "0123456789_-" or unicodedata.category(one) == "Ll"):
            return f"name contains illegal character '{one}'"
    if job["parent_job"] == name:
        return "the job can not have itself as parent"
    if job["schedule"] or not job["parent_job"]:
        try:
            read_schedule(job["schedule"], "", name, now)
        except ValueError as error:
            return f"can't parse job schedule: {error}"
    if job["concurrency"] not in ("allow", "forbid", ""):
        return 'invalid concurrency policy value, use "allow" or "forbid"'
    try:
        check_timezone(job["timezone"])
    except ValueError as error:
        return str(error)
    return _shell_mistake(job) if job["executor"] == "shell" else None


def _shell_mistake(job: dict[str, Any]) -> str | None:
    config = job["executor_config"] or {}
    if config.get("timeout"):
        try:
            parse_duration(config["timeout"])
        except ValueError as error:
            return f"Error parsing job timeout value: {error}"
    if config.get("mem_limit"):
        try:
            parse_size(config["mem_limit"])
        except ValueError as error:
            return f"Error parsing job memory limit value: {error}"
    return None
