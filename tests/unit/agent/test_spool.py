"""Output of one execution on its way: in order, from where delivery stands, also after a crash."""

import os
from pathlib import Path

import pytest

from tocsin_agent.journal.framing import frame
from tocsin_agent.journal.quarantine import Quarantine
from tocsin_agent.journal.spool import Chunk, Spool
from tocsin_shared.executions import Stream
from tocsin_shared.protocol import MAX_CHUNK_BYTES

EVERYTHING = 1 << 40


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.out"


def filled(path: Path, *texts: bytes) -> Spool:
    spool = Spool(path)
    offset = 0
    for number, text in enumerate(texts):
        spool.append(number + 2, Stream.STDOUT, offset, text)
        offset += len(text)
    return spool


def texts(chunks: list[Chunk]) -> list[bytes]:
    return [chunk.data for chunk in chunks]


def test_chunks_come_back_in_order_with_all_that_was_said_of_them(path: Path) -> None:
    spool = Spool(path)
    spool.append(2, Stream.STDOUT, 0, b"one")
    spool.append(3, Stream.STDERR, 0, b"\xff\0")
    spool.append(4, Stream.STDOUT, 2**40, b"after a gap")
    chunks = list(spool.undelivered(EVERYTHING))
    assert [(c.seq, c.stream, c.offset, c.data) for c in chunks] == [
        (2, Stream.STDOUT, 0, b"one"),
        (3, Stream.STDERR, 0, b"\xff\0"),
        (4, Stream.STDOUT, 2**40, b"after a gap"),
    ]
    assert chunks[-1].next_position == spool.size == path.stat().st_size


def test_delivery_goes_on_from_where_it_stands(path: Path) -> None:
    spool = filled(path, b"a", b"b", b"c")
    first, second, _ = spool.undelivered(EVERYTHING)
    spool.delivered = first.next_position
    assert texts(list(spool.undelivered(EVERYTHING))) == [b"b", b"c"]
    spool.delivered = second.next_position
    assert texts(list(spool.undelivered(EVERYTHING))) == [b"c"]


def test_what_is_not_marked_delivered_is_given_again(path: Path) -> None:
    spool = filled(path, b"a", b"b")
    assert list(spool.undelivered(EVERYTHING)) == list(spool.undelivered(EVERYTHING))


def test_what_comes_after_delivery_is_given_next(path: Path) -> None:
    spool = filled(path, b"a")
    spool.delivered = spool.size
    assert list(spool.undelivered(EVERYTHING)) == []
    spool.append(9, Stream.STDERR, 0, b"late")
    assert texts(list(spool.undelivered(EVERYTHING))) == [b"late"]


def test_a_small_allowance_still_gives_one_chunk(path: Path) -> None:
    spool = filled(path, b"x" * 1000, b"y" * 1000)
    assert texts(list(spool.undelivered(1))) == [b"x" * 1000]


def test_more_than_one_read_is_put_together(path: Path) -> None:
    parts = [bytes([65 + i]) * MAX_CHUNK_BYTES for i in range(20)]
    spool = filled(path, *parts)
    assert texts(list(spool.undelivered(EVERYTHING))) == parts
    taken = list(spool.undelivered(5 * MAX_CHUNK_BYTES))
    assert texts(taken) == parts[:5]
    spool.delivered = taken[-1].next_position
    assert texts(list(spool.undelivered(EVERYTHING))) == parts[5:]


def test_an_untouched_spool_has_nothing(path: Path) -> None:
    assert list(Spool(path).undelivered(EVERYTHING)) == []


def test_after_a_crash_everything_is_there_again(path: Path) -> None:
    filled(path, b"a", b"b").close(remove=False)
    spool, newest = Spool.recover(path, Quarantine(path.parent / "quarantine"))
    assert newest == 3
    assert texts(list(spool.undelivered(EVERYTHING))) == [b"a", b"b"]


def test_a_chunk_cut_short_is_cut_off_and_appending_goes_on(path: Path) -> None:
    spool = filled(path, b"a", b"b")
    end_of_first = next(spool.undelivered(EVERYTHING)).next_position
    spool.close(remove=False)
    os.truncate(path, path.stat().st_size - 1)
    recovered, newest = Spool.recover(path, Quarantine(path.parent / "quarantine"))
    assert (newest, recovered.size, path.stat().st_size) == (2, end_of_first, end_of_first)
    recovered.append(3, Stream.STDERR, 0, b"again")
    assert texts(list(recovered.undelivered(EVERYTHING))) == [b"a", b"again"]


def test_an_empty_file_recovers_to_the_number_of_the_start(path: Path) -> None:
    path.touch()
    spool, newest = Spool.recover(path, Quarantine(path.parent / "quarantine"))
    assert (newest, spool.size) == (1, 0)


def test_damage_ends_delivery_instead_of_repeating_it_for_ever(path: Path) -> None:
    spool = filled(path, b"a", b"damaged")
    first = next(spool.undelivered(EVERYTHING))
    with path.open("r+b") as file:
        file.seek(first.next_position)
        file.write(b"??")
    assert texts(list(spool.undelivered(EVERYTHING))) == [b"a"]
    spool.delivered = first.next_position
    assert list(spool.undelivered(EVERYTHING)) == []
    assert spool.delivered == spool.size


@pytest.mark.parametrize("damage", ["flipped bit", "zeros", "other bytes"])
def test_damage_in_the_middle_costs_its_chunks_only(path: Path, damage: str) -> None:
    parts = [bytes([65 + i]) * 30_000 for i in range(12)]
    ends = [c.next_position for c in filled(path, *parts).undelivered(EVERYTHING)]
    content = bytearray(path.read_bytes())
    match damage:
        case "flipped bit":
            content[ends[3] + 500] ^= 4
            lost = {4}
        case "zeros":
            content[ends[3] + 100 : ends[5] + 100] = bytes(ends[5] - ends[3])
            lost = {4, 5, 6}
        case _:
            content[ends[3] - 1 : ends[3] + 1] = b"TJ"
            lost = {3, 4}
    path.write_bytes(content)
    quarantine = Quarantine(path.parent / "quarantine")
    spool, newest = Spool.recover(path, quarantine)
    assert texts(list(spool.undelivered(EVERYTHING))) == [p for i, p in enumerate(parts) if i not in lost]
    assert newest == 13
    assert spool.is_damaged
    assert quarantine.count == 1


def test_a_file_of_nothing_but_zeros_gives_nothing_and_ends(path: Path) -> None:
    path.write_bytes(bytes(3_000_000))
    spool, newest = Spool.recover(path, Quarantine(path.parent / "quarantine"))
    assert (newest, spool.size, list(spool.undelivered(EVERYTHING))) == (1, 0, [])


def test_thousands_of_spools_keep_no_file_open(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    spools = [filled(tmp_path / f"{n}.out", b"x") for n in range(300)]
    for spool in spools:
        spool.sync()
        spool.rest()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert all(texts(list(spool.undelivered(EVERYTHING))) == [b"x"] for spool in spools)


def test_a_full_disk_costs_the_chunk_it_refused_and_no_other(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(fd: int, content: bytes) -> None:
        os.write(fd, content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    spool = filled(path, b"before")
    with monkeypatch.context() as full:
        full.setattr("tocsin_agent.journal.spool.write_all", half)
        with pytest.raises(OSError, match="No space left"):
            spool.append(3, Stream.STDOUT, 6, b"refused")
    spool.append(4, Stream.STDOUT, 13, b"after")
    assert texts(list(spool.undelivered(EVERYTHING))) == [b"before", b"after"]


def test_a_record_that_is_no_chunk_does_not_stop_a_recovery(path: Path) -> None:
    path.write_bytes(frame(b"odd"))
    assert Spool.recover(path, Quarantine(path.parent / "quarantine"))[1] == 1


def test_the_file_is_for_the_agent_alone(path: Path) -> None:
    filled(path, b"a")
    assert path.stat().st_mode & 0o777 == 0o600


def test_closing_removes_the_file_only_when_asked(path: Path) -> None:
    filled(path, b"a").close(remove=False)
    assert path.exists()
    Spool(path).close(remove=True)
    assert not path.exists()
