"""`partita models`: list, show, compare, promote, rollback, alias, gates, describe, delete, card, export, import."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from partita.cli import statuses
from partita.cli.options import Json
from partita.cli.session import Session
from partita.errors import GateError

__all__ = ["register"]

_Version = Annotated[
    str, typer.Argument(metavar="NAME", help='A version: "churn" (the latest), "churn:3" or "churn@champion".')
]
_Model = Annotated[str, typer.Argument(metavar="MODEL", help="A model.")]
_Alias = Annotated[str, typer.Argument(metavar="[ALIAS]", help="The alias.")]
_Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="Why, for the history.", show_default=False)]
_By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who does it; default: you.", show_default=False)]


def register(app: typer.Typer) -> None:
    models = typer.Typer(help="The models of the registry.", no_args_is_help=True, epilog=statuses.LEGEND)
    models.command("list")(list_models)
    models.command("show")(show)
    models.command("compare")(compare)
    models.command("promote")(promote)
    models.command("rollback")(rollback)
    models.command("alias")(alias)
    models.command("gates")(gates)
    models.command("describe")(describe)
    models.command("delete")(delete)
    models.command("card")(card)
    models.command("export")(export)
    models.command("import")(import_model)
    app.add_typer(models, name="models")


def list_models(context: typer.Context, json: Json = False) -> int:
    """List the models, with their aliases."""
    from partita.cli.model_tables import tell_models

    session: Session = context.obj
    found = session.workspace.models()
    if json:
        session.output.document(found)
    else:
        tell_models(session.output, found)
    return statuses.SUCCESS


def show(
    context: typer.Context,
    name: _Version,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many versions.")] = 20,
    json: Json = False,
) -> int:
    """Show a model with its versions and history; or one version, "churn:3", with all that is known of it."""
    from partita.cli.model_tables import tell_model, tell_version

    session: Session = context.obj
    if ":" in name.removeprefix("models:/") or "@" in name:
        view, found = session.workspace.model_version(name)
        if json:
            session.output.document({**view, "evaluations": {data: _told(one) for data, one in found.items()}})
        else:
            tell_version(session.output, view, found)
        return statuses.SUCCESS
    model, versions, moves = session.workspace.model(name, limit=limit)
    if json:
        session.output.document({**model, "versions": versions, "moves": moves})
    else:
        tell_model(session.output, model, versions, moves)
    return statuses.SUCCESS


def _told(evaluation: dict[str, object]) -> dict[str, object]:
    """An evaluation without what is long and for no eye."""
    return {name: value for name, value in evaluation.items() if name not in ("losses", "pictures")}


def compare(
    context: typer.Context,
    one: Annotated[str, typer.Argument(metavar="ONE", help='A version, such as "churn@champion".')],
    other: Annotated[str, typer.Argument(metavar="OTHER", help="Another one.")],
    json: Json = False,
) -> int:
    """Show what differs between two versions: metrics, size, signature, environment."""
    from partita.cli.model_tables import compared, tell_comparison

    session: Session = context.obj
    found = compared(session.workspace.model_version(one)[0], session.workspace.model_version(other)[0])
    if json:
        session.output.document(found)
    else:
        tell_comparison(session.output, found)
    return statuses.SUCCESS


def promote(
    context: typer.Context,
    name: _Version,
    alias: _Alias = "champion",
    gate: Annotated[
        list[str] | None,
        typer.Option(
            "--gate", metavar="TEXT", show_default=False,
            help='What has to hold, instead of what is set for the alias: "accuracy >= 0.9", "accuracy no worse".',
        ),
    ] = None,
    approve: Annotated[
        str | None, typer.Option("--approve", metavar="COMMENT", help="Approve it, in your name.", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Though a gate is not met; say --why.")] = False,
    why: _Why = "",
    by: _By = "",
    json: Json = False,
) -> int:  # fmt: skip
    """Let an alias name a version, if all of its gates are met."""
    from partita.cli.model_tables import tell_verdicts

    session: Session = context.obj
    try:
        verdicts = session.workspace.promote_model(
            name, alias, gates=gate, why=why, force=force, approved=approve, by=by
        )
    except GateError as error:
        if json:
            session.output.document(
                {"error": {"type": "GateError", "message": str(error)}, "exit_status": statuses.FAILED}
            )
        else:
            session.output.note(str(error))
        return statuses.FAILED
    if json:
        session.output.document({"version": name, "alias": alias, "gates": verdicts})
    else:
        tell_verdicts(session.output, verdicts)
        session.output.line(f"{name} is {alias} now.")
    return statuses.SUCCESS


def rollback(
    context: typer.Context, model: _Model, alias: _Alias = "champion", why: _Why = "", by: _By = "", json: Json = False
) -> int:
    """Let an alias name the version that it named before. No gate is asked."""
    session: Session = context.obj
    version = session.workspace.rollback_model(model, alias, why=why, by=by)
    if json:
        session.output.document({"version": version, "alias": alias})
    else:
        session.output.line(f"{version} is {alias} again.")
    return statuses.SUCCESS


def alias(
    context: typer.Context,
    name: _Version,
    alias: Annotated[str, typer.Argument(metavar="ALIAS", help="The alias.")],
    remove: Annotated[bool, typer.Option("--remove", help="Take it away from the model.")] = False,
    why: _Why = "",
    by: _By = "",
    json: Json = False,
) -> int:
    """Give a version an alias without asking a gate, or take one away."""
    session: Session = context.obj
    if remove:
        session.workspace.remove_alias(name, alias, why=why, by=by)
    else:
        session.workspace.set_alias(name, alias, why=why, by=by)
    if json:
        session.output.document({"version": name, "alias": alias, "is_removed": remove})
    else:
        session.output.line(f"{name} has no alias {alias} any more." if remove else f"{name} is {alias} now.")
    return statuses.SUCCESS


def gates(
    context: typer.Context,
    model: _Model,
    alias: _Alias = "champion",
    gate: Annotated[
        list[str] | None,
        typer.Option("--gate", metavar="TEXT", help="What has to hold from now on.", show_default=False),
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="From now on nothing has to hold.")] = False,
    json: Json = False,
) -> int:
    """Show or set what has to hold before a version of a model gets an alias."""
    session: Session = context.obj
    if gate or clear:
        found = session.workspace.set_gates(model, alias, gate or [])
    else:
        told = session.workspace.model(model)[0]["tags"].get(f"gates:{alias}", "")
        found = [text for text in told.split("; ") if text]
    if json:
        session.output.document({"model": model, "alias": alias, "gates": found})
        return statuses.SUCCESS
    for text in found:
        session.output.line(text)
    if not found:
        session.output.note(f"Nothing has to hold before a version of {model} becomes {alias}; --gate sets what has.")
    return statuses.SUCCESS


def describe(
    context: typer.Context,
    name: _Version,
    text: Annotated[str | None, typer.Argument(metavar="[TEXT]", help="What it is.", show_default=False)] = None,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="KEY=TEXT", help="A tag; without a text it is taken away.")
    ] = None,
    json: Json = False,
) -> int:
    """Say what a model, or one version of it, is."""
    session: Session = context.obj
    tags = {}
    for given in tag or ():
        key, equals, value = given.partition("=")
        if not key or not equals:
            raise typer.BadParameter(f"{given!r} is no tag; write KEY=TEXT")
        tags[key] = value
    session.workspace.describe_model(name, description=text, tags=tags)
    if json:
        session.output.document({"name": name, "description": text, "tags": tags})
    else:
        session.output.line(f"{name} is described.")
    return statuses.SUCCESS


def delete(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME:NUMBER", help="A version, by its number.")],
    json: Json = False,
) -> int:
    """Forget a version that no alias names; its files go with the next `partita artifacts gc`."""
    session: Session = context.obj
    session.workspace.delete_version(name)
    if json:
        session.output.document({"deleted": name})
    else:
        session.output.line(f"{name} is forgotten; `partita artifacts gc` frees its files.")
    return statuses.SUCCESS


def card(
    context: typer.Context,
    name: _Version,
    html: Annotated[bool, typer.Option("--html", help="As a page of HTML with pictures.")] = False,
    out: Annotated[
        str,
        typer.Option(
            "--out", "-o", metavar="FILE", help="Write it to a file; .html is one of HTML.", show_default=False
        ),
    ] = "",
    json: Json = False,
) -> int:
    """Write the model card of a version: what is known of it, its metrics, data, lineage and history."""
    session: Session = context.obj
    text = session.workspace.model_card(name, html=html or out.endswith((".html", ".htm")))
    if out:
        Path(out).write_text(text, encoding="utf-8")
    if json:
        session.output.document({"file": out} if out else {"card": text})
    elif out:
        session.output.note(f"Wrote {out}.")
    else:
        session.output.line(text.rstrip("\n"))
    return statuses.SUCCESS


def export(
    context: typer.Context,
    name: _Version,
    target: Annotated[str, typer.Argument(metavar="FOLDER", help="A folder that is made.")],
    form: Annotated[str, typer.Option("--form", help='"mlflow", or "files": the model\'s own.')] = "mlflow",
    json: Json = False,
) -> int:
    """Write a version as a folder in MLflow's format, or its own files."""
    session: Session = context.obj
    files = session.workspace.export_model(name, Path(target), form=form)
    if json:
        session.output.document({"files": [str(file) for file in files]})
    for file in files if not json else ():
        session.output.line(str(file))
    return statuses.SUCCESS


def import_model(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A folder in MLflow's format, or a file of a model.")],
    name: _Model,
    trust: Annotated[
        bool, typer.Option("--trust", help="Open what can run code, such as a pickle: if you know where it comes from.")
    ] = False,
    json: Json = False,
) -> int:
    """Register a model that was made elsewhere; a worker opens it."""
    session: Session = context.obj
    version = session.workspace.import_model(Path(source), name, trust=trust)
    if json:
        session.output.document({"version": version})
    else:
        session.output.line(f"{source} is {version} now.")
    return statuses.SUCCESS
