"""What a job prints of its secrets never reaches the disk: by real processes under a real keeper."""

import asyncio
import base64
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tocsin_agent.journal.spool import Spool
from tocsin_agent.runtime.ending import End
from tocsin_agent.runtime.keeper import Nursery, find_keeper
from tocsin_agent.runtime.kept import KeptProcess
from tocsin_agent.runtime.redaction import Redactor, forms_of
from tocsin_agent.runtime.spec import KeepingRules, ProcessSpec
from tocsin_shared.ids import new_id

SECRET = "s3cret/with+signs=1"


async def kept(
    directory: Path, command: str, secrets: list[str], *args: str, max_bytes: int = 10_000_000
) -> tuple[End, bytes]:
    """What the spool of a command holds, and how it ended."""
    nursery, execution_id = Nursery(find_keeper(), directory), new_id()
    rules = KeepingRules(
        timeout_secs=None, kill_grace_secs=0.2, max_bytes_per_stream=max_bytes, redact=forms_of(secrets)
    )
    spec = ProcessSpec(["/bin/sh", "-c", command, "sh", *args], {"PATH": os.environ["PATH"]}, "/")
    process = KeptProcess(
        nursery.launch(execution_id, spec, rules), directory, execution_id, lambda _, __: None
    )
    end = await process.ended()
    process.acknowledge()
    nursery.close()
    path = directory / f"{execution_id}.out"
    if not path.exists():
        return end, b""
    assert not any(form in path.read_bytes() for form in forms_of(secrets))
    return end, b"".join(chunk.data for chunk in Spool(path).undelivered(10**9))


@pytest.mark.parametrize(
    "command",
    [
        'echo "$1"',
        'for c in s3c ret/ with +sig ns=1; do printf %s "$c"; sleep 0.05; done',
        'printf "x%s" "$1" | base64',
        'head -c 70 /dev/zero | cat - /dev/stdin <<EOF | base64\n$1\nEOF',
        'echo "no such password: $1" >&2; exit 3',
        'set -x; : "$1"',
        'i=0; while [ $i -lt 5000 ]; do printf "%s" "$1"; i=$((i+1)); done',
    ],
)  # fmt: skip
async def test_a_secret_is_masked_however_it_is_printed(command: str, tmp_path: Path) -> None:
    end, output = await kept(tmp_path, command.replace("\\n", "\n"), [SECRET], SECRET)
    assert b"****" in output
    assert SECRET.encode() not in output
    assert base64.b64encode(SECRET.encode())[:12] not in output
    assert len(output) == end.output.stdout_bytes + end.output.stderr_bytes


async def test_offsets_and_the_rest_stay_true(tmp_path: Path) -> None:
    _, output = await kept(tmp_path, 'printf "before %s after s3cr" "$1"', [SECRET], SECRET)
    assert output == b"before " + b"*" * len(SECRET) + b" after s3cr"


async def test_the_kept_end_of_long_output_holds_no_secret_either(tmp_path: Path) -> None:
    command = 'i=0; while [ $i -lt 3000 ]; do echo "$i $1"; i=$((i+1)); done'
    end, output = await kept(tmp_path, command, [SECRET], SECRET, max_bytes=2_000)
    assert end.output.stdout_truncated
    assert output.endswith(b"\n2999 " + b"*" * len(SECRET) + b"\n")


async def test_output_without_secrets_is_as_it_was(tmp_path: Path) -> None:
    command = "head -c 3000000 /dev/zero | tr '\\0' s; printf '\\377\\000x'"
    _, output = await kept(tmp_path, command, [SECRET])
    assert output == b"s" * 3_000_000 + b"\xff\0x"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.text("ab", min_size=4, max_size=6), min_size=1, max_size=3),
    st.lists(st.text("ab\nc", min_size=1, max_size=30), max_size=4),
)
def test_the_keeper_masks_what_the_agent_would(tmp_path: Path, secrets: list[str], pieces: list[str]) -> None:
    command = 'for piece do printf %s "$piece"; done'
    _, output = asyncio.run(kept(tmp_path, command, secrets, *pieces))
    if "\n\n\n" in "".join(pieces):
        return  # so many line breaks are no encoder's: the keeper holds nothing back for longer
    redactor = Redactor(forms_of(secrets))
    assert output == redactor.feed("".join(pieces).encode()) + redactor.rest()
