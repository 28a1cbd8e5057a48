"""Records in a file: what was written is read back, damage is noticed and never believed."""

import zlib

from hypothesis import given
from hypothesis import strategies as st

from tocsin_agent.journal.framing import HEADER_BYTES, MAGIC, MAX_PAYLOAD_BYTES, frame, frames, read_one, scan

#: Payloads that now and then hold what looks like the start of a record.
PAYLOADS = st.lists(
    st.one_of(st.binary(max_size=40), st.just(MAGIC), st.just(frame(b"inner")[:9])), max_size=8
)


@given(PAYLOADS)
def test_everything_written_is_read_back(payloads: list[bytes]) -> None:
    data = frames(payloads)
    found = scan(data)
    assert found.payloads == payloads
    assert (found.good_end, found.torn_bytes, found.damaged) == (len(data), 0, [])
    assert found.ends == [len(frames(payloads[: i + 1])) for i in range(len(payloads))]


@given(PAYLOADS, st.binary(max_size=40), st.data())
def test_a_record_cut_short_is_a_torn_tail(payloads: list[bytes], last: bytes, data: st.DataObject) -> None:
    whole = frames(payloads)
    kept = data.draw(st.integers(0, HEADER_BYTES + len(last) - 1))
    found = scan(whole + frame(last)[:kept])
    assert found.payloads == payloads
    assert (found.good_end, found.torn_bytes) == (len(whole), kept)


@given(st.lists(st.binary(max_size=40), min_size=2, max_size=6), st.data())
def test_a_flipped_bit_costs_one_record_and_no_more(payloads: list[bytes], data: st.DataObject) -> None:
    hurt = data.draw(st.integers(0, len(payloads) - 2))
    start = len(frames(payloads[:hurt]))
    end = len(frames(payloads[: hurt + 1]))
    content = bytearray(frames(payloads))
    content[data.draw(st.integers(start, end - 1))] ^= 1 << data.draw(st.integers(0, 7))
    found = scan(bytes(content))
    assert found.payloads == payloads[:hurt] + payloads[hurt + 1 :]
    assert found.damaged == [(start, end)]
    assert found.torn_bytes == 0


@given(st.binary(max_size=200))
def test_noise_is_no_record(noise: bytes) -> None:
    found = scan(noise)
    assert all(frame(payload) in noise for payload in found.payloads)
    assert found.good_end + found.torn_bytes == len(noise)


def test_nothing_holds_nothing() -> None:
    found = scan(b"")
    assert (found.payloads, found.good_end, found.torn_bytes) == ([], 0, 0)


def test_damage_at_the_start_does_not_hide_the_rest() -> None:
    found = scan(b"\0" * 50 + frame(b"still here"))
    assert found.payloads == [b"still here"]
    assert found.damaged == [(0, 50)]


def test_a_length_beyond_reason_is_damage() -> None:
    content = MAGIC + (MAX_PAYLOAD_BYTES + 1).to_bytes(4, "big") + zlib.crc32(b"").to_bytes(4, "big")
    assert read_one(content + bytes(MAX_PAYLOAD_BYTES + 1), 0) is None


def test_the_longest_payload_fits() -> None:
    payload = bytes(MAX_PAYLOAD_BYTES)
    assert read_one(frame(payload), 0) == (payload, HEADER_BYTES + len(payload))


def test_reading_one_says_where_the_next_stands() -> None:
    data = frames([b"a", b"bb"])
    first = read_one(data, 0)
    assert first is not None
    assert read_one(data, first[1]) == (b"bb", len(data))
    assert read_one(data, len(data)) is None
