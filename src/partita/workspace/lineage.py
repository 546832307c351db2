"""What an artifact came from and what came of it: followed here, over pages of edges that the engine gives."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from partita.errors import NotFoundError
from partita.protocol.artifacts import LineageNode, LineageView

__all__ = ["Lineage"]

#: Marks of steps, as they are stored.
_ADOPTED, _CACHED = 1, 4096
_Place = tuple[str, int]  # id of a run, id of a step


@dataclass(slots=True)
class _Edges:
    """The edges of one run."""

    run: str
    title: str
    rows: dict[int, list[Any]]
    rerun_of: str | None
    parent: list[Any] | None
    users: dict[int, list[int]] = field(default_factory=dict)  # steps whose values are made of a step's
    laid: dict[int, list[int]] = field(default_factory=dict)  # flows that were laid out from a step's value
    below: dict[int, list[int]] = field(default_factory=dict)  # steps by the flow that they stand in
    paths: dict[str, int] = field(default_factory=dict)
    models: dict[int, list[list[Any]]] = field(default_factory=dict)  # [name, run, step] that steps were given


class Lineage:
    """Follows edges, through what only passes values on (flows, maps, settled outcomes), and across runs."""

    def __init__(self, ask: Callable[..., Any], limit: int) -> None:
        """
        Args:
            ask: asks the engine.
            limit: steps that are told of at most.
        """
        self._ask = ask
        self._limit = limit
        self._runs: dict[str, _Edges | None] = {}
        self._nodes: dict[_Place, LineageNode] = {}
        self._edges: dict[tuple[int, int, str], None] = {}
        self._is_cut = False
        self._made: dict[str, list[list[Any]]] = {}  # [step, model, number] of the versions that a run registered

    def of(self, name: str, run: str, step: int, hashes: list[str], depth: int, ways: str) -> LineageView:
        """The lineage of a step's value.

        Args:
            hashes: the blobs in it, by which other runs that have it are found.
            depth: steps in each direction.
            ways: "up", "down" or "both".
        """
        start = (run, step)
        self._node(start)["is_start"] = True
        if ways != "down":
            self._walk([start], depth, is_up=True)
        if ways != "up":
            self._walk([start, *self._elsewhere(start, hashes)], depth, is_up=False)
        return LineageView(
            name=name, nodes=list(self._nodes.values()), edges=[list(e) for e in self._edges], is_cut=self._is_cut
        )

    def _walk(self, starts: list[_Place], depth: int, *, is_up: bool) -> None:
        seen = set(starts)
        queue = deque((start, 0) for start in starts)
        while queue:
            place, distance = queue.popleft()
            found = self._sources(place) if is_up else self._users(place)
            for other, how in found.items():
                if distance >= depth or (other not in self._nodes and len(self._nodes) >= self._limit):
                    self._is_cut = True
                    break
                one, two = (other, place) if is_up else (place, other)
                self._edges[self._node(one)["number"], self._node(two)["number"], how] = None
                if other not in seen:
                    seen.add(other)
                    queue.append((other, distance + 1))

    def _sources(self, place: _Place) -> dict[_Place, str]:
        edges = self._of_run(place[0])
        if edges is None or place[1] not in edges.rows:
            return {}
        row = edges.rows[place[1]]
        if row[4] & (_ADOPTED | _CACHED):
            origin = self._origin(edges, row)
            if origin is not None:
                return origin
        found = {(place[0], id): "value" for id in self._through(edges, row[5], is_up=True)}
        if not found:
            found = {(place[0], id): "layout" for id in self._laid_from(edges, row)}
        for name, run, step in (*edges.models.get(place[1], ()), *(() if found else edges.models.get(0, ()))):
            made = self._of_run(run)
            if made is not None and step in made.rows:
                found.setdefault((run, step), name)
        if not found and edges.parent is not None and self._of_run(edges.parent[0]) is not None:
            found[edges.parent[0], edges.parent[1]] = "launched"
        return found

    def _origin(self, edges: _Edges, row: list[Any]) -> dict[_Place, str] | None:
        """The step of another run that computed the value."""
        if row[4] & _CACHED:
            source = self._ask("cache_explain", run=edges.run, step=row[0])["source"]
            return {(source[0], source[1]): "cached"} if source and self._of_run(source[0]) is not None else None
        earlier = self._of_run(edges.rerun_of) if edges.rerun_of else None
        step = earlier.paths.get(row[1]) if earlier is not None else None
        return {(earlier.run, step): "adopted"} if earlier is not None and step is not None else None

    def _users(self, place: _Place) -> dict[_Place, str]:
        edges = self._of_run(place[0])
        if edges is None:
            return {}
        found = {(place[0], id): "value" for id in self._through(edges, edges.users.get(place[1], []), is_up=False)}
        for flow in self._through_to_flows(edges, place[1]):
            for id in self._own_steps(edges, flow):
                found.setdefault((place[0], id), "layout")
        for run, step, name in self._loaded_by(place):
            user = self._of_run(run)
            if user is not None and step in user.rows:
                found.setdefault((run, step), name)
        return found

    def _loaded_by(self, place: _Place) -> list[tuple[str, int, str]]:
        """(run, step, name of the model) of those that were given by name what the step registered."""
        if place[0] not in self._made:
            self._made[place[0]] = self._ask("model_made", run=place[0])
        return [
            (run, step, f"{name}:{number}")
            for made, name, number in self._made[place[0]]
            if made == place[1]
            for run, step, _, _, _ in self._ask("model_uses", name=name, number=number)
        ]

    def _laid_from(self, edges: _Edges, row: list[Any]) -> list[int]:
        """What the nearest flow around a step was laid out from, where the step takes no values of others."""
        parent = row[7]
        while parent in edges.rows:
            if edges.rows[parent][8]:
                return self._through(edges, edges.rows[parent][8], is_up=True)
            parent = edges.rows[parent][7]
        return []

    def _through_to_flows(self, edges: _Edges, id: int) -> list[int]:
        """Flows that were laid out from a step's value, whichever way it came to them."""
        found: dict[int, None] = {}
        stack, seen = [id], {id}
        while stack:
            current = stack.pop()
            found.update(dict.fromkeys(edges.laid.get(current, ())))
            for other in edges.users.get(current, ()):
                if other not in seen and not edges.rows[other][6]:
                    seen.add(other)
                    stack.append(other)
        return list(found)

    def _own_steps(self, edges: _Edges, flow: int) -> list[int]:
        """Steps below a flow that take no values of others: they hold what the flow was laid out from."""
        found: list[int] = []
        stack = [flow]
        while stack:
            for id in edges.below.get(stack.pop(), ()):
                row = edges.rows[id]
                if row[6] and not row[5]:
                    found.append(id)
                elif row[2] == "flow" and not row[8]:
                    stack.append(id)
        return found

    def _through(self, edges: _Edges, ids: list[int], *, is_up: bool) -> list[int]:
        """The steps with values that one comes to, passing over those that only pass them on."""
        found: dict[int, None] = {}
        stack, seen = list(reversed(ids)), set(ids)
        while stack:
            id = stack.pop()
            row = edges.rows.get(id)
            if row is None:
                continue
            is_passing = row[2] in ("gather", "settle") or (row[2] == "flow" and not row[6])
            if not is_passing:
                found[id] = None
                continue
            for other in reversed(row[5] if is_up else edges.users.get(id, [])):
                if other not in seen:
                    seen.add(other)
                    stack.append(other)
        return list(found)

    def _elsewhere(self, start: _Place, hashes: list[str]) -> list[_Place]:
        """The first step of each other run that holds one of the blobs."""
        found: dict[str, int] = {start[0]: start[1]}
        for digest in hashes[:20]:
            cursor = None
            while True:
                page = self._ask("naming", hash=digest, cursor=cursor)
                for run, step, _, _ in page["found"]:
                    if run in found:
                        continue
                    if len(self._nodes) >= self._limit:
                        self._is_cut = True
                        break
                    edges = self._of_run(run)
                    if edges is None or step not in edges.rows or not edges.rows[step][6]:
                        continue
                    found[run] = step
                    mark = edges.rows[step][4]
                    how = "cached" if mark & _CACHED else "adopted" if mark & _ADOPTED else "same blob"
                    self._edges.setdefault((self._node(start)["number"], self._node((run, step))["number"], how))
                cursor = page["cursor"]
                if cursor is None:
                    break
        return [place for place in found.items() if place != start]

    def _node(self, place: _Place) -> LineageNode:
        known = self._nodes.get(place)
        if known is not None:
            return known
        edges = self._of_run(place[0])
        row = edges.rows.get(place[1]) if edges is not None else None
        if edges is None or row is None:
            raise NotFoundError(f"run {place[0]} has no step {place[1]}")
        marks = ["cached"] if row[4] & _CACHED else ["adopted"] if row[4] & _ADOPTED else []
        made = LineageNode(
            number=len(self._nodes), run=place[0], flow=edges.title, step=place[1], path=row[1], state=row[3], marks=marks,
            is_start=False,
        )  # fmt: skip
        self._nodes[place] = made
        return made

    def _of_run(self, run: str) -> _Edges | None:
        """The edges of a run, None where it is not there any more."""
        if run not in self._runs:
            try:
                self._runs[run] = _read(self._ask, run)
            except NotFoundError:
                self._runs[run] = None
        return self._runs[run]


def _read(ask: Callable[..., Any], run: str) -> _Edges:
    page = ask("edges", run=run)
    edges = _Edges(page["run"], page["title"], {row[0]: row for row in page["rows"]}, page["rerun_of"], page["parent"])
    pages = [page]
    while not page["is_last"]:
        page = ask("edges", run=run, after=page["rows"][-1][0])
        edges.rows.update((row[0], row) for row in page["rows"])
        pages.append(page)
    for step, *made in (used for page in pages for used in page["models"]):
        edges.models.setdefault(step, []).append(made)
    for id, row in edges.rows.items():
        edges.paths[row[1]] = id
        edges.below.setdefault(row[7], []).append(id)
        for source in row[8]:
            edges.laid.setdefault(source, []).append(id)
        for source in row[5]:
            edges.users.setdefault(source, []).append(id)
    return edges
