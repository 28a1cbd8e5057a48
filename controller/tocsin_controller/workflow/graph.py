"""Jobs and what they wait for, as a graph: roots, what is topmost, ways (and so cycles), the critical path. Pure.

An edge goes from the job that must end to the one that waits for it.
"""

from collections import defaultdict, deque
from collections.abc import Collection, Hashable, Iterable, Mapping
from typing import TypeVar

T = TypeVar("T", bound=Hashable)

Edge = tuple[T, T]


def roots(nodes: Collection[T], edges: Iterable[Edge[T]]) -> set[T]:
    """The nodes that wait for none of the others."""
    inside = set(nodes)
    return inside - {child for parent, child in edges if parent in inside}


def topmost(nodes: Collection[T], edges: Collection[Edge[T]]) -> set[T]:
    """Those of the given nodes that are below no other of them, however far up."""
    children = _children(edges)
    below: set[T] = set()
    todo = deque(nodes)
    while todo:
        for child in children.get(todo.popleft(), ()):
            if child not in below:
                below.add(child)
                todo.append(child)
    return set(nodes) - below


def find_path(edges: Iterable[Edge[T]], start: T, end: T) -> list[T] | None:
    """A shortest way along the edges, both ends included; None when there is none."""
    children = _children(edges)
    came_from: dict[T, T | None] = {start: None}
    todo = deque([start])
    while todo:
        node = todo.popleft()
        if node == end:
            path = [node]
            while (before := came_from[path[-1]]) is not None:
                path.append(before)
            return path[::-1]
        for child in children.get(node, ()):
            if child not in came_from:
                came_from[child] = node
                todo.append(child)
    return None


def critical_path(took_secs: Mapping[T, float], edges: Collection[Edge[T]]) -> tuple[list[T], float]:
    """The chain of nodes that took longest together, first to last, and how long. Edges to others are left out.

    Whoever wants the whole to be faster has to make one of these faster.
    """
    inside = [(parent, child) for parent, child in edges if parent in took_secs and child in took_secs]
    order = _in_order(set(took_secs), inside)
    parents: defaultdict[T, list[T]] = defaultdict(list)
    for parent, child in inside:
        parents[child].append(parent)
    until: dict[T, float] = {}
    before: dict[T, T | None] = {}
    for node in order:
        last = max(parents[node], key=lambda p: until[p], default=None)
        before[node] = last
        until[node] = took_secs[node] + (until[last] if last is not None else 0)
    if not until:
        return [], 0.0
    path: list[T] = []
    at: T | None = max(order, key=lambda n: until[n])
    longest = until[at] if at is not None else 0.0
    while at is not None:
        path.append(at)
        at = before[at]
    return path[::-1], longest


def _children(edges: Iterable[Edge[T]]) -> dict[T, list[T]]:
    children: defaultdict[T, list[T]] = defaultdict(list)
    for parent, child in edges:
        children[parent].append(child)
    return dict(children)


def _in_order(nodes: set[T], edges: Collection[Edge[T]]) -> list[T]:
    """The nodes, each after all it waits for; those that wait in a circle, or for one, are left out."""
    children = _children(edges)
    open_parents: defaultdict[T, int] = defaultdict(int)
    for _, child in edges:
        open_parents[child] += 1
    todo = deque(node for node in nodes if not open_parents[node])
    order: list[T] = []
    while todo:
        node = todo.popleft()
        order.append(node)
        for child in children.get(node, ()):
            open_parents[child] -= 1
            if not open_parents[child]:
                todo.append(child)
    return order
