"""A job from a few options: `tocsin jobs create NAME --command ... --cron ...`."""

from typing import Any


def quick_job(
    name: str,
    command: str | None,
    *,
    template: str | None = None,
    cron: str | None = None,
    every_secs: int | None = None,
    gap_secs: int | None = None,
    at: str | None = None,
    timezone: str | None = None,
    target: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    """The document to send, with the target as it was typed. Raises ValueError.

    Without a schedule it runs on demand, or as the template says.
    """
    given = [
        option
        for option, value in (("--cron", cron), ("--every", every_secs), ("--gap", gap_secs), ("--at", at))
        if value is not None
    ]
    if len(given) > 1:
        raise ValueError(f"{' and '.join(given)} exclude each other")
    if command is None and template is None:
        raise ValueError("a job needs a command or a template")
    document: dict[str, Any] = {"name": name}
    if command is not None:
        document["task"] = {"type": "shell", "command": command}
    if given or template is None:
        document["schedule"] = _schedule(cron, every_secs, gap_secs, at)
    optional = {"timezone": timezone, "target": target, "template": template, **more}
    return document | {key: value for key, value in optional.items() if value is not None}


def _schedule(
    cron: str | None, every_secs: int | None, gap_secs: int | None, at: str | None
) -> dict[str, Any]:
    if cron is not None:
        return {"type": "cron", "value": cron}
    if every_secs is not None:
        return {"type": "interval", "value": {"interval_secs": every_secs}}
    if gap_secs is not None:
        return {"type": "interval", "value": {"interval_secs": gap_secs, "counted_from": "finish"}}
    if at is not None:
        return {"type": "one_shot", "value": at}
    return {"type": "on_demand"}
