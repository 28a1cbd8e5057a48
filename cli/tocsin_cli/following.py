"""Following a run that was just started, to the exit code of its job."""

import asyncio
from typing import Any

from tocsin_cli.exit_codes import ExitCode, exit_code_of_run
from tocsin_cli.output.words import outcome_words
from tocsin_cli.session import Session

Json = dict[str, Any]


async def follow_to_exit_code(session: Session, run_id: str) -> int:
    """Print the output of all executions as it comes; the exit code is the job's. Ctrl-C leaves the run alone."""
    from tocsin_cli.follow_run import RunFollower

    try:
        ended = await RunFollower(session.api, session.out, run_id).to_end()
    except asyncio.CancelledError:
        session.out.note(f"no longer following; the run goes on. Cancel it with: tocsin runs cancel {run_id}")
        raise
    if session.out.is_json:
        session.out.json(ended)
    code = exit_code_of_run(ended["status"], ended["executions"])
    if code != ExitCode.OK and not session.out.is_json:
        session.out.note(_verdict(ended))
    return code


def _verdict(run: Json) -> str:
    """Why the run did not succeed, in one line."""
    why = ": ".join(str(run[key]) for key in ("reason", "message") if run.get(key))
    if not why:
        why = "; ".join(dict.fromkeys(str(one["message"]) for one in run["executions"] if one.get("message")))
    several = f" ({outcome_words(run)})" if len(run["executions"]) > 1 else ""
    return f"run {run['status'].replace('_', ' ')}{several}" + (f": {why}" if why else "")
