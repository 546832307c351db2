"""The runs of a workspace as studies see them: see `partita.tune.port`."""

from __future__ import annotations

import contextlib
import json
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from partita.core.standing import said
from partita.errors import NotFoundError
from partita.protocol.requests import LaunchRequest
from partita.protocol.studies import StudyView
from partita.tune.dimensions import Choice
from partita.tune.journal import FolderJournals
from partita.tune.port import Ending, Report
from partita.tune.spaces import Space
from partita.values import BLOB, DICT, INLINE, NOTEBOOK, PLAIN, Node, identity, pack, unpack
from partita.workspace.cells import in_kernel
from partita.workspace.endings import Endings
from partita.workspace.executors import capacities_of
from partita.workspace.naming import name_in_file, new_run_id

if TYPE_CHECKING:
    from partita.artifacts.codecs.encoder import Encoder
    from partita.flow.flow import Flow
    from partita.workspace.local import LocalWorkspace

__all__ = ["LocalTrials", "NodeStarter", "RunsByName", "TextStarter", "node_starter", "show_study"]

Launch = Callable[[LaunchRequest], Any]


class RunsByName:
    """What is asked about one run alike of every workspace."""

    _workspace: Any

    def is_known(self, run: str) -> bool:
        try:
            self._workspace.run(run)
        except NotFoundError:
            return False
        return True

    def cancel(self, run: str) -> None:
        with contextlib.suppress(NotFoundError):
            self._workspace.cancel(run)


class LocalTrials(RunsByName):
    """Satisfies `partita.tune.port.TrialRuns`, for a workspace on this machine."""

    def __init__(self, workspace: LocalWorkspace, encoder: Encoder, *, opens_all: bool = True, user: str = "") -> None:
        """
        Args:
            opens_all: values that were pickled may be opened here: in a process of the user's own.
            user: who asks for the runs; empty: the user of this machine.
        """
        self._workspace: LocalWorkspace = workspace
        self._user = user
        self._encoder, self._opens_all = encoder, opens_all
        folder, is_durable = workspace.state / "studies", workspace.settings.durability == "full"
        self.journals = FolderJournals(folder, is_durable=is_durable)
        self.now, self.new_id = time.time, new_run_id

    def room(self) -> int:
        settings = self._workspace.settings
        capacities = capacities_of(settings)
        named = settings.executor.split(",")
        counted = [capacity.cpu for name, capacity in capacities.items() if name in named or "any" in named]
        return max(int(sum(counted)), 1)

    def display(self) -> Callable[[StudyView], None] | None:
        if self._workspace.settings.notebook_display == "off" or not in_kernel():
            return None
        return show_study()

    def is_priced(self) -> bool:
        return any(item.price > 0 for item in self._workspace.settings.executors.values())

    @cached_property
    def _endings(self) -> Endings:
        workspace = self._workspace
        return Endings(workspace.folder, workspace.state, workspace.database)

    def ended(self, runs: Sequence[str], timeout_s: float) -> list[Ending]:
        return [Ending(view, _reports(rows)) for view, rows in self._endings.among(runs, timeout_s)]

    def reports(self, run: str) -> list[Report]:
        return _reports(self._workspace.ask("reports", run=run, step=None))

    def open_leaf(self, node: Node) -> Any:
        if not self._opens_all and (node[0] not in (INLINE, BLOB) or node[1] == "pickle"):
            raise ValueError(
                "the result, or what is looked at in it, can be opened by workers only; return a number, or a record of numbers"
            )
        return self._encoder.decode(node)

    def flow_starter(
        self, flow: Flow[..., Any], args: tuple[Any, ...], keywords: Mapping[str, Any], space: Space, into: str
    ) -> NodeStarter:
        from partita.flow.loading import noting_typed, set_project

        workspace = self._workspace
        set_project(workspace.folder)
        with noting_typed() as typed:
            plain = node_starter(flow, args, keywords, space, into, self._encoder)
        if not plain["request"].get("executor") and workspace.settings.executor:
            plain["request"]["executor"] = workspace.settings.executor
        bundle = workspace.bundle(typed)
        if plain["flow"].startswith(NOTEBOOK + ":"):
            plain["bundle"] = bundle  # what was typed is found there only
        return NodeStarter(plain, bundle, self._launch)

    def starter(self, plain: Mapping[str, Any]) -> NodeStarter | TextStarter:
        bundle = plain.get("bundle") or self._workspace.bundle()
        kind = NodeStarter if "arguments" in plain else TextStarter
        return kind(plain, bundle, self._launch)

    def text_starter(self, flow: str, texts: Mapping[str, str], executor: str, is_refreshed: bool) -> TextStarter:
        """The starter of a flow that is named, with inputs as texts, which the worker converts."""
        request: dict[str, Any] = {"title": name_in_file(self._workspace.folder, flow) or flow.rpartition(":")[2]}
        request |= said({"executor": executor or self._workspace.settings.executor, "refresh": is_refreshed})
        plain = {"flow": flow, "title": request["title"], "request": request, "inputs": dict(texts)}
        return TextStarter(plain, self._workspace.bundle(), self._launch)

    def _launch(self, request: LaunchRequest) -> str:
        # No part of a starter, which the study keeps: who goes on with it is somebody else.
        return self._workspace.start({**request, "user": self._user} if self._user else request)

    def close(self) -> None:
        """Let the engine go."""
        self._endings.close()


def show_study() -> Callable[[StudyView], None]:
    """What draws a study below the cell that runs, and draws it anew."""
    from IPython.display import display

    from partita.drawing.studies import counts_text, study_html

    show: Any = display  # which has no types
    handle = show({"text/plain": "starting ..."}, raw=True, display_id=True)

    def update(view: StudyView) -> None:
        drawn = {"text/html": study_html(view), "text/plain": f"{view['name']} {view['state']}: {counts_text(view)}"}
        handle.update(drawn, raw=True)

    return update


def _reports(rows: Sequence[Sequence[Any]]) -> list[Report]:
    return [(name, value, step) for _, _, _, name, value, step, _ in rows]


class _Starter:
    """What the two have in common. Satisfies `partita.tune.port.Starter`."""

    def __init__(self, plain: Mapping[str, Any], bundle: str, launch: Launch) -> None:
        self._plain, self._launch = dict(plain), launch
        self._request: dict[str, Any] = {**plain["request"], "flow": plain["flow"], "bundle": bundle}
        if "profile" in self._request:
            self._request["profile"] = unpack(b64decode(self._request["profile"]))

    @property
    def flow(self) -> str:
        return str(self._plain["flow"])

    @property
    def title(self) -> str:
        return str(self._plain["title"])

    def plain(self) -> dict[str, Any]:
        return self._plain

    def start(self, run: str, labels: Mapping[str, Any], tags: Sequence[str]) -> None:
        more = {"id": run, "tags": [*self._request.get("tags", ()), *tags], **self._given(labels)}
        self._launch(cast(LaunchRequest, {**self._request, **more}))

    def _given(self, labels: Mapping[str, Any]) -> dict[str, Any]:
        raise NotImplementedError


class TextStarter(_Starter):
    """Inputs are texts."""

    def _given(self, labels: Mapping[str, Any]) -> dict[str, Any]:
        return {"texts": {**self._plain["inputs"], **{name: _text(label) for name, label in labels.items()}}}


def _text(label: Any) -> str:
    return label if isinstance(label, str) else json.dumps(label)


class NodeStarter(_Starter):
    """Inputs are values, stored already."""

    def __init__(self, plain: Mapping[str, Any], bundle: str, launch: Launch) -> None:
        super().__init__(plain, bundle, launch)
        self._nodes, self._names, self._named = unpack(b64decode(plain["arguments"]))
        self._choices: dict[str, list[Any]] = unpack(b64decode(plain["choices"]))  # name -> [label, node]s

    def _given(self, labels: Mapping[str, Any]) -> dict[str, Any]:
        nodes = [self._node(name, label) for name, label in labels.items()]
        names = list(labels)
        if into := self._plain["into"]:
            names, nodes = [into], [[DICT, names, nodes]]
        return {"arguments": pack([self._nodes, [*self._names, *names], [*self._named, *nodes]])}

    def _node(self, name: str, label: Any) -> Node:
        for known, node in self._choices.get(name, ()):
            if known == label and type(known) is type(label):
                return cast(Node, node)
        return [PLAIN, label]


def node_starter(
    flow: Flow[..., Any], args: tuple[Any, ...], keywords: Mapping[str, Any], space: Space, into: str, encoder: Encoder
) -> dict[str, Any]:
    """What a `NodeStarter` is made of: the inputs that are the same in each run, checked and stored.

    Raises:
        CheckError: the inputs are not what the flow declares.
        ValueStoreError: one of them cannot be stored.
    """
    from partita.workspace.runs import flow_request

    drawn: dict[str, Any] = {}
    for name, dimension in space.dimensions.items():
        if space.counts(name, drawn):
            drawn[name] = dimension.labels[0] if isinstance(dimension, Choice) else dimension.low
    example = {into: space.values(drawn)} if into else space.values(drawn)
    request = flow_request(flow, args, {**keywords, **example}, encoder)
    nodes, names, named = unpack(request.pop("arguments"))
    kept = [(name, node) for name, node in zip(names, named, strict=True) if name not in example]
    choices = {
        name: [[label, encoder.encode(dimension.value(label))] for label in dimension.labels]
        for name, dimension in space.dimensions.items()
        if isinstance(dimension, Choice) and any(dimension.value(label) is not label for label in dimension.labels)
    }
    arguments = [nodes, [name for name, _ in kept], [node for _, node in kept]]
    same = [[identity(node) for node in nodes], arguments[1], [identity(node) for _, node in kept]]
    stored: dict[str, Any] = {name: value for name, value in request.items() if name not in ("flow", "profile")}
    return {
        "flow": request["flow"], "title": request["title"], "into": into,
        "request": {**stored, "profile": _b64(request["profile"])}, "inputs": _b64(same),
        "arguments": _b64(arguments), "choices": _b64(choices),
    }  # fmt: skip


def _b64(value: Any) -> str:
    return b64encode(pack(value)).decode()
