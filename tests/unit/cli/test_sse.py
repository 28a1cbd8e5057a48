"""The parser of server-sent events."""

import doctest
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tocsin_cli.sse
from tocsin_cli.sse import EventParser, ServerEvent


def parse(*chunks: bytes) -> list[ServerEvent]:
    """All events of a stream that came in these chunks."""
    parser = EventParser()
    return [event for chunk in chunks for event in parser.feed(chunk)]


def test_an_event_has_data_a_name_and_an_id() -> None:
    assert parse(b"id: 3\nevent: done\ndata: {}\n\n") == [ServerEvent("{}", "done", "3")]


def test_the_id_stays_until_the_server_sends_another() -> None:
    assert [e.last_id for e in parse(b"id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n")] == ["1", "1", ""]


def test_the_name_does_not_stay() -> None:
    assert [e.event for e in parse(b"event: x\ndata: a\n\ndata: b\n\n")] == ["x", "message"]


def test_several_data_lines_are_joined() -> None:
    assert parse(b"data: a\ndata:  b\ndata\n\n") == [ServerEvent("a\n b\n")]


def test_an_empty_line_of_output_is_an_event_too() -> None:
    assert parse(b"data: \n\ndata:\n\n") == [ServerEvent(""), ServerEvent("")]


def test_comments_and_unknown_fields_are_nothing() -> None:
    assert parse(b": ping\n\nfoo: bar\n\ndata: a\n: x\n\n") == [ServerEvent("a")]


def test_an_event_that_was_cut_off_is_not_given() -> None:
    assert parse(b"data: a\n\ndata: b\n") == [ServerEvent("a")]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_any_line_end_will_do(end: bytes) -> None:
    # The last CR is held back in case a LF follows; the comment makes it clear that none does.
    assert parse(b"data: a" + end + b"data: b" + end + end + b":") == [ServerEvent("a\nb")]


def test_a_byte_order_mark_is_skipped() -> None:
    assert parse(b"\xef\xbb\xbfdata: a\n\n") == [ServerEvent("a")]


def test_an_id_with_nul_is_ignored() -> None:
    assert parse(b"id: a\0b\ndata: x\n\n") == [ServerEvent("x")]


def test_the_server_sets_the_pause_before_the_next_try() -> None:
    parser = EventParser()
    list(parser.feed(b"retry: 1500\n\nretry: soon\n\n"))
    assert parser.retry_secs == 1.5


STREAM = "id: 1\r\ndata: Größe ✓\r\n\r\nevent: done\ndata: {}\n\n: ping\r\rdata: a\rdata: b\r\rdata: é\n\n".encode()


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_it_does_not_matter_where_the_network_cuts(cuts: list[int]) -> None:
    borders = [0, *sorted(cuts), len(STREAM)]
    chunks = [STREAM[a:b] for a, b in pairwise(borders)]
    assert parse(*chunks) == parse(STREAM)


def test_byte_by_byte_gives_the_same() -> None:
    assert parse(*(bytes([byte]) for byte in STREAM)) == parse(STREAM)


def test_the_example_is_true() -> None:
    assert doctest.testmod(tocsin_cli.sse).failed == 0
