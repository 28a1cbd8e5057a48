"""Importing as much of a document as the API takes: what it refuses is told and left out."""

import re
from typing import Any, Final

from tocsin_cli.client import Params
from tocsin_cli.failures import Failure, Refused
from tocsin_cli.session import Session

Json = dict[str, Any]

TIMEOUT_SECS: Final = 300.0
_LISTED: Final = re.compile(r"(?P<kind>[a-z]+)\.(?P<position>\d+)(?:\.(?P<field>.*))?")


async def rehearse(session: Session, path: str, body: Json, params: Params | None = None) -> Json:
    """The answer to a dry run. What the API refuses is told and taken out of `body` before. Raises Failure.

    What is left out may take others with it, such as jobs that wait for it; they are told like it.
    """
    while True:
        try:
            answer: Json = await session.api.post(path, body, params=params, timeout_secs=TIMEOUT_SECS)
        except Refused as refused:
            told = leave_out(body, refused.details) if refused.status == 400 else []
            if not told:
                raise
            for where, why in told:
                session.out.note(f"{where}: {why}")
            if body.get("documents") == []:
                raise Failure("there is nothing left to import") from None
        else:
            return answer


def leave_out(body: Json, details: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Take away what these findings are about; returns what it was and why. Nothing when any of them is elsewhere."""
    listed = [_LISTED.fullmatch(field) for field, _ in details]
    told: list[tuple[str, str]] = []
    gone: dict[str, set[int]] = {}
    for match, (path, reason) in zip(listed, details, strict=True):
        setting = path.removeprefix("settings.")
        if match is not None and _has(body, match):
            kind, position = match["kind"], int(match["position"])
            gone.setdefault(kind, set()).add(position)
            name = body[kind][position].get("name")
            where = str(name) if kind in ("jobs", "documents") else f"{kind.removesuffix('s')} {name}"
            told.append((where, f"not imported: {match['field'] + ': ' if match['field'] else ''}{reason}"))
        elif setting in body.get("settings", {}):
            told.append((f"setting {setting}", f"not imported: {reason}"))
            del body["settings"][setting]
        else:
            return []
    for kind, positions in gone.items():
        body[kind] = [one for position, one in enumerate(body[kind]) if position not in positions]
    return told


def _has(body: Json, match: re.Match[str]) -> bool:
    listed = body.get(match["kind"])
    return isinstance(listed, list) and int(match["position"]) < len(listed)
