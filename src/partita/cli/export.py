"""`partita export`: kubernetes."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from partita.cli import statuses
from partita.cli.inputs import parse_call
from partita.cli.naming import find_flow
from partita.cli.options import Inputs, Json, Words
from partita.cli.session import Session
from partita.errors import NotFoundError

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    export = typer.Typer(help="Files for what runs Partita elsewhere.", no_args_is_help=True, epilog=statuses.LEGEND)
    export.command("kubernetes", context_settings={"ignore_unknown_options": True})(kubernetes)
    app.add_typer(export, name="export")


def kubernetes(
    context: typer.Context,
    words: Words = None,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FOLDER", help="Where the files are written.")] = "",
    image: Annotated[str, typer.Option("--image", help="With the project's code, and Partita; default: NAME:1.")] = "",
    name: Annotated[str, typer.Option("--name", help="What all is called; default: as the project's folder.")] = "",
    namespace: Annotated[str, typer.Option("--namespace", help="Where it is run; default: as --name.")] = "",
    schedule: Annotated[str, typer.Option("--schedule", help="When flows start, in the form of cron.")] = "0 6 * * *",
    time_zone: Annotated[str, typer.Option("--time-zone", help="Of the schedule, such as Europe/Lisbon.")] = "",
    artifacts: Annotated[str, typer.Option("--artifacts", metavar="URL", help="Where all pods keep values.")] = "",
    project: Annotated[
        str, typer.Option("--project", metavar="PATH", help="Where the project lies in the image.")
    ] = "/app",
    inputs: Inputs = "",
    json: Json = False,
) -> int:
    """Write manifests that run an engine in Kubernetes, and flows on a schedule."""
    from partita.workspace.exporting import export_kubernetes

    session: Session = context.obj
    workspace = session.workspace
    flows, rest = _leading(list(words or ()))
    calls: list[tuple[str, dict[str, str]]] = [(find_flow(workspace, flow), {}) for flow in flows[:-1]]
    last = parse_call([*flows[-1:], *rest], inputs)
    calls.append((find_flow(workspace, last.flow), last.texts))
    made = export_kubernetes(
        workspace.folder, calls, image=image, name=name,
        namespace=namespace, schedule=schedule, time_zone=time_zone, artifacts=artifacts, project=project,
    )  # fmt: skip
    if output:
        _write(Path(output), made["files"])
    if json:
        session.output.document(dict(made))
        return statuses.SUCCESS
    if not output:
        session.output.out.write("".join(f"# {file}\n---\n{text}" for file, text in made["files"].items()))
    else:
        session.output.line(f"Wrote {', '.join(made['files'])} to {output}. What is left to do:")
    for number, note in enumerate(made["notes"], 1):
        told = note.replace("FOLDER", shlex.quote(output)) if output else note
        session.output.note(f"  {number}. {told}")
    return statuses.SUCCESS


def _leading(words: list[str]) -> tuple[list[str], list[str]]:
    """Flows, and what stands behind them: the inputs of the last one."""
    count = next((n for n, word in enumerate(words) if word.startswith("-") or "=" in word), len(words))
    return words[:count], words[count:]


def _write(folder: Path, files: dict[str, str]) -> None:
    if existing := [name for name in files if (folder / name).exists()]:
        raise NotFoundError(
            f"{folder} has {', '.join(existing)} already, and nothing is overwritten; name another folder, or remove them"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
