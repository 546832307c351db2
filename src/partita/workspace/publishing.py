"""Publishing a flow: its code is kept, and what it takes and how it is laid out is read by workers."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from partita.artifacts.blobs.placing import place_of
from partita.core.records import Demand, Profile
from partita.errors import CheckError, NotFoundError, Problem, PublishError, ValueStoreError
from partita.executors.port import LOST
from partita.protocol.messages import DONE, FAILED
from partita.protocol.publications import (
    FlowDiffView,
    PublicationView,
    PublishedGraph,
    SourceView,
    checked_flow_name,
)
from partita.protocol.requests import as_problem
from partita.publishing.diff import compared
from partita.publishing.functions import changed_files, changed_functions
from partita.publishing.gates import gates_of, settings_of
from partita.publishing.repository import no_source, source_of
from partita.values import NOTEBOOK, PLAIN, pack, unpack
from partita.workspace.checking import Laid, laid_step, lay_out, working

if TYPE_CHECKING:
    from partita.workspace.gates import Asker
    from partita.workspace.local import LocalWorkspace

__all__ = ["bundle_folder", "describe_flow", "differences", "keep_bundle", "publish_bundle", "publish_flow"]

#: So many steps of a graph are kept with a version.
_STEPS = 2000
_NO_NAME = re.compile(r"[^\w.+-]+")
_DEFAULTS = Profile("", "")
#: Of a profile what is told of its steps, where it is not the default.
_TOLD = tuple(
    field.name for field in fields(Profile)
    if field.name not in ("worker_options", "description", "parameters", "deadline_s", "budget", "overrun")
)  # fmt: skip


def publish_flow(
    workspace: LocalWorkspace, flow: str, *, name: str = "", note: str = "", by: str = "", bundle: str = "",
    source: SourceView | None = None,
) -> PublicationView:  # fmt: skip
    """Publish a flow of the project's folder, or of a bundle that was received, of which `source` says where it was.

    Raises:
        CheckError: the flow cannot be laid out, with everything that is wrong.
        PublishError: it cannot be published.
    """
    if flow.startswith(NOTEBOOK + ":"):
        raise PublishError(f"{flow} was typed into a session; write it into a file of the project to publish it")
    source = (source or no_source()) if bundle else source_of(workspace.folder)
    bundle = bundle or workspace.bundle()
    return publish_bundle(workspace, flow, bundle, source, name=name, note=note, by=by)


def publish_bundle(
    workspace: LocalWorkspace, flow: str, bundle: str, source: SourceView, *, name: str = "", note: str = "", by: str = "",
    asker: Asker | None = None,
) -> PublicationView:  # fmt: skip
    """Publish a flow of a bundle whose source is known; `asker` as for `begin_check`."""
    bundle_folder(workspace, bundle)
    described = describe_flow(workspace, flow, bundle)
    name = checked_flow_name(name or _NO_NAME.sub("-", described["title"]).strip("-."))
    graph, warnings = _laid_out(workspace, flow, bundle, described)
    asked = settings_of(workspace.settings.gates, name, "")
    record = {
        **described, "graph": graph, "warnings": warnings, "source": dict(source),
        "gates": [gate for gate, _ in gates_of(asked)] if asked else [],
    }  # fmt: skip
    view: PublicationView = workspace.ask(
        "publish", name=name, flow=flow, bundle=bundle, record=record, note=note, by=by
    )
    if view["lacks"] and asked:
        from partita.workspace.gates import begin_check

        begin_check(workspace, view, "", asked, why=note, by=by, asker=asker)
    return view


def describe_flow(workspace: LocalWorkspace, flow: str, bundle: str) -> dict[str, Any]:
    """What a flow takes and gives, read in a worker.

    Raises:
        CheckError: it cannot be loaded, or is no flow.
    """
    profile = Profile(
        "partita.publishing.describing:describe", "describe", timeout_s=workspace.settings.layout_timeout_s
    )
    arguments = pack([[[PLAIN, flow]], [], []])
    until = time.monotonic() + workspace.settings.layout_timeout_s
    with working(workspace, profile, arguments, None, bundle) as worker:
        while time.monotonic() < until:
            for message in worker.receive(0.25):
                if message[0] == DONE:
                    from partita.workspace.runs import encoder_of

                    told: dict[str, Any] = encoder_of(workspace).decode(unpack(message[2]))
                    return told
                if message[0] == FAILED:
                    raise CheckError([_problem(as_problem(message[2]))])
                if message[0] == LOST:
                    raise CheckError([Problem(f"reading {flow} ended its worker: {message[3]}")])
    raise CheckError([Problem(f"reading {flow} took longer than {workspace.settings.layout_timeout_s:g} s")])


def _laid_out(
    workspace: LocalWorkspace, flow: str, bundle: str, described: Mapping[str, Any]
) -> tuple[PublishedGraph | None, list[dict[str, Any]]]:
    """The graph with the defaults, and warnings; without a graph where something has to be given.

    Raises:
        CheckError: it cannot be laid out.
    """
    if any(item["is_required"] for item in described["parameters"]):
        return None, []
    laid = lay_out(workspace, flow, {}, bundle=bundle)
    errors = [problem for problem in laid.problems if not problem.get("is_warning")]
    if errors or laid.rows is None:
        raise CheckError([_problem(problem) for problem in laid.problems])
    return _graph(laid), laid.problems


def _problem(told: Mapping[str, Any]) -> Problem:
    return Problem(
        str(told.get("message", "")), str(told.get("place", "")), str(told.get("remedy", "")),
        bool(told.get("is_warning", False)),
    )  # fmt: skip


def _graph(laid: Laid) -> PublishedGraph:
    rows = (laid.rows or [])[:_STEPS]
    steps = [laid_step(number, row) for number, row in enumerate(rows)]
    for step in steps:
        parent = step["parent"]
        step["path"] = f"{steps[parent]['path']}/{step['name']}" if 0 <= parent < step["id"] else step["name"]
    return PublishedGraph(
        steps=steps, profiles=[_told(profile) for profile in laid.profiles], profile_of=[row[2] for row in rows],
        total=len(laid.rows or []),
    )  # fmt: skip


def _told(profile: Profile) -> dict[str, Any]:
    """What was said of the steps of a profile, as plain data."""
    told: dict[str, Any] = {"function": profile.function, "title": profile.title, "body": profile.body}
    for name in _TOLD:
        value = getattr(profile, name)
        if name not in told and value != getattr(_DEFAULTS, name):
            told[name] = _plain(value)
    demand = told.pop("demand", None)
    if demand is not None:
        told |= {key: value for key, value in demand.items() if value != _plain(Demand())[key]}
    return told


def _plain(value: Any) -> Any:
    if isinstance(value, Demand):
        return {key: _plain(item) for key, item in value._asdict().items()}
    return [_plain(item) for item in value] if isinstance(value, Sequence) and not isinstance(value, str) else value


def bundle_folder(workspace: LocalWorkspace, hash: str) -> Path:
    """The folder of a bundle, which counts as just used; fetched from where machines share code if it is not here.

    Raises:
        NotFoundError: there is none.
    """
    from partita.artifacts.blobs.locking import folder_lock, touch
    from partita.artifacts.code.archive import fetch_archive

    if not re.fullmatch(r"[0-9a-f]{64}", hash):
        raise NotFoundError(f"{hash!r} is not the hash of a bundle")
    folder = workspace.state / "bundles" / hash
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder_lock(folder.parent, is_alone=False):
        if touch(folder):
            return folder
    settings = workspace.settings
    if not (workspace.database and settings.artifacts):
        raise NotFoundError(f"there is no code {hash} here; upload it, or publish from the project's folder")
    try:
        fetch_archive(place_of(workspace.folder, settings.artifacts), hash, folder)
    except ValueStoreError as error:
        raise NotFoundError(str(error)) from error
    return folder


def keep_bundle(workspace: LocalWorkspace, archive: bytes | Path) -> str:
    """Keep code that was packed elsewhere; gives the hash of what it holds.

    Raises:
        PublishError: it is no archive of code.
    """
    from partita.artifacts.code.archive import put_archive
    from partita.artifacts.code.receiving import receive_archive

    hash = receive_archive(archive, workspace.state / "bundles")
    if workspace.database and workspace.settings.artifacts:
        place = place_of(workspace.folder, workspace.settings.artifacts)
        put_archive(place, hash, workspace.state / "bundles" / hash)
    return hash


def differences(workspace: LocalWorkspace, before: PublicationView, after: PublicationView) -> FlowDiffView:
    """What a version changes against another one, their code included: it is read and never run."""
    if before["bundle"] == after["bundle"]:
        return compared(before, after)
    one, other = bundle_folder(workspace, before["bundle"]), bundle_folder(workspace, after["bundle"])
    return compared(before, after, changed_functions(one, other), changed_files(one, other))
