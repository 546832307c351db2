"""The graphs of flows before they run: laid out by workers behind the pages that show them, once for each state of the code."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from partita.errors import PartitaError
from partita.protocol.requests import StepView
from partita.workspace.port import CheckView, Workspace

__all__ = ["FlowGraph", "FlowGraphs"]

_log = logging.getLogger("partita.server")

#: So many graphs are kept, and so many may wait to be laid out.
_KEPT, _WAITING = 200, 20


class FlowGraph(NamedTuple):
    """What is known of a flow before it runs."""

    is_pending: bool  # a worker lays it out just now
    problems: list[dict[str, Any]]  # fields of Problem
    steps: list[StepView] | None  # None: it could not be laid out, or is not yet
    took_s: float = 0.0


_PENDING = FlowGraph(True, [], None)


class FlowGraphs:
    """Lays flows out when a page asks, one after the other, and tells when one is done."""

    def __init__(self, workspace: Callable[[], Workspace], announce: Callable[[str, str], None]) -> None:
        """
        Args:
            workspace: gives the workspace of the thread that asks.
            announce: tells that the flow of a reference has changed; may be called in any thread.
        """
        self._workspace = workspace
        self._announce = announce
        self._known: OrderedDict[tuple[Any, ...], FlowGraph] = OrderedDict()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(1, "partita-layouts")

    def of(self, flow: str, texts: Mapping[str, str], bundle: str) -> FlowGraph:
        """The graph of a flow with these inputs, as far as it is known by now.

        Args:
            flow: its reference in the bundle.
            bundle: hash of the code.
        """
        key = (bundle, flow, tuple(sorted(texts.items())))
        with self._lock:
            found = self._known.get(key)
            if found is not None:
                self._known.move_to_end(key)
                return found
            if sum(graph.is_pending for graph in self._known.values()) >= _WAITING:
                return _PENDING  # whoever looks again later is taken then
            self._known[key] = _PENDING
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        self._pool.submit(self._lay_out, key, flow, dict(texts))
        return _PENDING

    def _lay_out(self, key: tuple[Any, ...], flow: str, texts: dict[str, str]) -> None:
        began = time.monotonic()
        try:
            view = self._workspace().check(flow, texts)
            graph = FlowGraph(False, view["problems"], _steps_of(view), time.monotonic() - began)
        except (PartitaError, OSError) as error:
            graph = FlowGraph(False, [{"message": str(error)}], None)
        except Exception:
            _log.exception("%s was not laid out", flow)
            graph = FlowGraph(False, [{"message": "the server made a mistake, and has noted it in its log"}], None)
        with self._lock:
            self._known[key] = graph
        self._announce("flows", flow)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _steps_of(view: CheckView) -> list[StepView] | None:
    """The steps with whole paths."""
    if view["graph"] is None:
        return None
    paths: dict[int, str] = {}
    found: list[StepView] = []
    for step in view["graph"]["steps"]:
        around = paths.get(step["parent"], "")
        paths[step["id"]] = f"{around}/{step['name']}" if around else step["name"]
        found.append({**step, "path": paths[step["id"]]})
    return found
