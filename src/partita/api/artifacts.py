"""Routes of artifacts: lists, previews, lineage, and their files as stored."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import Field
from starlette.responses import Response

from partita.api.answers import told
from partita.api.asking import Asked
from partita.api.downloads import attachment, gathered
from partita.api.parameters import ArtifactCursor, Body, Limit, Moment, Short, Text
from partita.api.records import page_of
from partita.api.routes import API, Routes
from partita.errors import NotFoundError
from partita.protocol.artifacts import ArtifactView, BlobFault, FoundArtifact, LineageView
from partita.views.paging import cursor_of, read_place

__all__ = ["routes"]

routes = Routes(prefix=f"{API}/artifacts", tags=["artifacts"])

#: Pages of the engine that one answer looks through where few artifacts fit.
_PAGES = 20

Name = Annotated[
    str,
    Query(
        min_length=1,
        max_length=2000,
        pattern=r"^[^\x00-\x1f]+$",
        description='"RUN:train/fit[3].model", or the beginning of its hash.',
    ),
]
Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="The hash of a blob.")]


class VerifyBody(Body):
    """What is compared with its hashes."""

    names: list[Annotated[str, Field(max_length=2000)]] = Field(
        default=[], max_length=1000, description="Of these artifacts; none: all."
    )
    repair: bool = Field(default=False, description="Set damaged ones aside, so that a rerun makes them again.")


class CollectBody(Body):
    """What goes that nothing needs."""

    older_than_s: float | None = Field(default=None, ge=0, le=1e11, allow_inf_nan=False)
    dry_run: bool = Field(default=False, description="Only tell what would go.")
    local_copies: bool = Field(default=False, description="Also copies on the server of what is kept at a URL.")


_VERIFIED = {
    "type": "object",
    "properties": {"blobs": {"type": "integer"}, "bytes": {"type": "integer"}, "faults": {"type": "array"}},
    "required": ["blobs", "bytes", "faults"],
}


@routes.reads("", needs="artifacts:read", gives=page_of(ArtifactView))
def artifacts(
    asked: Asked,
    run: Annotated[str, Query(max_length=40, pattern="^[0-9a-z]*$", description="Only of this run.")] = "",
    flow: Text = "",
    kind: Annotated[Short, Query(description='A type or codec: "npy", "str".')] = "",
    least_bytes: Annotated[int, Query(ge=0, lt=1 << 62)] = 0,
    since: Moment = 0.0,
    before: Moment = 0.0,
    limit: Limit = 50,
    cursor: ArtifactCursor = "",
) -> Any:
    """Values that steps made, the newest run first. A page may be short, or empty, though more follows."""
    place, skipped = _place(cursor)
    found: list[ArtifactView] = []
    if not asked.workspace.state.exists():
        return {"items": found, "next": None}
    for _ in range(_PAGES):
        page = asked.workspace.ask("artifacts", run=run, flow=flow, cursor=place)
        fitting = [view for view in page["artifacts"] if _fits(view, kind, least_bytes, since, before)][skipped:]
        taken = fitting[: limit - len(found)]
        found += taken
        if len(taken) < len(fitting):
            return {"items": found, "next": _cursor(place, skipped + len(taken))}
        place, skipped = page["cursor"], 0
        if place is None or len(found) == limit:
            break
    return {"items": found, "next": _cursor(place, 0) if place is not None else None}


def _place(cursor: str) -> tuple[list[int] | None, int]:
    """The engine's cursor, and how many of its page were told already."""
    if not cursor:
        return None, 0
    number, after, skipped = read_place(cursor, 3)
    return ([number, after] if number >= 0 else None), max(skipped, 0)


def _cursor(place: list[int] | None, skipped: int) -> str:
    return cursor_of([*(place or [-1, -1]), skipped])


def _fits(view: ArtifactView, kind: str, least_bytes: int, since: float, before: float) -> bool:
    made_at = view["made_at"] or 0.0
    return (
        (not kind or kind in (view["codec"], view["type"]))
        and view["size_bytes"] >= least_bytes
        and made_at >= since
        and (not before or made_at < before)
    )


@routes.reads("/one", needs="artifacts:read", gives=FoundArtifact)
def artifact(asked: Asked, name: Name) -> Any:
    """One artifact, with its parts; what is small of its value lies in `node`."""
    return asked.workspace.artifact(name)


@routes.reads("/preview", needs="artifacts:read", gives={"type": "object"})
def preview(asked: Asked, name: Name) -> Any:
    """What a worker kept of an artifact for people to see: a table's head, a histogram, a small picture."""
    from partita.workspace.inventory import shown_hash

    found = asked.workspace.artifact(name)
    digest = shown_hash(found)
    record = asked.workspace.artifact_record(digest) if digest else None
    return {"name": found["view"]["name"], "hash": digest, "preview": found["view"]["preview"], "record": record}


@routes.reads("/lineage", needs="artifacts:read", gives=LineageView)
def lineage(
    asked: Asked,
    name: Name,
    ways: Literal["up", "down", "both"] = "both",
    depth: Annotated[int, Query(ge=1, le=100)] = 20,
    limit: Annotated[int, Query(ge=1, le=5000)] = 200,
) -> Any:
    """What an artifact came from ("up"), what came of it ("down"), or both, across runs."""
    with asked.heavy():
        return asked.workspace.lineage(name, ways=ways, depth=depth, limit=limit)


@routes.reads("/files", needs="artifacts:read", kind="application/octet-stream")
def files(
    asked: Asked,
    name: Name,
    raw: Annotated[bool, Query(description="What is stored, byte for byte.")] = False,
) -> Response:
    """An artifact as a file, or as an archive of several; what Python only can open is sent with `raw`."""
    from partita.workspace.writing import file_stem

    stem = file_stem(asked.workspace.artifact(name)["view"])
    with asked.heavy():
        stored = asked.workspace.artifact_file(name, raw=raw)
        if stored is not None:
            return attachment(stored[1], stored[0])
        return gathered(asked, lambda folder: asked.workspace.get_artifact(name, folder, raw=raw), stem)


@routes.reads("/blobs/{digest}", needs="artifacts:read", kind="application/octet-stream")
def blob(asked: Asked, digest: Digest) -> Response:
    """The bytes of a blob, by its hash."""
    with asked.heavy():  # one that is kept at a URL is fetched first
        if not asked.workspace.state.exists() or not asked.workspace.blobs.exists(digest):
            raise NotFoundError(f"there is no blob {digest}; the artifact's record names the ones that it has")
        return attachment(asked.workspace.blobs.path(digest), digest, etag=digest)


@routes.reads("/blobs/{digest}/record", needs="artifacts:read", gives={"type": ["object", "null"]})
def record(asked: Asked, digest: Digest) -> Response:
    """What a worker kept of a blob for people to see; null: nothing."""
    return told(asked.workspace.artifact_record(digest) if asked.workspace.state.exists() else None)


@routes.reads("/fault", needs="artifacts:read", gives={"type": "object"})
def fault(asked: Asked) -> Any:
    """Why large values cannot be kept where the settings say; empty: they can."""
    return {"fault": asked.workspace.artifacts_fault()}


@routes.changes("/verify", needs="artifacts:delete", gives=_VERIFIED)
def verify(asked: Asked, body: VerifyBody | None = None) -> Any:
    """Compare blobs with their hashes."""
    said = body or VerifyBody()
    with asked.heavy():
        blobs, size, faults = asked.workspace.verify_artifacts(said.names, repair=said.repair)
    if said.repair:
        asked.note("artifact.repair", repaired=sum(fault["is_repaired"] for fault in faults))
    shown: list[BlobFault] = faults
    return {"blobs": blobs, "bytes": size, "faults": shown}


@routes.changes("/collect", needs="store:prune", gives={"type": "object"})
def collect(asked: Asked, body: CollectBody | None = None) -> Any:
    """Remove blobs, bundles, logs and checkpoints that nothing needs and that are old enough."""
    said = body or CollectBody()
    with asked.heavy():
        found = asked.workspace.collect_artifacts(**said.model_dump())
    if not said.dry_run:
        counted: dict[str, Any] = {key: item for key, item in found.items() if isinstance(item, int | float)}
        asked.note("artifact.collect", "", **counted)
    return found
