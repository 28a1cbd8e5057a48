"""What a keeper's last words mean."""

from pathlib import Path

import pytest

from tocsin_agent.runtime.ending import outcome_of, parse_end, read_end, remove_end
from tocsin_shared.ids import new_id

ID = new_id()
WORDS = {
    "protocol": "1", "id": str(ID), "boot": "b", "failed": "-", "errno": "0", "code": "0", "signal": "0", "stop": "-",
    "timeout_ms": "0", "cpu_us": "1500000", "peak_bytes": "4096", "oom_kills": "-1", "start_boot_ns": "1000000000",
    "start_wall_ns": "5000000000", "end_boot_ns": "3000000000", "end_wall_ns": "7000000000", "stdout": "12",
    "stderr": "3", "stdout_cut": "1", "stderr_cut": "0", "dropped": "0", "size": "99", "seq": "4",
}  # fmt: skip


def words(**given: str) -> str:
    return "end " + " ".join(f"{key}={value}" for key, value in (WORDS | given).items()) + " .\n"


def test_success() -> None:
    outcome = outcome_of(parse_end(words()))
    assert (outcome.status, outcome.exit_code, outcome.reason) == ("succeeded", 0, None)
    assert (outcome.usage.cpu_secs, outcome.usage.peak_memory_bytes) == (1.5, 4096)
    assert outcome.output is not None
    assert (outcome.output.stdout_bytes, outcome.output.stdout_truncated) == (12, True)
    assert outcome.at is not None
    assert (outcome.at.boot, outcome.at.uptime_secs, outcome.at.wall_secs) == ("b", 3.0, 7.0)


@pytest.mark.parametrize(
    ("given", "status", "reason", "exit_code"),
    [
        ({"code": "3"}, "failed", "exit_code", 3),
        ({"signal": "9"}, "failed", "signal", 137),
        ({"signal": "9", "oom_kills": "1"}, "failed", "oom", 137),
        ({"code": "1", "oom_kills": "2"}, "failed", "oom", 1),
        ({"code": "0", "oom_kills": "2"}, "succeeded", None, 0),
        ({"signal": "15", "stop": "timeout", "timeout_ms": "1500"}, "timed_out", "timeout", 143),
        ({"signal": "9", "stop": "cancel", "oom_kills": "1"}, "cancelled", "cancelled", 137),
        ({"signal": "9", "stop": "self_fence"}, "failed", "self_fenced", 137),
        ({"signal": "15", "stop": "host_stopped"}, "failed", "agent_stopped", 143),
        ({"code": "0", "stop": "agent_stopped"}, "failed", "agent_stopped", 0),
        ({"failed": "exec", "errno": "2"}, "failed", "spawn_failed", None),
    ],
)
def test_ends(given: dict[str, str], status: str, reason: str | None, exit_code: int | None) -> None:
    outcome = outcome_of(parse_end(words(**given)))
    assert (outcome.status, outcome.reason, outcome.exit_code) == (status, reason, exit_code)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("exec", "The command could not be started: No such file"),
        ("directory", "The working directory can't be entered: No such file"),
        ("limit:pids.max", "The limit could not be set on this host: pids.max: No such file"),
        ("user", "The account could not be assumed: No such file"),
    ],
)
def test_what_kept_it_from_being_started_is_said(step: str, said: str) -> None:
    message = outcome_of(parse_end(words(failed=step, errno="2"))).message
    assert message is not None
    assert message.startswith(said)


@pytest.mark.parametrize(
    "text",
    ["", "end", words()[:-1], words()[:40], words().replace("code=", "c="), "x"],
    ids=["empty", "one word", "cut at the end", "cut early", "other words", "noise"],
)
def test_half_a_report_is_none(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any
        parse_end(text)


def test_a_file_is_believed_only_for_its_own_execution(tmp_path: Path) -> None:
    other = new_id()
    (tmp_path / f"{ID}.end").write_text(words())
    (tmp_path / f"{other}.end").write_text(words())
    assert read_end(tmp_path, ID) is not None
    assert read_end(tmp_path, other) is None
    remove_end(tmp_path, ID)
    assert read_end(tmp_path, ID) is None
