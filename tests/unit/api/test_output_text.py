from tocsin_controller.services.output_text import whole_text


def test_chunks_are_put_together() -> None:
    assert whole_text([(0, b"ab"), (2, b"cd\n")]) == "abcd\n"


def test_a_character_across_two_chunks_stays_whole() -> None:
    assert whole_text([(0, b"\xc3"), (1, b"\xa9")]) == "é"


def test_a_gap_is_marked_on_a_line_of_its_own() -> None:
    assert whole_text([(0, b"head\n"), (1005, b"tail\n")]) == "head\n[... 1000 bytes omitted ...]\ntail\n"
    assert whole_text([(0, b"head"), (1004, b"tail")]) == "head\n[... 1000 bytes omitted ...]\ntail"


def test_an_end_that_is_missing_is_marked() -> None:
    assert whole_text([(0, b"a\n")], 12) == "a\n[... 10 bytes omitted ...]\n"


def test_overlaps_add_nothing() -> None:
    assert whole_text([(0, b"abc"), (1, b"bcd")]) == "abcd"


def test_nothing_is_nothing() -> None:
    assert whole_text([]) == ""
