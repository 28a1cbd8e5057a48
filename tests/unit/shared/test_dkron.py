"""What both readers of Dkron's jobs take from one place: durations, and words without a shell."""

import pytest

from tocsin_shared.dkron.executors import parse_size, read_executor, split_words
from tocsin_shared.go_durations import parse_duration, write_duration


def test_durations_as_go_reads_them() -> None:
    assert parse_duration("1h2m3.5s") == 3723.5
    assert (parse_duration("-1s"), parse_duration("0"), parse_duration("100ms")) == (-1, 0, 0.1)
    assert (parse_duration("+.5s"), parse_duration("5.m")) == (0.5, 300)
    assert write_duration(5400) == "1h30m"


@pytest.mark.parametrize("text", ["", "5", "5 minutes", "--1s", "+-1s", "-", "٣s", "1s" * 100, "1m1"])
def test_what_go_does_not_read(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("command", "words", "dropped"),
    [
        ("echo 'a;b' $HOME", ["echo", "a;b", "$HOME"], ""),
        ("report 2>/dev/null", ["report"], ">/dev/null"),
        ("report2>/dev/null", ["report2"], ">/dev/null"),
        ("report 2 >/dev/null", ["report", "2"], ">/dev/null"),
        ("tail -n 2| sort", ["tail", "-n", "2"], "| sort"),
        ("; echo", [], "; echo"),
    ],
)
def test_words_end_at_the_first_operator(command: str, words: list[str], dropped: str) -> None:
    assert split_words(command) == (words, dropped)


def test_settings_mean_what_they_mean_in_dkron() -> None:
    shell = read_executor(
        "shell", "j", {"command": "a | b", "shell": "1", "env": "A=1, B=2,C", "timeout": "0s"}
    )
    assert shell == {
        "task": {
            "type": "shell",
            "command": "a | b",
            "env": {"A": "1", "B": "2", "ENV_JOB_NAME": "j"},
        }
    }
    assert read_executor("http", "j", {"method": "GET", "url": "http://h"})["timeout_secs"] == 30
    with pytest.raises(ValueError, match="grpc: "):
        read_executor("grpc", "j", {"url": "h:1/a.B/C", "expectCode": "0,5"})
    with pytest.raises(ValueError, match="http: its settings nest"):
        read_executor("http", "j", {"method": "GET", "url": "http://h", "headers": "[" * 100_000})
    assert (parse_size("1.5 KB"), parse_size("2G")) == (1536, 2 * 1024**3)
    with pytest.raises(ValueError, match="no size"):
        parse_size("0")
