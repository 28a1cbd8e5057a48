"""How a kept process ended, as its keeper says, and what that means."""

import os
import signal
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

from tocsin_agent.clock import Moment
from tocsin_agent.runtime.outcome import OUT_OF_MEMORY, Outcome, OutputFigures
from tocsin_shared.executions import Reason
from tocsin_shared.protocol import Usage

#: Behind the execution's id, in the directory that the keeper was given.
END_SUFFIX = ".end"


@dataclass(frozen=True, slots=True)
class End:
    """The keeper's last words."""

    #: The step that kept the process from being started, and why.
    failed_step: str | None
    failed_errno: int
    #: None when a signal ended it.
    exit_code: int | None
    signal: int | None
    #: Who asked for its end, if that is what ended it.
    stop_kind: str | None
    timeout_secs: float
    usage: Usage
    oom_kills: int
    started_at: Moment | None
    at: Moment
    output: OutputFigures


def fields_of(text: str) -> dict[str, str]:
    """The `key=value` words of a message."""
    return dict(word.split("=", 1) for word in text.split() if "=" in word)


def parse_end(text: str) -> End:
    """Reads the message, or the file of the same content. Raises ValueError."""
    if not text.startswith("end ") or not text.endswith(" .\n"):
        raise ValueError("half a report")
    try:
        said = fields_of(text)
        boot, code, number = said["boot"], int(said["code"]), int(said["signal"])
        started_ns = int(said["start_boot_ns"])
        return End(
            failed_step=None if said["failed"] == "-" else said["failed"],
            failed_errno=int(said["errno"]),
            exit_code=None if number else code,
            signal=number or None,
            stop_kind=None if said["stop"] == "-" else said["stop"],
            timeout_secs=int(said["timeout_ms"]) / 1000,
            usage=Usage(
                cpu_secs=int(said["cpu_us"]) / 1e6, peak_memory_bytes=int(said["peak_bytes"]) or None
            ),
            oom_kills=max(int(said["oom_kills"]), 0),
            started_at=Moment(boot, started_ns / 1e9, int(said["start_wall_ns"]) / 1e9)
            if started_ns
            else None,
            at=Moment(boot, int(said["end_boot_ns"]) / 1e9, int(said["end_wall_ns"]) / 1e9),
            output=OutputFigures(
                stdout_bytes=int(said["stdout"]),
                stderr_bytes=int(said["stderr"]),
                stdout_truncated=said["stdout_cut"] == "1",
                stderr_truncated=said["stderr_cut"] == "1",
                dropped_bytes=int(said["dropped"]),
                spool_bytes=int(said["size"]),
                newest_seq=int(said["seq"]),
            ),
        )
    except KeyError as error:
        raise ValueError(f"a report without {error}") from None


def read_end(directory: Path, execution_id: UUID) -> End | None:
    """What a keeper left for whoever comes; None if there is nothing to be understood."""
    try:
        text = (directory / f"{execution_id}{END_SUFFIX}").read_text()
        end = parse_end(text)
    except (OSError, ValueError):
        return None
    return end if fields_of(text).get("id") == str(execution_id) else None


def remove_end(directory: Path, execution_id: UUID) -> None:
    """It is in the journal by now."""
    (directory / f"{execution_id}{END_SUFFIX}").unlink(missing_ok=True)


def outcome_of(end: End) -> Outcome:
    """What the controller is told."""
    if end.failed_step is not None:
        return Outcome.failed(Reason.SPAWN_FAILED, _why_not_started(end.failed_step, end.failed_errno))
    return replace(
        _judged(end),
        exit_code=end.exit_code if end.signal is None else 128 + end.signal,
        usage=end.usage,
        output=end.output,
        at=end.at,
        started_at=end.started_at,
    )


def _judged(end: End) -> Outcome:
    if end.stop_kind is not None:
        return Outcome.stopped(end.stop_kind, end.timeout_secs)
    if end.oom_kills and (end.signal is not None or end.exit_code):
        return Outcome.failed(Reason.OOM, OUT_OF_MEMORY)
    if end.signal is not None:
        return Outcome.failed(Reason.SIGNAL, f"Ended by {_signal_name(end.signal)}.")
    if end.exit_code:
        return Outcome.failed(Reason.EXIT_CODE, f"Ended with exit code {end.exit_code}.")
    return Outcome.succeeded()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _why_not_started(step: str, number: int) -> str:
    why = os.strerror(number)
    if step == "directory":
        return f"The working directory can't be entered: {why}."
    if step.startswith("limit:"):
        return f"The limit could not be set on this host: {step.removeprefix('limit:')}: {why}."
    if step in ("groups", "group", "user"):
        return f"The account could not be assumed: {why}."
    return f"The command could not be started: {why}."
