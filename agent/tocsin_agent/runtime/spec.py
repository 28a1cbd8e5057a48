"""What a process is started with, and how its keeper is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

#: Marks every process of an execution, whatever its parent or session is by now.
EXECUTION_ID_VARIABLE = "TOCSIN_EXECUTION_ID"


@dataclass(frozen=True, slots=True)
class CgroupPlan:
    """The cgroup that a process gets, and what is written to its files before."""

    path: Path
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """What to start, and as whom."""

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: str | None
    stdin: bytes | None = None
    user: int | None = None
    group: int | None = None
    extra_groups: Sequence[int] = ()
    #: Set when sudo starts it as this account: only through sudo can its processes be signalled.
    sudo_user: str | None = None
    #: For jobs without `timeout_secs`; None: no limit.
    default_timeout_secs: float | None = None


@dataclass(frozen=True, slots=True)
class KeepingRules:
    """What the keeper sees to by itself, also while no agent runs."""

    timeout_secs: float | None
    kill_grace_secs: float
    max_bytes_per_stream: int
    cgroup: CgroupPlan | None = None
    #: What must not be seen in its output; see `redaction.forms_of`.
    redact: Sequence[bytes] = field(default=(), repr=False)
    #: It ends when the agent does: for agents whose state nobody will find again.
    is_leashed: bool = False


def encode(spec: ProcessSpec, rules: KeepingRules) -> bytes:
    """`key=value` strings, each ended by NUL. Raises ValueError when a value holds one."""
    words = [f"arg={word}" for word in spec.argv]
    words += [f"env={key}={value}" for key, value in spec.env.items()]
    if spec.cwd is not None:
        words.append(f"cwd={spec.cwd}")
    if spec.user is not None:
        words += [f"uid={spec.user}", f"gid={spec.group}"]
        words += [f"group={group}" for group in spec.extra_groups]
    if spec.sudo_user is not None:
        words.append(f"sudo={spec.sudo_user}")
    if spec.stdin is not None:
        words.append("stdin=1")
    if rules.is_leashed:
        words.append("leash=1")
    if rules.timeout_secs is not None:
        words.append(f"timeout_ms={max(1, round(rules.timeout_secs * 1000))}")
    words.append(f"grace_ms={round(rules.kill_grace_secs * 1000)}")
    words.append(f"max_bytes={max(rules.max_bytes_per_stream, 0)}")
    if rules.cgroup is not None:
        words.append(f"cgroup={rules.cgroup.path}")
        words += [f"set={file}={value}" for file, value in rules.cgroup.settings.items()]
    if any("\0" in word for word in words):
        raise ValueError("a NUL character can't be passed to a process")
    said = "".join(f"{word}\0" for word in words).encode("utf-8", "surrogateescape")
    return said + b"".join(b"redact=%s\0" % form for form in rules.redact)
