"""A run's graph in its page, and what of it changes while the run goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Query
from starlette.responses import Response

from partita.api.answers import told
from partita.api.asking import Asked
from partita.api.routes import Routes
from partita.drawing.outline import Outline, outline_of
from partita.drawing.run_graph import GraphLinks, GraphNode, group_states, run_graph
from partita.protocol.requests import RunView
from partita.web.pages import pages_of

__all__ = ["graph_of", "routes"]

routes = Routes()
Keys = Annotated[list[str] | None, Query(max_length=300)]


def graph_of(asked: Asked, run: RunView, opened: Sequence[str] | None, turned: Sequence[str] | None) -> str:
    """The graph as SVG.

    Args:
        opened: keys of the boxes that are open; None: as is best at first.
        turned: "KEY=PAGE" of boxes of very many.
    """
    outline = _outline(asked, run)
    at_first = outline.opened_at_first() if opened is None else _chosen(opened)
    pages = _pages(turned)
    url = asked.request.url

    def address(open_: frozenset[str] | None, turn: Mapping[str, str]) -> str:
        kept = url.remove_query_params(["open", "turn", "step"])
        parts = [kept.query] if kept.query else []
        if open_ is not None:
            parts += [f"open={quote(key, safe='')}" for key in sorted(open_) or [""]]
        parts += [f"turn={quote(f'{key}={number}', safe='')}" for key, number in turn.items()]
        return f"{url.path}?{'&'.join(parts)}#graph"

    def step(node: GraphNode) -> str:
        if node.step is None:
            return ""
        kept = url.include_query_params(step=node.step)
        return f"{kept.path}?{kept.query}"

    links = GraphLinks(
        step=step,
        toggle=lambda key: address(frozenset(at_first ^ {key}), pages),
        turn=lambda key, number: address(None if opened is None else at_first, {**pages, key: number}),
    )
    tell = pages_of(asked).texts(asked.request)
    return run_graph(outline, links, opened=at_first, pages=pages, title=run["title"], tell=tell)


@routes.reads("/runs/{run}/states", needs="runs:read")
def states(
    asked: Asked,
    run: str,
    opened: Annotated[Keys, Query(alias="open")] = None,
    turned: Annotated[Keys, Query(alias="turn")] = None,
) -> Response:
    """What the graph of a run shows by now, by the keys of its boxes and steps: for the script that keeps it up to date."""
    view = asked.workspace.run(run)
    texts = pages_of(asked).texts(asked.request)

    def make() -> Any:
        chosen = None if opened is None else _chosen(opened)
        return group_states(_outline(asked, view), opened=chosen, pages=_pages(turned), tell=texts)

    key = ("states", view["id"], tuple(opened) if opened is not None else None, tuple(turned or ()), texts.language)
    # Who asks was told of a change: what was read before it is not what is asked for.
    return told(asked.server.remembered.get(key, asked.server.following.told_of(view["id"]), make))


def _outline(asked: Asked, run: RunView) -> Outline:
    return outline_of(asked.server.run_steps.of(asked.workspace, run))


def _chosen(opened: Sequence[str]) -> frozenset[str]:
    return frozenset(opened) - {""}


def _pages(turned: Sequence[str] | None) -> dict[str, str]:
    found = {}
    for item in turned or ():
        key, _, number = item.rpartition("=")
        found[key] = number
    return found
