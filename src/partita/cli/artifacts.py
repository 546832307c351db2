"""`partita artifacts`: list, show, get, lineage, verify, gc."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from partita.cli import statuses
from partita.cli.options import Json
from partita.cli.session import Session
from partita.units import duration_s, size_bytes

__all__ = ["register"]

_Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help='An artifact: "RUN:train/fit[3].model", "fit[3]" of the latest run, or the beginning of its hash.',
    ),
]


def register(app: typer.Typer) -> None:
    artifacts = typer.Typer(help="The values that steps made.", no_args_is_help=True, epilog=statuses.LEGEND)
    artifacts.command("list")(list_artifacts)
    artifacts.command("show")(show)
    artifacts.command("get")(get)
    artifacts.command("lineage")(lineage)
    artifacts.command("verify")(verify)
    artifacts.command("gc")(collect)
    app.add_typer(artifacts, name="artifacts")


def list_artifacts(
    context: typer.Context,
    run: Annotated[str, typer.Option("--run", help='Only of this run; "latest" is one.')] = "",
    flow: Annotated[str, typer.Option("--flow", help="Only of runs of this flow.")] = "",
    type: Annotated[str, typer.Option("--type", help="Only of this type or codec: npy, text, pickle, list.")] = "",
    larger_than: Annotated[str, typer.Option("--larger-than", help='Only of at least this size: "10MB".')] = "",
    newer_than: Annotated[str, typer.Option("--newer-than", help='Only made in the last "2h".')] = "",
    older_than: Annotated[str, typer.Option("--older-than", help='Only made before "7d".')] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000_000, help="At most so many.")] = 50,
    json: Json = False,
) -> int:
    """List values that steps made, the newest run first."""
    from partita.cli.inventory import tell_artifacts

    session: Session = context.obj
    if flow:
        from partita.cli.naming import find_flow

        flow = find_flow(session.workspace, flow)
    now = time.time()
    found = session.workspace.artifacts(
        run=run, flow=flow, kind=type, limit=limit + 1,
        least_bytes=size_bytes(larger_than, "--larger-than") if larger_than else 0,
        since=now - duration_s(newer_than, "--newer-than") if newer_than else None,
        before=now - duration_s(older_than, "--older-than") if older_than else None,
    )  # fmt: skip
    if json:
        session.output.document(found[:limit])
    else:
        tell_artifacts(session.output, found[:limit], is_cut=len(found) > limit)
    return statuses.SUCCESS


def show(
    context: typer.Context,
    name: _Name,
    depth: Annotated[int, typer.Option("--depth", min=0, help="So many steps of its lineage in each direction.")] = 1,
    picture: Annotated[
        str, typer.Option("--picture", metavar="FILE", help="Write the small picture or HTML that is kept of it.")
    ] = "",
    json: Json = False,
) -> int:
    """Show a value: what it looks like, its size and hash, what made it and what uses it."""
    from partita.cli.inventory import tell_artifact, write_picture
    from partita.workspace.inventory import shown_hash

    session: Session = context.obj
    found = session.workspace.artifact(name)
    told = session.workspace.lineage(found["view"]["name"], depth=depth)
    digest = shown_hash(found)
    record = session.workspace.artifact_record(digest) if digest else None
    if picture:
        write_picture(session.output, found, session.workspace.artifact_record, Path(picture))
    if json:
        from partita.drawing.results import result_json

        session.output.document(
            {
                **found["view"],
                "value": result_json(found["node"]),
                "parts": found["parts"],
                "record": record,
                "lineage": told,
            }
        )
    else:
        tell_artifact(session.output, found, told, record)
    return statuses.SUCCESS


def get(
    context: typer.Context,
    name: _Name,
    target: Annotated[
        str, typer.Argument(metavar="[FILE]", help="File or folder; named after the step where nothing is said.")
    ] = "",
    raw: Annotated[bool, typer.Option("--raw", help="Write what is stored, byte for byte.")] = False,
    json: Json = False,
) -> int:
    """Write a value to a file that other programs read: .npy, .json, .wav, a file or folder as it was, or a folder of these."""
    session: Session = context.obj
    files = session.workspace.get_artifact(name, Path(target) if target else None, raw=raw)
    if json:
        session.output.document({"files": [str(file) for file in files]})
    for file in files if not json else []:
        session.output.line(str(file))
    return statuses.SUCCESS


def lineage(
    context: typer.Context,
    name: _Name,
    up: Annotated[bool, typer.Option("--up", help="Only what it came from.")] = False,
    down: Annotated[bool, typer.Option("--down", help="Only what came of it.")] = False,
    depth: Annotated[int, typer.Option("--depth", min=1, help="So many steps in each direction.")] = 20,
    limit: Annotated[int, typer.Option("--limit", min=2, max=100_000, help="At most so many steps.")] = 200,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="In Mermaid's notation, for Markdown.")] = False,
    svg: Annotated[str, typer.Option("--svg", metavar="FILE", help='As a picture; "-" prints it.')] = "",
    json: Json = False,
) -> int:
    """Show what a value came from and what came of it, across runs."""
    if mermaid + bool(svg) + json > 1:
        raise typer.BadParameter("--mermaid, --svg and --json are different forms; give one of them")
    from partita.cli.inventory import lineage_graph, tell_lineage

    session: Session = context.obj
    output = session.output
    ways = "both" if up == down else "up" if up else "down"
    told = session.workspace.lineage(name, ways=ways, depth=depth, limit=limit)
    if json:
        output.document(told)
    elif mermaid or svg:
        from partita.drawing import mermaid_text, svg_text

        drawn = lineage_graph(told)
        text = mermaid_text(drawn) if mermaid else svg_text(drawn)
        if svg and svg != "-":
            Path(svg).write_text(text, encoding="utf-8")
            output.note(f"Wrote {svg}.")
        else:
            output.line(text)
    else:
        tell_lineage(output, told, ways)
    return statuses.SUCCESS


def verify(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Artifacts; all where none is named.", show_default=False),
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Set damaged ones aside, so that a rerun makes them again.")
    ] = False,
    json: Json = False,
) -> int:
    """Compare what is stored with its hashes, and name what is damaged or missing."""
    from partita.cli.upkeep import Counter, tell_faults

    session: Session = context.obj
    with Counter(session.output) as counter:
        count, size, faults = session.workspace.verify_artifacts(names or (), repair=repair, progress=counter)
    if json:
        session.output.document({"blobs": count, "bytes": size, "faults": faults})
    else:
        tell_faults(session.output, count, size, faults, is_repairing=repair)
    return statuses.FAILED if faults else statuses.SUCCESS


def collect(
    context: typer.Context,
    older_than: Annotated[
        str, typer.Option("--older-than", help='Only what is older; default: "1h"; no less than a minute.')
    ] = "",
    local: Annotated[
        bool,
        typer.Option(
            "--local", help="Also the copies here of what is kept at a URL; they are fetched again when needed."
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be removed.")] = False,
    json: Json = False,
) -> int:
    """Remove what no run and no cache entry needs; also while runs go on."""
    from partita.cli.upkeep import tell_collection

    session: Session = context.obj
    older_than_s = duration_s(older_than, "--older-than") if older_than else None
    found = session.workspace.collect_artifacts(older_than_s=older_than_s, dry_run=dry_run, local_copies=local)
    if json:
        session.output.document(found)
    else:
        tell_collection(session.output, found)
    return statuses.SUCCESS
