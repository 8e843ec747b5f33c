"""Which waits a walk can still come to from each step, so that it keeps the events they may take (N10)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from sojourn.core.book import CallNode, ChooseNode, ExperimentNode, Node, WaitForNode


def event_types_of(nodes: Iterable[Node]) -> frozenset[str]:
    """Give the event types that waits among these nodes take."""
    return frozenset(match.type for node in nodes if isinstance(node, WaitForNode) for match in node.events)


def next_refs(node: Node) -> Iterator[str]:
    """Give the refs that a walk may come to right after a node."""
    refs: list[str | None] = [node.next]
    if isinstance(node, WaitForNode):
        refs += [node.then, node.otherwise]
    elif isinstance(node, CallNode):
        refs.append(node.otherwise)
    elif isinstance(node, ChooseNode):
        refs += [ref for _, ref in node.branches] + [node.otherwise]
    elif isinstance(node, ExperimentNode):
        refs += [ref for _, _, ref in node.arms]
    yield from (ref for ref in refs if ref is not None)


def look_ahead(nodes: Mapping[str, Node]) -> dict[str, Node]:
    """Give the nodes with `ahead`: the event types of this wait and of all that may follow. No body has loops."""
    ahead: dict[str, frozenset[str]] = {}

    def visit(ref: str) -> frozenset[str]:
        if ref not in ahead:
            node = nodes[ref]
            below = [visit(other) for other in next_refs(node)]
            ahead[ref] = event_types_of([node]).union(*below)
        return ahead[ref]

    return {ref: replace(node, ahead=visit(ref)) for ref, node in nodes.items()}
