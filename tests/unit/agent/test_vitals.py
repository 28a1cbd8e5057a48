"""The small file beside the journal: rewritten in place, read by others, never trusted when damaged."""

from pathlib import Path

import pytest

from tocsin_agent.clock import Moment
from tocsin_agent.status import human_bytes, human_secs
from tocsin_agent.vitals import FILE_BYTES, Vitals

SOME = Vitals(contact=Moment.now(), is_in_contact=True, intake_stopped="the disk is full", fenced="cloned")


@pytest.mark.parametrize("vitals", [SOME, Vitals()], ids=["some", "none"])
def test_what_was_written_is_read(tmp_path: Path, vitals: Vitals) -> None:
    file = tmp_path / "vitals"
    SOME.write(file)
    vitals.write(file)
    assert Vitals.read(file) == vitals
    assert file.stat().st_size == FILE_BYTES
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"{}", bytes(FILE_BYTES)], ids=["empty", "no record", "zeros"])
def test_what_can_not_be_read_says_nothing(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "vitals"
    assert Vitals.read(file) is None
    file.write_bytes(content)
    assert Vitals.read(file) is None


def test_a_flipped_bit_says_nothing(tmp_path: Path) -> None:
    file = tmp_path / "vitals"
    SOME.write(file)
    content = bytearray(file.read_bytes())
    content[40] ^= 1
    file.write_bytes(content)
    assert Vitals.read(file) is None


def test_a_disk_that_refuses_is_nobodys_concern(tmp_path: Path) -> None:
    SOME.write(tmp_path / "no" / "such" / "directory")


@pytest.mark.parametrize(
    ("secs", "said"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7_199, "119 min"), (9e4, "25 h"), (2e6, "23 d")],
)
def test_durations_for_people(secs: float, said: str) -> None:
    assert human_secs(secs) == said


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 kB"), (2**30, "1.0 GB"), (2**41, "2.0 TB")]
)
def test_sizes_for_people(count: int, said: str) -> None:
    assert human_bytes(count) == said
