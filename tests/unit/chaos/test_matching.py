"""The matcher finds as many hits as any assignment could."""

from functools import cache

from hypothesis import given
from hypothesis import strategies as st
from tests.chaos.matching import Window, match

WINDOWS = st.lists(
    st.builds(lambda a, n: Window(a, a + n), st.integers(0, 20), st.integers(0, 8)), max_size=8
)


def most_hits(windows: list[Window], starts: list[int]) -> int:
    """Exact, by trying every assignment."""

    @cache
    def best(k: int, used: int) -> int:
        if k == len(windows):
            return 0
        hits = best(k + 1, used)
        for i, start in enumerate(starts):
            if not used >> i & 1 and windows[k].opens <= start <= windows[k].closes:
                hits = max(hits, 1 + best(k + 1, used | 1 << i))
        return hits

    return best(0, 0)


@given(WINDOWS, st.lists(st.integers(0, 30), max_size=8))
def test_no_assignment_hits_more_windows(windows: list[Window], starts: list[int]) -> None:
    found = match(windows, starts)
    hits = len(windows) - len(found.missed)
    assert hits == most_hits(windows, starts)
    assert hits == len(starts) - len(found.extra)


def test_all_windows_hit_and_one_run_too_many() -> None:
    assert match([Window(0, 5), Window(10, 15)], [1, 11, 12]) == ([], [2])


def test_a_window_without_a_run_is_missed() -> None:
    assert match([Window(0, 5), Window(10, 15), Window(20, 25)], [1, 21]) == ([1], [])


def test_a_run_goes_to_the_window_that_closes_first() -> None:
    assert match([Window(0, 100), Window(0, 3)], [2, 50]) == ([], [])
