"""Lengths of time and sizes, read and written."""

import pytest

from tocsin_cli.durations import format_age, format_bytes, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "secs"), [("90", 90), ("90s", 90), ("5m", 300), ("1h30m", 5400), ("2d", 172_800), (" 1H ", 3600)]
)
def test_a_duration_is_read(text: str, secs: int) -> None:
    assert parse_duration(text) == secs


@pytest.mark.parametrize("text", ["", "m", "5 m", "1.5h", "-5", "5w", "٣"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("secs", "text"),
    [
        (0, "0.00s"), (0.319, "0.31s"), (4.29, "4.2s"), (59.99, "59s"), (60, "1m 00s"), (125, "2m 05s"),
        (3599, "59m 59s"), (3600, "1h 00m"), (12_000, "3h 20m"), (86_400, "1d 0h"), (371_000, "4d 7h"), (-3, "0.00s"),
    ],
)  # fmt: skip
def test_a_duration_is_written_in_at_most_two_units(secs: float, text: str) -> None:
    assert format_duration(secs) == text


@pytest.mark.parametrize(
    ("secs", "text"),
    [
        (0.4, "just now"), (-0.4, "just now"), (12, "12s ago"), (60, "1m ago"), (7199, "119m ago"), (7200, "2h ago"),
        (172_799, "47h ago"), (172_800, "2d ago"), (-90, "in 1m"), (-604_800, "in 7d"),
    ],
)  # fmt: skip
def test_an_age_is_one_unit(secs: float, text: str) -> None:
    assert format_age(secs) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (230 * 1024**2, "230 MiB"), (5 * 1024**5, "5120 TiB")],
)
def test_sizes_are_binary(count: int, text: str) -> None:
    assert format_bytes(count) == text
