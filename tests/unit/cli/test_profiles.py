"""The file of profiles."""

from pathlib import Path

import pytest
from tests.unit.cli.conftest import Run

from tocsin_cli.failures import Failure
from tocsin_cli.profiles import Profile, Profiles, load_profiles, save_profiles


def test_what_is_saved_is_loaded_again(tmp_path: Path) -> None:
    profiles = Profiles("b", {"a": Profile("http://a"), "b": Profile("http://b", 'k"\\\x07é', "/ca")})
    save_profiles(tmp_path / "new" / "p.toml", profiles)
    assert load_profiles(tmp_path / "new" / "p.toml") == profiles


def test_only_the_owner_can_read_the_file(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text("")
    path.chmod(0o644)
    save_profiles(path, Profiles())
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_no_file_is_an_empty_one(tmp_path: Path) -> None:
    assert load_profiles(tmp_path / "none.toml") == Profiles()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[a", "p.toml"),
        ("current = 5", "current"),
        ("url = 'x'", "does not belong at the top"),
        ("[a]\nuri = 'x'", "'uri' is not known"),
        ("[a]\nkey = 5", "must be text"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_with_the_reason(
    tmp_path: Path, text: str, reason: str
) -> None:
    (tmp_path / "p.toml").write_text(text)
    with pytest.raises(Failure, match=reason):
        load_profiles(tmp_path / "p.toml")


def test_profiles_are_set_listed_and_chosen(tocsin: Run, home: Path) -> None:
    assert tocsin("profile", "set", "dev", "--url", "http://dev").exit_code == 0
    (home / "key").write_text("k1")
    assert (
        tocsin("profile", "set", "prod", "--url", "https://prod", "--key-file", str(home / "key")).exit_code
        == 0
    )
    assert tocsin("profile", "use", "prod").exit_code == 0
    saved = load_profiles(home / ".config/tocsin/profiles.toml")
    assert saved == Profiles("prod", {"dev": Profile("http://dev"), "prod": Profile("https://prod", "k1")})
    listed = tocsin("profile", "ls").stdout
    assert "https://prod" in listed
    assert "k1" not in listed


def test_a_change_keeps_what_is_not_given(tocsin: Run, home: Path) -> None:
    tocsin("profile", "set", "dev", "--url", "http://dev", "--key", "k1")
    tocsin("profile", "set", "dev", "--url", "http://dev2")
    assert load_profiles(home / ".config/tocsin/profiles.toml").by_name["dev"] == Profile("http://dev2", "k1")


def test_an_open_file_is_warned_about(tocsin: Run, home: Path) -> None:
    tocsin("profile", "set", "dev", "--url", "http://127.0.0.1:1", "--key", "k1")
    (home / ".config/tocsin/profiles.toml").chmod(0o644)
    assert "chmod 600" in tocsin("health").stderr
