"""What is kept of a stream: the true start and the true end, at their true offsets, in whole characters."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tocsin_agent.runtime import output as output_module
from tocsin_agent.runtime.output import OutputCapture, utf8_cut
from tocsin_shared.executions import Stream
from tocsin_shared.protocol import MAX_CHUNK_BYTES

#: Characters of one, two, three and four bytes.
TEXT = st.text(st.sampled_from("aé€😀\n"), max_size=60)
ANY_BYTES = st.one_of(TEXT.map(str.encode), st.binary(max_size=80))
#: How a stream is cut into reads.
READS = st.lists(st.integers(1, 30), max_size=20)

Sent = list[tuple[int, bytes]]


def cut_up(data: bytes, sizes: list[int]) -> list[bytes]:
    parts, start = [], 0
    for size in sizes:
        parts.append(data[start : start + size])
        start += size
    return [*parts, data[start:]]


def captured(parts: list[bytes], limit: int) -> tuple[Sent, OutputCapture]:
    sent: Sent = []

    def sink(stream: Stream, offset: int, data: bytes) -> None:
        assert stream is Stream.STDOUT
        sent.append((offset, data))

    capture = OutputCapture(limit, sink)
    for part in parts:
        capture.feed(Stream.STDOUT, part)
    capture.close()
    return sent, capture


def kept_bytes(sent: Sent) -> int:
    return sum(len(data) for _, data in sent)


@given(ANY_BYTES, READS, st.integers(-1, 100))
@example("€€".encode(), [2, 1, 2], 4)
def test_what_is_kept_stands_where_it_stood(data: bytes, reads: list[int], limit: int) -> None:
    sent, capture = captured(cut_up(data, reads), limit)
    end = 0
    for offset, chunk in sent:
        assert offset >= end
        assert chunk == data[offset : offset + len(chunk)]
        assert chunk
        end = offset + len(chunk)
    assert capture.total_bytes(Stream.STDOUT) == len(data)


@given(ANY_BYTES, READS, st.integers(-1, 100))
def test_no_more_is_kept_than_the_limit_and_a_gap_is_told(data: bytes, reads: list[int], limit: int) -> None:
    sent, capture = captured(cut_up(data, reads), limit)
    # A character that the middle of the limit cuts is finished: at most three bytes.
    assert kept_bytes(sent) <= max(limit, 0) + 3
    assert capture.truncated(Stream.STDOUT) is (kept_bytes(sent) < len(data))


@given(ANY_BYTES, READS, st.integers(0, 40))
def test_what_fits_is_kept_whole(data: bytes, reads: list[int], room: int) -> None:
    sent, capture = captured(cut_up(data, reads), len(data) + room)
    assert b"".join(chunk for _, chunk in sent) == data
    assert not capture.truncated(Stream.STDOUT)


@given(ANY_BYTES, READS, st.integers(2, 60))
def test_both_ends_are_kept_and_one_gap_is_between_them(data: bytes, reads: list[int], limit: int) -> None:
    sent, capture = captured(cut_up(data, reads), limit)
    if not capture.truncated(Stream.STDOUT):
        return
    gaps, end = [], 0
    for offset, chunk in sent:
        if offset > end:
            gaps.append((end, offset))
        end = offset + len(chunk)
    if end < len(data):
        gaps.append((end, len(data)))
    assert len(gaps) == 1
    start_of_gap, end_of_gap = gaps[0]
    assert start_of_gap >= limit // 2 - 3
    # What is left of a character after a gap is no text and goes with the gap.
    assert len(data) - end_of_gap >= min(limit - limit // 2, len(data)) - 3


@given(TEXT, READS, st.integers(0, 60))
@example("😀😀😀", [3, 3, 3], 5)
def test_text_is_never_cut_inside_a_character(text: str, reads: list[int], limit: int) -> None:
    sent, _ = captured(cut_up(text.encode(), reads), limit)
    for _, chunk in sent:
        chunk.decode()


@given(TEXT, READS, st.integers(0, 60))
def test_how_the_stream_was_read_does_not_matter(text: str, reads: list[int], limit: int) -> None:
    def joined(sent: Sent) -> list[tuple[int, bytes]]:
        whole: list[tuple[int, bytes]] = []
        for offset, chunk in sent:
            if whole and whole[-1][0] + len(whole[-1][1]) == offset:
                whole[-1] = (whole[-1][0], whole[-1][1] + chunk)
            else:
                whole.append((offset, chunk))
        return whole

    data = text.encode()
    at_once, bytewise, in_parts = (
        captured(parts, limit)[0]
        for parts in ([data], [data[i : i + 1] for i in range(len(data))], cut_up(data, reads))
    )
    assert joined(at_once) == joined(bytewise) == joined(in_parts)


def test_the_start_is_handed_over_at_once() -> None:
    sent: Sent = []
    capture = OutputCapture(100, lambda _, offset, data: sent.append((offset, data)))
    capture.feed(Stream.STDOUT, b"hello ")
    assert sent == [(0, b"hello ")]
    capture.feed(Stream.STDOUT, b"world")
    assert sent == [(0, b"hello "), (6, b"world")]


def test_half_a_character_waits_for_its_rest() -> None:
    sent: Sent = []
    capture = OutputCapture(100, lambda _, offset, data: sent.append((offset, data)))
    euro = "€".encode()
    capture.feed(Stream.STDOUT, b"a" + euro[:2])
    assert sent == [(0, b"a")]
    capture.feed(Stream.STDOUT, euro[2:])
    assert sent == [(0, b"a"), (1, euro)]


def test_half_a_character_at_the_very_end_is_not_lost() -> None:
    sent, _ = captured([b"a" + "€".encode()[:2]], 100)
    assert b"".join(chunk for _, chunk in sent) == b"a\xe2\x82"


def test_the_streams_have_their_own_limits_and_counts() -> None:
    sent: dict[Stream, bytes] = {Stream.STDOUT: b"", Stream.STDERR: b""}

    def sink(stream: Stream, offset: int, data: bytes) -> None:
        sent[stream] += data

    capture = OutputCapture(10, sink)
    capture.feed(Stream.STDOUT, b"o" * 100)
    capture.feed(Stream.STDERR, b"e" * 3)
    capture.close()
    assert sent == {Stream.STDOUT: b"o" * 10, Stream.STDERR: b"eee"}
    assert capture.truncated(Stream.STDOUT)
    assert not capture.truncated(Stream.STDERR)
    assert capture.total_bytes(Stream.STDOUT) == 100


def test_the_first_and_the_last_lines_of_a_long_output_are_kept() -> None:
    lines = b"".join(b"line %05d\n" % i for i in range(10_000))
    sent, _ = captured(cut_up(lines, [4096] * 30), 1_000)
    assert sent[0] == (0, lines[:500])
    assert sent[-1] == (len(lines) - 500, lines[-500:])


def test_a_big_read_is_sent_in_chunks_that_fit_an_event() -> None:
    data = "€".encode() * MAX_CHUNK_BYTES
    sent, _ = captured([data], 10 * len(data))
    assert all(0 < len(chunk) <= MAX_CHUNK_BYTES for _, chunk in sent)
    assert b"".join(chunk for _, chunk in sent) == data
    for _, chunk in sent:
        chunk.decode()


def test_a_long_run_of_bytes_that_are_no_text_moves_on() -> None:
    data = b"\xf0" * (3 * MAX_CHUNK_BYTES)
    sent, _ = captured([data], 10 * len(data))
    assert b"".join(chunk for _, chunk in sent) == data


def test_after_closing_nothing_is_taken() -> None:
    sent: Sent = []
    capture = OutputCapture(10, lambda _, offset, data: sent.append((offset, data)))
    capture.close()
    capture.feed(Stream.STDOUT, b"late")
    capture.close()
    assert (sent, capture.total_bytes(Stream.STDOUT)) == ([], 0)


def test_tiny_writes_do_not_cost_an_object_each() -> None:
    capture = OutputCapture(200_000, lambda *_: None)
    for _ in range(150_000):
        capture.feed(Stream.STDOUT, b"x")
    tail = capture._streams[Stream.STDOUT]._tail
    assert len(tail) <= 50_000 // output_module._JOIN_BYTES + 1


@given(st.binary(max_size=20), st.data())
def test_a_cut_takes_back_three_bytes_at_most(data: bytes, draw: st.DataObject) -> None:
    end = draw.draw(st.integers(0, len(data)))
    cut = utf8_cut(data, end)
    assert max(0, end - 3) <= cut <= end


@pytest.mark.parametrize("character", ["a", "é", "€", "😀"])
def test_a_cut_keeps_whole_characters(character: str) -> None:
    data = b"x" + character.encode()
    assert utf8_cut(data, len(data)) == len(data)
    for missing in range(1, len(character.encode())):
        assert utf8_cut(data, len(data) - missing) == 1
