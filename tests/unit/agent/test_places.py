"""Where a file is: found once, and never through a link that somebody puts there in between."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tocsin_agent.policy.decisions import Refused
from tocsin_agent.policy.files import judge_reading, judge_writing
from tocsin_agent.policy.paths import Directories
from tocsin_agent.tasks.driving import TaskFailed
from tocsin_agent.tasks.local import Draft, Place, open_for_reading, place_of
from tocsin_agent.tasks.local.errors import file_failed
from tocsin_agent.tasks.local.places import Judge
from tocsin_shared.executions import Reason


def anywhere(_path: Path) -> None:
    pass


def meanwhile(change: Callable[[], object]) -> Judge:
    """Somebody else acts between the look at a path and its use."""

    def judge(_path: Path) -> None:
        change()

    return judge


def written(place: Place, content: bytes = b"data") -> None:
    draft = Draft(place, f"{place.name}.part-1")
    try:
        draft.write(content)
        draft.publish()
    finally:
        draft.close()
        place.close()


def test_links_to_directories_are_followed_when_they_are_there_before(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    place = place_of(f"{tmp_path}/link/../link/file", anywhere)
    assert place.path == tmp_path / "real" / "file"
    written(place)
    assert (tmp_path / "real" / "file").read_bytes() == b"data"


def test_a_directory_that_becomes_a_link_leads_nowhere(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()

    def swap() -> None:
        inside.rmdir()
        inside.symlink_to(outside)

    with pytest.raises(TaskFailed, match="symbolic link that was put there meanwhile"):
        place_of(f"{inside}/file", meanwhile(swap), make_parents=True)
    assert list(outside.iterdir()) == []


def test_a_file_that_becomes_a_link_is_not_read(tmp_path: Path) -> None:
    secret, file = tmp_path / "secret", tmp_path / "file"
    secret.write_text("secret")
    file.touch()

    def swap() -> None:
        file.unlink()
        file.symlink_to(secret)

    with pytest.raises(TaskFailed, match="symbolic link"):
        open_for_reading(str(file), meanwhile(swap))


def test_a_link_out_of_the_allowed_directories_is_refused(tmp_path: Path) -> None:
    allowed, other = tmp_path / "allowed", tmp_path / "other"
    allowed.mkdir()
    other.mkdir()
    (other / "file").touch()
    (allowed / "link").symlink_to(other)
    directories = Directories(read=(allowed,), write=(allowed,))
    with pytest.raises(Refused, match=r"directories\.write"):
        place_of(f"{allowed}/link/file", judge_writing(directories))
    with pytest.raises(Refused, match=r"directories\.read"):
        open_for_reading(f"{allowed}/link/file", judge_reading(directories))
    place_of(f"{allowed}/file", judge_writing(directories)).close()


def test_only_plain_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(TaskFailed, match="is no plain file"):
            open_for_reading(str(path), anywhere)


def test_a_partial_that_somebody_else_prepared_is_not_continued(tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"bait")
    (tmp_path / "x.part-1").hardlink_to(tmp_path / "mine")
    place = place_of(f"{tmp_path}/x", anywhere)
    with pytest.raises(TaskFailed, match="not what an earlier attempt left"):
        Draft(place, "x.part-1", goes_on=True)
    place.close()


def test_a_draft_is_nobody_elses_to_read_before_it_is_whole(tmp_path: Path) -> None:
    place = place_of(f"{tmp_path}/x", anywhere)
    draft = Draft(place, "x.part-1")
    assert (tmp_path / "x.part-1").stat().st_mode & 0o777 == 0o600
    draft.publish(mode=0o644)
    draft.close()
    place.close()
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o644


def test_what_was_not_published_is_removed(tmp_path: Path) -> None:
    place = place_of(f"{tmp_path}/x", anywhere)
    Draft(place, "x.part-1").close()
    place.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "The disk is full: /srv/x could not be written."),
        (errno.EDQUOT, "The disk quota is used up"),
        (errno.EROFS, "read-only"),
        (errno.EIO, "It was not possible to write /srv/x."),
    ],
)
def test_errors_of_the_disk_are_sentences(number: int, words: str) -> None:
    failure = file_failed("write", "/srv/x", OSError(number, os.strerror(number)))
    assert failure.reason is Reason.FILE_ERROR
    assert words in failure.message
