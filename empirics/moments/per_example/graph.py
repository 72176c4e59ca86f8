"""The graph that a forward pass leaves: which calls and which parameters the outcome depends on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import Tensor, nn
from torch.autograd.graph import Node

from tsla.empirics.moments.per_example.call import Call


class Graph:
    """What lies below ``outputs``. ``parameters`` are those that they depend on, by id."""

    def __init__(self, outputs: Iterable[Tensor]) -> None:
        self._below: dict[Node, list[Node]] = {}  # in such an order that a node follows all nodes below it
        self.parameters: dict[int, nn.Parameter] = {}
        for t in outputs:
            if t.grad_fn is not None:
                self._walk(t.grad_fn)

    def _walk(self, top: Node) -> None:
        waiting: list[tuple[Node, bool]] = [(top, False)]
        while waiting:
            node, done = waiting.pop()
            if node in self._below:
                continue
            below = [n for n, _ in node.next_functions if n is not None]
            if done:
                self._below[node] = below
                continue
            if hasattr(node, "variable"):
                self.parameters[id(node.variable)] = node.variable
            waiting.append((node, True))
            waiting.extend((n, False) for n in below if n not in self._below)

    def sorted_out(self, calls: Sequence[Call]) -> list[Call]:
        """The calls that the outputs depend on, with ``source`` set for those that no other of them comes before."""
        own = {edge.node for call in calls for edge in call.edges}
        lead: set[Node] = set()  # to a call, or are one's output
        for node, below in self._below.items():
            if node in own or any(n in lead for n in below):
                lead.add(node)
        met = [call for call in calls if any(edge.node in self._below for edge in call.edges)]
        for call in met:
            nodes = [edge.node for edge in call.edges if edge.node in self._below]
            call.source = not call.at_once or not any(n in lead for node in nodes for n in self._below[node])
        return met
