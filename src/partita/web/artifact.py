"""The page of one artifact: what it looks like, what it is made of, where it came from, and its file."""

from __future__ import annotations

import json
import logging
from typing import Annotated, Any

from fastapi import Query
from starlette.responses import FileResponse, Response, StreamingResponse

from partita.api.asking import Asked
from partita.api.routes import Routes
from partita.artifacts.codecs.plain import is_veiled, plain_value
from partita.drawing.lineage_picture import lineage_picture
from partita.drawing.picture_style import STYLE
from partita.drawing.record import histogram_text
from partita.drawing.record_html import waveform
from partita.errors import NotFoundError, PartitaError
from partita.protocol.artifacts import FoundArtifact, LineageNode, LineageView
from partita.protocol.stored_files import stored_file
from partita.values import BLOB, INLINE, blobs_of, unpack
from partita.views.artifact_files import file_of
from partita.web.forms import artifact_address
from partita.web.pages import pages_of
from partita.workspace.inventory import shown_hash

__all__ = ["routes"]

_log = logging.getLogger("partita.server")
routes = Routes()
Name = Annotated[str, Query(min_length=1, max_length=4000)]

#: What a browser makes of a file is no part of this site: it runs nothing and asks for nothing.
_SANDBOX = (
    "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_PAGE_BYTES = 32 << 20
_SHOWN_BYTES = 64 << 10
_RECORDS = frozenset({"table", "array", "image", "audio", "html", "text"})
_NEAR = 40
_DEPTHS = (1, 2, 5, 20)


@routes.reads("/artifacts/item", needs="artifacts:read")
def show(
    asked: Asked,
    name: Name,
    view: Annotated[str, Query(max_length=20)] = "",
    depth: Annotated[int, Query(ge=1, le=20)] = 5,
    ways: Annotated[str, Query(max_length=10)] = "both",
) -> Response:
    """One artifact; with view=lineage what it came from and what came of it."""
    workspace = asked.workspace
    found = workspace.artifact(name)
    it = found["view"]
    context: dict[str, Any] = {
        "it": it, "parts": found["parts"], "address": artifact_address, "view": "lineage" if view == "lineage" else "",
        "versions": _versions(asked, it["run"], it["step"]), "file": _file_kind(found), "is_page": _is_page(found),
    }  # fmt: skip
    if context["view"]:
        ways = ways if ways in ("up", "down") else "both"
        lineage = workspace.lineage(it["name"], ways=ways, depth=depth)
        tell = pages_of(asked).texts(asked.request)
        context |= {
            "lineage": lineage, "picture": lineage_picture(lineage, _address_of, tell=tell), "style": STYLE,
            "depth": depth, "depths": sorted({*_DEPTHS, depth}), "ways": ways, "rows": _rows(lineage),
        }  # fmt: skip
    else:
        digest = shown_hash(found)
        record = _shown(workspace.artifact_record(digest)) if digest else None
        near = workspace.lineage(it["name"], ways="both", depth=1, limit=_NEAR)
        context |= {
            "record": record, "text": _text(found) if record is None else "", "bars": histogram_text, "waveform": waveform,
            "near": _near(near), "is_cut": near["is_cut"], "address_of": _address_of,
        }  # fmt: skip
    try:
        return pages_of(asked).show(asked.request, "artifact.html", **context)
    except Exception as error:
        if context.get("record") is None:
            raise
        _log.warning("what is kept to show %s cannot be read: %s", it["name"], error)
    # Written by another version, or by somebody's own program: the rest of the page is there all the same.
    return pages_of(asked).show(asked.request, "artifact.html", **{**context, "record": None, "text": _text(found)})


def _shown(record: object) -> dict[str, Any] | None:
    """What was kept of a value, where it is of a kind that the page knows."""
    if not isinstance(record, dict) or not isinstance(record.get("kind"), str):
        return None
    return record if record["kind"] in _RECORDS else None


def _address_of(node: LineageNode) -> str:
    return artifact_address(f"{node['run']}:{node['path']}")


def _versions(asked: Asked, run: str, step: int) -> list[tuple[str, int]]:
    """(name, number) of the model versions that the step registered."""
    return [(name, number) for made, name, number in asked.workspace.ask("model_made", run=run) if made == step]


def _text(found: FoundArtifact) -> str:
    """A small value of plain data, written out; empty: it is none, or has more to it than is shown."""
    node = unpack(found["node"])
    if blobs_of(node) or is_veiled(node) or len(found["node"]) > _SHOWN_BYTES:
        return ""
    try:
        value = plain_value(node, None)  # type: ignore[arg-type]  # it has no blobs
        if isinstance(value, str):
            return value
        return json.dumps(value, indent=2, ensure_ascii=False, default=str)
    except (PartitaError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError):
        return ""


def _file_kind(found: FoundArtifact) -> str:
    """What is sent of it: "pickle" where only its own code can open it, "archive" of several files, or "file"."""
    node = unpack(found["node"])
    if node[0] in (BLOB, INLINE):
        return "pickle" if "pickle" in str(node[1]) else "file"
    is_one = stored_file(node) is not None or not blobs_of(node)
    return "file" if is_one else "archive"


def _is_page(found: FoundArtifact) -> bool:
    """Whether it is HTML."""
    node = unpack(found["node"])
    file = stored_file(node)
    if file is not None:
        return file.name.lower().endswith((".html", ".htm"))
    return node[0] in (BLOB, INLINE) and node[1] == "html"


def _near(lineage: LineageView) -> dict[str, list[tuple[LineageNode, str]]]:
    """The steps whose values it was made of ("from"), and those that took it ("to"), each with how."""
    nodes = {node["number"]: node for node in lineage["nodes"]}
    start = next(node["number"] for node in lineage["nodes"] if node["is_start"])
    return {
        "from": [(nodes[one], how) for one, other, how in lineage["edges"] if other == start],
        "to": [(nodes[other], how) for one, other, how in lineage["edges"] if one == start],
    }


def _rows(lineage: LineageView) -> list[dict[str, Any]]:
    """Each step with those that it comes from, for who sees no picture."""
    nodes = {node["number"]: node for node in lineage["nodes"]}
    return [
        {
            "node": node, "address": _address_of(node),
            "sources": [(nodes[one], how) for one, other, how in lineage["edges"] if other == node["number"]],
        }
        for node in lineage["nodes"]
    ]  # fmt: skip


@routes.reads("/artifacts/item/file", needs="artifacts:read", kind="application/octet-stream")
def download(asked: Asked, name: Name) -> Response:
    """The artifact as it is stored: never shown by a browser, always kept as a file."""
    workspace = asked.workspace
    with asked.heavy():
        sent = file_of(workspace.artifact(name), workspace.blobs)
    headers = {
        "content-security-policy": _SANDBOX,
        "content-disposition": f'attachment; filename="{_ascii(sent.name)}"',
    }
    if not sent.name.isascii():
        from urllib.parse import quote

        headers["content-disposition"] += f"; filename*=UTF-8''{quote(sent.name, safe='')}"
    kind = "application/octet-stream"
    if sent.file is not None:
        return FileResponse(sent.file, media_type=kind, headers=headers)
    if sent.pieces is not None:
        return StreamingResponse(sent.pieces, media_type="application/zip", headers=headers)
    return Response(sent.data or b"", media_type=kind, headers=headers)


def _ascii(name: str) -> str:
    return "".join(sign if sign.isascii() and (sign.isalnum() or sign in "._+=@-") else "_" for sign in name)


@routes.reads("/artifacts/item/page", needs="artifacts:read", kind="text/html")
def page(asked: Asked, name: Name) -> Response:
    """HTML that a step made, by itself and without scripts."""
    found = asked.workspace.artifact(name)
    if not _is_page(found):
        raise NotFoundError(f"{name} is no HTML; its own page shows what it is")
    sent = file_of(found, asked.workspace.blobs)
    if sent.file is not None and sent.file.stat().st_size > _PAGE_BYTES:
        raise NotFoundError(f"{name} has more than {_PAGE_BYTES >> 20} MiB, and is not shown; download it instead")
    data = sent.file.read_bytes() if sent.file is not None else sent.data or b""
    return Response(data, media_type="text/html; charset=utf-8", headers={"content-security-policy": _SANDBOX})
