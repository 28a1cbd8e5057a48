"""Roots, ways, what is topmost and the critical path, of any graph without circles."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tocsin_controller.workflow.graph import critical_path, find_path, roots, topmost

Graph = tuple[dict[int, float], list[tuple[int, int]]]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Nodes with what they took; edges lead from lower to higher numbers, so there are no circles."""
    took = draw(st.dictionaries(st.integers(0, 8), st.integers(0, 50).map(float), min_size=1))
    pairs = [(a, b) for a in sorted(took) for b in sorted(took) if a < b]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    return took, edges


def every_path(took: dict[int, float], edges: list[tuple[int, int]]) -> list[list[int]]:
    paths = [[node] for node in took]
    for path in paths:
        paths += [[*path, child] for parent, child in edges if parent == path[-1]]
    return paths


@given(graphs())
def test_roots_wait_for_none_of_the_others(graph: Graph) -> None:
    took, edges = graph
    children = {child for _, child in edges}
    assert roots(took, edges) == set(took) - children
    assert roots(took, edges)


def test_what_waits_only_for_jobs_outside_is_a_root() -> None:
    assert roots({1, 2}, [(9, 1), (1, 2)]) == {1}


@given(graphs())
def test_the_critical_path_is_the_longest_of_all(graph: Graph) -> None:
    took, edges = graph
    path, secs = critical_path(took, edges)
    assert secs == sum(took[node] for node in path)
    assert all(edge in edges for edge in pairwise(path))
    assert secs == max(sum(took[node] for node in one) for one in every_path(took, edges))


def test_the_critical_path_of_nothing_is_empty() -> None:
    assert critical_path({}, [(1, 2)]) == ([], 0.0)


@given(graphs(), st.data())
def test_a_way_is_found_exactly_when_there_is_one(graph: Graph, data: st.DataObject) -> None:
    took, edges = graph
    start, end = (data.draw(st.sampled_from(sorted(took))) for _ in range(2))
    path = find_path(edges, start, end)
    exists = any(one[0] == start and one[-1] == end for one in every_path(took, edges))
    assert (path is not None) == exists
    if path is not None:
        assert (path[0], path[-1]) == (start, end)
        assert all(edge in edges for edge in pairwise(path))


@given(graphs(), st.data())
def test_the_topmost_are_below_none_of_the_given(graph: Graph, data: st.DataObject) -> None:
    took, edges = graph
    given_nodes = data.draw(st.sets(st.sampled_from(sorted(took))))
    top = topmost(given_nodes, edges)
    assert top <= given_nodes
    for node in given_nodes:
        is_below = any(find_path(edges, other, node) for other in given_nodes - {node})
        assert (node in top) == (not is_below)
