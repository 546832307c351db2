"""`partita studies`: list, show, best, export, remove."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from partita.cli import statuses
from partita.cli.options import Json
from partita.cli.output import Cell, Output
from partita.cli.session import Session
from partita.cli.studying import parameters_text
from partita.drawing.cells import clean
from partita.drawing.studies import PICTURES, counts_text, study_csv, study_picture, values_text
from partita.errors import NotFoundError
from partita.protocol.studies import StudyView, TrialView
from partita.units import duration_text

__all__ = ["register"]

_LATEST = "latest"
_Name = Annotated[str, typer.Argument(metavar="STUDY", help="A study, by its name.")]
_NameOrLatest = Annotated[str, typer.Argument(metavar="STUDY", help='A study, by its name; "latest" is the newest.')]
_STYLES = {"succeeded": "good", "pruned": "dim", "failed": "bad", "cancelled": "warn", "running": "busy"}
_SYMBOLS = {"pruned": "skipped"}


def register(app: typer.Typer) -> None:
    studies = typer.Typer(
        help="Look at studies that `partita tune` has made.", no_args_is_help=True, epilog=statuses.LEGEND
    )
    studies.command("list")(list_studies)
    studies.command("show")(show)
    studies.command("best")(best)
    studies.command("export")(export)
    studies.command("remove")(remove)
    app.add_typer(studies, name="studies")


def list_studies(context: typer.Context, json: Json = False) -> int:
    """List studies, the newest first."""
    session: Session = context.obj
    found = session.workspace.studies()[::-1]
    if json:
        session.output.document(found)
        return statuses.SUCCESS
    if not found:
        session.output.note("There are no studies here; `partita tune FLOW` makes one.")
        return statuses.SUCCESS
    rows: list[list[Cell | str]] = [
        [Cell(view["name"], "bold"), view["state"], view["title"], counts_text(view), duration_text(view["took_s"]),
         _best_text(view)]
        for view in found
    ]  # fmt: skip
    session.output.table(["STUDY", "STATE", "FLOW", "TRIALS", "TOOK", "BEST"], rows)
    return statuses.SUCCESS


def _best_text(view: StudyView) -> str:
    if len(view["objectives"]) > 1 and len(view["best"]) > 1:
        return f"{len(view['best'])} that no other beats"
    return values_text(view["best"][0]) if view["best"] else ""


def show(
    context: typer.Context,
    name: _NameOrLatest = _LATEST,
    sort: Annotated[bool, typer.Option("--sort", help="The best trials first.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=0, help="So many trials at most.")] = 100,
    picture: Annotated[
        str,
        typer.Option("--picture", metavar="FILE", help='Write a picture as SVG; "-" prints it.', show_default=False),
    ] = "",
    kind: Annotated[
        str,
        typer.Option(
            "--kind", help=f"Which picture: {', '.join(PICTURES)}; default: by the file's name, or the history."
        ),
    ] = "",
    parameter: Annotated[str, typer.Option("--parameter", help="Of slices, only this one.", show_default=False)] = "",
    importance: Annotated[bool, typer.Option("--importance", help="Tell how much each parameter matters.")] = False,
    json: Json = False,
) -> int:
    """Show a study with its trials, or a picture of it."""
    session: Session = context.obj
    if picture != "-" and Path(picture).suffix not in ("", ".svg"):
        raise typer.BadParameter(f"{picture}: a picture is SVG; write {Path(picture).with_suffix('.svg')}")
    kind = kind or next((each for each in PICTURES if each in Path(picture).stem), "history")
    name = _named(session, name)
    view = session.workspace.study(name, importance=importance or (bool(picture) and kind == "importance"))
    if picture:
        drawn = study_picture(view, kind, parameter)
        if picture == "-":
            session.output.line(drawn.rstrip())
        else:
            Path(picture).write_text(drawn, encoding="utf-8")
            session.output.note(f"{kind} of {name}: {picture}")
        return statuses.SUCCESS
    if json:
        session.output.document(view)
        return statuses.SUCCESS
    _tell(session.output, view)
    trials = sorted(view["trials"], key=lambda trial: _rank(view, trial)) if sort else view["trials"]
    _tell_trials(session.output, view, trials[:limit])
    if len(trials) > limit:
        session.output.note(f"and {len(trials) - limit:,} more; `partita studies export {name}` writes all")
    return statuses.SUCCESS


def _named(session: Session, name: str) -> str:
    """The name of the study that is meant."""
    if name != _LATEST:
        return name
    found = session.workspace.studies()
    if not found:
        raise NotFoundError("there are no studies here; `partita tune FLOW` makes one")
    return found[-1]["name"]


def _rank(view: StudyView, trial: TrialView) -> tuple[bool, float]:
    name, way = next(iter(view["objectives"].items()))
    value = trial["values"].get(name, 0.0)
    return not trial["values"], -value if way == "maximize" else value


def _tell(output: Output, view: StudyView) -> None:
    output.line(
        f"{output.paint(clean(view['name']), 'bold')}  {view['state']}{': ' + clean(view['reason']) if view['reason'] else ''}"
    )
    budgets = {"trials": "{:,.0f} trials", "time_s": "", "cost": "a cost of {:g}", "target": "a target of {:g}"}
    told = [
        duration_text(amount) if name == "time_s" else budgets[name].format(amount)
        for name, amount in view["budgets"].items()
    ]
    about = [
        ("flow", view["flow"]),
        ("objective", ", ".join(f"{name} ({way}d)" for name, way in view["objectives"].items())),
        ("space", "; ".join(f"{name} {_space_text(plain)}" for name, plain in view["space"].items())),
        ("sampler", f"{view['sampler']}, seed {view['seed']}, pruner {view['pruner']}"),
        ("until", ", ".join(told)),
        ("trials", counts_text(view)),
        ("created", time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(view["created_at"]))),
        (
            "took",
            duration_text(view["took_s"])
            + (f", about {duration_text(view['left_s'])} to go" if view["left_s"] else ""),
        ),
        ("cost", f"{view['cost']:.4g}" if view["cost"] else ""),
        ("matters", ", ".join(f"{name} {share:.0%}" for name, share in (view.get("importance") or {}).items())),
    ]
    for name, text in about:
        if text:
            output.line(f"  {output.paint(f'{name:<9}', 'dim')} {clean(text)}")
    output.line()


def _space_text(plain: dict[str, object]) -> str:
    if "choices" in plain:
        told = "|".join(map(str, plain["choices"]))  # type: ignore[call-overload]
    else:
        told = f"{plain['low']:g}..{plain['high']:g}" + (
            ":log" if plain.get("log") else f":{plain['step']:g}" if "step" in plain else ""
        )
    when = plain.get("when")
    if isinstance(when, dict):
        told += " when " + " and ".join(f"{name}={'|'.join(map(str, values))}" for name, values in when.items())
    return told


def _tell_trials(output: Output, view: StudyView, trials: list[TrialView]) -> None:
    best = {trial["number"] for trial in view["best"]}
    rows: list[list[Cell | str]] = []
    for trial in trials:
        state = Cell(
            f"{output.symbol(_SYMBOLS.get(trial['state'], trial['state']))} {trial['state']}", _STYLES[trial["state"]]
        )
        took = duration_text(trial["ended_at"] - trial["started_at"]) if trial["ended_at"] is not None else ""
        told = f"as trial {trial['same_as']}" if trial["same_as"] is not None else trial["error"].split("\n")[0]
        rows.append(
            [Cell(f"{trial['number']}{'*' * (trial['number'] in best)}", "bold"), state, values_text(trial), took, trial["run"],
             parameters_text(trial), told]
        )  # fmt: skip
    if rows:
        output.table(["TRIAL", "STATE", "VALUES", "TOOK", "RUN", "PARAMETERS", ""], rows)


def best(context: typer.Context, name: _NameOrLatest = _LATEST, json: Json = False) -> int:
    """Show the best trial; with several objectives, those that no other one beats."""
    session: Session = context.obj
    view = session.workspace.study(_named(session, name))
    if json:
        session.output.document(view["best"])
    else:
        for trial in view["best"]:
            session.output.line(f"trial {trial['number']}: {clean(values_text(trial))}")
            session.output.line(f"  {clean(parameters_text(trial))}   run {trial['run']}")
    if not view["best"]:
        session.output.note("No trial has succeeded yet.")
        return statuses.FAILED
    return statuses.SUCCESS


def export(
    context: typer.Context,
    name: _NameOrLatest = _LATEST,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Default: standard output.")] = "",
    json: Annotated[bool, typer.Option("--json", help="JSON instead of CSV; so does a file that is named so.")] = False,
) -> int:
    """Write all trials as CSV or JSON."""
    from partita.cli.output import json_text

    session: Session = context.obj
    view = session.workspace.study(_named(session, name))
    text = json_text(view, indent=2) + "\n" if json or output.endswith(".json") else study_csv(view)
    if output:
        Path(output).write_text(text, encoding="utf-8")
        session.output.note(f"{len(view['trials']):,} trials: {output}")
    else:
        session.output.out.write(text)
    return statuses.SUCCESS


def remove(context: typer.Context, name: _Name, json: Json = False) -> int:
    """Forget a study; its runs stay."""
    session: Session = context.obj
    session.workspace.remove_study(name)
    if json:
        session.output.document({"removed": name})
    else:
        session.output.line(f"The study {name} is forgotten; its runs are still there.")
    return statuses.SUCCESS
