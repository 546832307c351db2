"""`partita components`: list, search, show, new."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from partita.cli import statuses
from partita.cli.component_template import component_files
from partita.cli.options import Json
from partita.cli.output import Cell, Output
from partita.cli.session import Session
from partita.errors import DefinitionError, NotFoundError
from partita.workspace.port import CatalogueView

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    components = typer.Typer(
        help="Tasks and flows that are ready for use.", no_args_is_help=True, epilog=statuses.LEGEND
    )
    components.command("list")(list_components)
    components.command("search")(search)
    components.command("show")(show)
    components.command("new")(new)
    app.add_typer(components, name="components")


def list_components(
    context: typer.Context,
    package: Annotated[str, typer.Option("--package", help='Only of this package; "project" for the own ones.')] = "",
    json: Json = False,
) -> int:
    """List the components of installed packages and of the project."""
    session: Session = context.obj
    found = session.workspace.components()
    if package:
        found["components"] = [item for item in found["components"] if (item["package"] or "project") == package]
    return _tell_all(session.output, found, "There are no components; a task or flow in the project is one.", json)


def search(
    context: typer.Context,
    words: Annotated[list[str], typer.Argument(help="In name, tags, description or parameters.")],
    json: Json = False,
) -> int:
    """Find components by words; the best stand first."""
    session: Session = context.obj
    wanted = " ".join(words)
    found = session.workspace.components(words=wanted)
    near = f"; near are {', '.join(found['near'])}" if found["near"] else ""
    return _tell_all(session.output, found, f"No component is described by {wanted!r}{near}.", json)


def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help='"package/name", or the name alone.')],
    json: Json = False,
) -> int:
    """Show a component: parameters, result, options, and how it is used."""
    session: Session = context.obj
    found = session.workspace.components(name=name)
    components = found["components"]
    if not components:
        near = f"; did you mean {found['near'][0]}?" if found["near"] else "; `partita components list` shows all"
        raise NotFoundError(f"there is no component {name!r}{near}")
    if len(components) > 1:
        named = ", ".join(item["name"] if item["package"] else item["reference"] for item in components)
        raise NotFoundError(f"there are {len(components)} components {name!r}; name one of them: {named}")
    if json:
        session.output.document(components[0])
    else:
        _tell_one(session.output, components[0])
    return statuses.SUCCESS


def new(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help='Of the package, such as "text-tasks".')],
    folder: Annotated[str, typer.Option("--folder", help="Where; default: a folder of that name.")] = "",
    json: Json = False,
) -> int:
    """Make a package that publishes tasks and flows. Nothing is ever overwritten."""
    session: Session = context.obj
    files = component_files(name)
    target = Path(folder or name).expanduser()
    if target.exists() and any(target.iterdir()):
        raise DefinitionError(f"{target.resolve()} is in use, and nothing is overwritten; name another one by --folder")
    for path, text in files.items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        with (target / path).open("x", encoding="utf-8") as stream:
            stream.write(text)
    if json:
        session.output.document({"folder": str(target.resolve()), "files": list(files)})
        return statuses.SUCCESS
    session.output.line(f"Made {', '.join(files)} in {target.resolve()}.")
    session.output.line("Next:")
    session.output.line(f"  pip install -e {shlex.quote(str(target))}")
    session.output.line(f"  partita components list --package {name}")
    return statuses.SUCCESS


def _tell_all(output: Output, found: CatalogueView, lack: str, json: bool) -> int:
    if json:
        output.document({"components": found["components"], "broken": found["broken"]})
        return statuses.SUCCESS
    if found["components"]:
        rows: list[list[Cell | str]] = [
            [Cell(item["name"], "bold"), item["version"], item["kind"], item["summary"]] for item in found["components"]
        ]
        output.table(["COMPONENT", "VERSION", "KIND", "WHAT IT DOES"], rows)
    else:
        output.note(lack)
    for item in found["broken"]:
        output.note(f"warning: {item['package']}: `{item['entry']}` is left out: {item['reason']}", "warn")
    return statuses.SUCCESS


def _tell_one(output: Output, item: dict[str, Any]) -> None:
    version = f" {item['version']}" if item["version"] else ""
    output.line(f"{item['name']}{version}  ({item['kind']}, {item['place']})", "bold")
    for text in (item["summary"], item["description"]):
        if text:
            output.line(text)
            output.line()
    output.line(item["import_line"])
    output.line(item["example"])
    if item["parameters"]:
        output.line()
        rows = [
            [Cell(one["name"], "bold"), one["type"], _default(one), one["description"]] for one in item["parameters"]
        ]
        output.table(["PARAMETER", "TYPE", "DEFAULT", "MEANING"], rows)
    output.line()
    _pair(output, "Gives", " - ".join(text for text in (item["returns"], item["returns_description"]) if text))
    _pair(output, "Options", ", ".join(f"{name}={value}" for name, value in item["options"].items()))
    _pair(output, "Tags", ", ".join(item["tags"]))
    _pair(output, "In YAML", _in_yaml(item))
    if item["missing"]:
        names = ", ".join(item["missing"])
        output.note(f"warning: it imports {names}, which is not installed here", "warn")


def _in_yaml(item: dict[str, Any]) -> str:
    place, _, name = item["reference"].partition(":")
    if item["kind"] == "class":
        return f"task: {place}:{name}.definition"
    return f"{item['kind']}: {place if place.endswith(('.yaml', '.yml')) else item['reference']}"


def _default(parameter: dict[str, Any]) -> str:
    if parameter["default"] is None:
        return "" if parameter["name"].startswith("*") else "required"
    return f"{parameter['default']} (bound)" if parameter["is_bound"] else str(parameter["default"])


def _pair(output: Output, word: str, text: str) -> None:
    if text:
        output.line(f"{output.paint(f'{word:<8}', 'dim')} {text}")
