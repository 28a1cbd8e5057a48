from hypothesis import given
from hypothesis import strategies as st

from tocsin_controller.services.output_lines import MAX_LINE_BYTES, LineCutter, parse_position

STDOUT, STDERR = 1, 2

Chunk = tuple[int, int, bytes]


def lines_of(chunks: list[Chunk], position: str | None = None) -> list[tuple[str, str]]:
    """What a reader sees who starts at this position."""
    cutter = LineCutter(position)
    seen: list[tuple[str, str]] = []
    for stream, offset, data in chunks:
        starts_at = cutter.read[stream - 1]
        if offset + len(data) > starts_at:
            seen += cutter.feed(stream, offset, data)
    return seen + list(cutter.finish())


def texts(chunks: list[Chunk]) -> list[str]:
    return [line for line, _ in lines_of(chunks)]


def test_a_line_is_shown_once_it_has_an_end() -> None:
    cutter = LineCutter()
    assert list(cutter.feed(STDOUT, 0, b"hel")) == []
    assert list(cutter.feed(STDOUT, 3, b"lo\nwor")) == [("hello", "6-0")]
    assert list(cutter.finish()) == [("wor", "9-0")]


def test_lines_of_stderr_are_marked() -> None:
    assert texts([(STDERR, 0, b"oops\n")]) == ["[stderr] oops"]


def test_a_gap_is_a_line_of_its_own() -> None:
    assert texts([(STDOUT, 0, b"a\nbc"), (STDOUT, 100, b"d\n")]) == [
        "a",
        "bc",
        "[... 96 bytes omitted ...]",
        "d",
    ]


def test_a_chunk_that_comes_twice_adds_nothing() -> None:
    assert texts([(STDOUT, 0, b"a\nb\n"), (STDOUT, 0, b"a\nb\n"), (STDOUT, 2, b"b\nc\n")]) == ["a", "b", "c"]


def test_empty_lines_count() -> None:
    assert texts([(STDOUT, 0, b"\n\na\n")]) == ["", "", "a"]


def test_a_long_line_comes_in_pieces_cut_between_characters() -> None:
    text = "é" * MAX_LINE_BYTES
    pieces = texts([(STDOUT, 0, b"x" + text.encode() + b"\n")])
    assert "".join(pieces) == "x" + text
    assert all(len(piece.encode()) <= MAX_LINE_BYTES for piece in pieces)


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert texts([(STDOUT, 0, b"\xff\xfe\n")]) == ["\ufffd\ufffd"]


def test_anything_but_a_position_means_the_start() -> None:
    for odd in (None, "", "-", "1", "1-", "a-b", "-1-2", "1-2-3", "²-1", "9" * 30 + "-0"):
        assert parse_position(odd) == (0, 0)
    assert parse_position("12-34") == (12, 34)


@st.composite
def outputs(draw: st.DrawFn) -> list[Chunk]:
    """Chunks of both streams in the order in which an agent sends them, with gaps."""
    offsets = {STDOUT: 0, STDERR: 0}
    chunks: list[Chunk] = []
    for _ in range(draw(st.integers(0, 12))):
        stream = draw(st.sampled_from([STDOUT, STDERR]))
        offsets[stream] += draw(st.sampled_from([0, 0, 0, 7]))
        data = draw(st.text("ab\né\r", min_size=1, max_size=12)).encode()
        chunks.append((stream, offsets[stream], data))
        offsets[stream] += len(data)
    return chunks


@given(outputs())
def test_a_reader_goes_on_exactly_after_the_line_it_saw_last(chunks: list[Chunk]) -> None:
    whole = lines_of(chunks)
    for seen in range(len(whole)):
        again = lines_of(chunks, whole[seen][1])
        # With both streams at once the rest may be interleaved otherwise; per stream it is the same.
        for is_stderr in (False, True):
            rest = [t for t, _ in whole[seen + 1 :] if t.startswith("[stderr] ") is is_stderr]
            assert [t for t, _ in again if t.startswith("[stderr] ") is is_stderr] == rest
