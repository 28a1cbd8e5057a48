"""Tables for pipes and for terminals."""

import io

from hypothesis import given
from hypothesis import strategies as st

from tocsin_cli.output.fitting import fit_columns, least_width
from tocsin_cli.output.plain import plain_fields, plain_table
from tocsin_cli.output.printer import console_for
from tocsin_cli.output.rich_view import rich_fields, rich_table
from tocsin_cli.output.short_ids import shortener
from tocsin_cli.output.table import Column, Fields, Styled, Table

LONG = "x" * 300


def table() -> Table:
    """Two rows, one of them longer than any terminal."""
    shown = Table([Column("Name", is_kept=True), Column("Count", is_number=True), Column("Words")])
    shown.add("a", "1", LONG)
    shown.add("long name", Styled("100", "red"), "\x1b[2Jb")
    return shown


def drawn(view: object, width: int) -> str:
    """As a terminal of that width shows it, without colours."""
    file = io.StringIO()
    console = console_for(file, colour=False)
    console.width = width
    console.print(view)
    return file.getvalue()


def test_pipes_get_whole_columns_without_lines_or_colours() -> None:
    assert plain_table(table()).splitlines() == [
        "NAME       COUNT  WORDS",
        f"a              1  {LONG}",
        "long name    100  ^[[2Jb",
    ]


def test_terminals_get_what_fits() -> None:
    lines = drawn(rich_table(table(), 60), 60).splitlines()
    assert all(len(line) <= 60 for line in lines)
    assert "…" in "".join(lines)
    assert any("long name" in line for line in lines)
    assert "\x1b" not in "".join(lines)


def test_numbers_and_kept_columns_are_never_shortened() -> None:
    lines = drawn(rich_table(table(), 30), 30).splitlines()
    assert [line.split()[:2] for line in lines] == [["Name", "Count"], ["a", "1"], ["long", "name"]]
    assert "100" in lines[2]


@given(
    st.lists(st.tuples(st.integers(1, 200), st.booleans()), min_size=1, max_size=10),
    st.integers(10, 300),
)
def test_columns_fit_when_that_is_possible(columns: list[tuple[int, bool]], available: int) -> None:
    widths, kept = [width for width, _ in columns], [is_kept for _, is_kept in columns]
    fitted = fit_columns(widths, kept, available)
    assert sum(fitted) <= max(available, least_width(widths, kept))
    assert all(
        now == was or (not is_kept and now < was)
        for now, was, is_kept in zip(fitted, widths, kept, strict=True)
    )
    if sum(widths) <= available:
        assert fitted == widths


def test_extra_columns_go_before_the_others_become_useless() -> None:
    shown = Table([Column("Name"), Column("Host", is_extra=True), Column("Status")])
    shown.add("a" * 20, "b" * 20, "c" * 20)
    assert [line.split() for line in drawn(rich_table(shown, 20), 20).splitlines()] == [
        ["Name", "Status"],
        ["a" * 8 + "…", "c" * 8 + "…"],
    ]


def test_markup_in_names_is_only_text() -> None:
    shown = Table([Column("Name")])
    shown.add("[bold]:smile:[/bold]")
    assert "[bold]:smile:[/bold]" in drawn(rich_table(shown, 60), 60)


def test_fields_are_indented_below_each_other() -> None:
    fields: Fields = [("Id", "1"), ("Command", "a\nb")]
    assert plain_fields(fields) == "Id:       1\nCommand:  a\n          b\n"
    assert [line.rstrip() for line in drawn(rich_fields(fields), 40).splitlines()] == [
        "Id       1",
        "Command  a",
        "         b",
    ]


def test_ids_are_cut_as_far_as_they_still_differ() -> None:
    a, b = "01994c2e-5a7b-7001-8000-000000000001", "01994c2e-5a7b-7002-8000-000000000001"
    assert shortener([a, a]) == 13
    assert shortener([a, b]) == 18
    assert shortener([a, a[:-1] + "2"]) == 36
    assert shortener([]) == 13
