"""Output that keepers write, as the journal takes it up, also after a restart."""

from pathlib import Path

from tocsin_agent.clock import Moment
from tocsin_agent.journal.framing import frames
from tocsin_agent.journal.journal import OUTPUT_DIR, Journal
from tocsin_agent.journal.quarantine import Quarantine
from tocsin_agent.journal.records import Intent, encode
from tocsin_agent.journal.spool import Spool
from tocsin_shared.executions import Stream
from tocsin_shared.ids import new_id

ID = new_id()


def journal_with(directory: Path) -> Path:
    """A journal that knows one execution; its directory for output."""
    output = directory / OUTPUT_DIR
    output.mkdir(parents=True)
    (directory / "control.log").write_bytes(frames([encode(Intent(ID, 1, "backup", "shell", Moment.now()))]))
    return output


def written(path: Path) -> Spool:
    spool = Spool(path)
    spool.append(2, Stream.STDOUT, 0, b"one")
    spool.append(3, Stream.STDERR, 0, b"two")
    spool.rest()
    return spool


def test_what_a_keeper_says_it_wrote_is_delivered_and_not_more(tmp_path: Path) -> None:
    output = journal_with(tmp_path)
    journal = Journal(tmp_path)
    first = written(output / f"{ID}.out").size
    (output / f"{ID}.out").write_bytes((output / f"{ID}.out").read_bytes() + b"TJ\0")
    before = journal.size_bytes
    journal.output_grew(ID, first, 3)
    entry = journal.entries[ID]
    assert entry.spool is not None
    assert entry.seq == 3
    assert journal.size_bytes >= before + first
    assert [chunk.data for chunk in entry.spool.undelivered(1000)] == [b"one", b"two"]
    journal.close()


def test_half_a_chunk_of_a_living_keeper_is_no_damage_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "x.out"
    size = written(path).size
    path.write_bytes(path.read_bytes() + b"TJ\0\0")
    quarantine = Quarantine(tmp_path / "quarantine")
    spool, newest = Spool.recover(path, quarantine, is_written=True)
    assert (spool.size, newest, spool.is_damaged, quarantine.count) == (size, 3, False, 0)
    assert path.stat().st_size == size + 4


def test_files_of_the_living_and_the_ended_stay_and_those_of_nobody_go(tmp_path: Path) -> None:
    output = journal_with(tmp_path)
    alive, nobody = new_id(), new_id()
    for name in (
        f"{alive}.tail1",
        f"{ID}.end",
        f"{ID}.tail2",
        f"{nobody}.end",
        f"{nobody}.tail1",
        "agent.sock",
    ):
        (output / name).touch()
    Journal(tmp_path, being_written={alive}).close()
    assert {path.name for path in output.iterdir()} == {f"{alive}.tail1", f"{ID}.end"}
