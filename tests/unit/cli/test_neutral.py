"""What a job wrote can't take over the terminal."""

from hypothesis import given
from hypothesis import strategies as st

from tocsin_cli.output.neutral import terminal_line, visible, visible_lines


def test_control_characters_become_visible() -> None:
    assert visible("a\x1b]0;title\x07\r\n\x7f\x9b\u202e") == "a^[]0;title^G^M^J^?\\x9b<U+202E>"


def test_letters_of_all_scripts_stay() -> None:
    assert visible("Größe ✓ 日本 שלום") == "Größe ✓ 日本 שלום"


def test_line_ends_and_tabs_of_longer_texts_stay() -> None:
    assert visible_lines("a\r\nb\tc\x1b[2J\n") == "a\nb\tc^[[2J\n"


def test_colours_pass_on_a_terminal_and_nothing_else_does() -> None:
    line = "\x1b[1;31mred\x1b[0m\x1b[2J\x1b]52;c;ZXZpbA==\x07\tx\r"
    assert terminal_line(line, colour=True) == "\x1b[1;31mred\x1b[0m^[[2J^[]52;c;ZXZpbA==^G\tx"


def test_without_colour_even_they_are_left_out() -> None:
    assert terminal_line("\x1b[31mred\x1b[0m", colour=False) == "red"


@given(st.text())
def test_no_escape_survives_but_colours(text: str) -> None:
    shown = terminal_line(text, colour=True)
    assert all(part.partition("m")[1] and set(part.partition("m")[0]) <= set("[0123456789;:") for part in
               shown.split("\x1b")[1:])  # fmt: skip
    assert "\x1b" not in visible(text)
