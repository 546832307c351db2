"""`partita tune`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from partita.cli import statuses
from partita.cli.inputs import parse_call
from partita.cli.naming import find_flow
from partita.cli.options import ForSteps, Inputs, Json
from partita.cli.session import Session
from partita.cli.studying import conclude, follow_study
from partita.errors import CheckError, Problem
from partita.protocol.studies import TuneRequest
from partita.units import duration_s

__all__ = ["register"]

_EPILOG = f"""A space is written "0.0001..1:log", "1..9", "1..9:2" (a step) or "line|forest".
With a condition: "1..9 when model=forest".

{statuses.LEGEND}"""
_TUNE = re.compile(r"^tune:", re.MULTILINE)

_Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[FLOW | STUDY.yaml] [--NAME VALUE | NAME=VALUE]...",
        help="The flow, or a file with a study; then inputs that are the same in each trial.",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    app.command("tune", epilog=_EPILOG, context_settings={"ignore_unknown_options": True})(tune)


def tune(
    context: typer.Context,
    words: _Words = None,
    inputs: Inputs = "",
    space: Annotated[
        list[str] | None,
        typer.Option(
            "--space", metavar="NAME[=SPACE]", help="What is searched, besides what the flow says; may be repeated."
        ),
    ] = None,
    objective: Annotated[
        list[str] | None,
        typer.Option(
            "--objective",
            metavar="NAME[:DIRECTION]",
            help="Where the number stands in the result; several may be given.",
        ),
    ] = None,
    direction: Annotated[str, typer.Option("--direction", help="maximize or minimize.")] = "maximize",
    trials: Annotated[
        int | None, typer.Option("--trials", min=1, help="End after so many in all; default: 50.")
    ] = None,
    time: Annotated[str, typer.Option("--time", metavar="TIME", help='End after so long: "10m".')] = "",
    cost: Annotated[float | None, typer.Option("--cost", help="End when the runs have cost so much.")] = None,
    target: Annotated[float | None, typer.Option("--target", help="End when the objective is this good.")] = None,
    parallel: Annotated[int | None, typer.Option("--parallel", min=1, help="So many runs at once.")] = None,
    sampler: Annotated[str, typer.Option("--sampler", help="tpe, random, grid or genetic.")] = "",
    pruner: Annotated[str, typer.Option("--pruner", help="median, halving, hyperband or none.")] = "",
    report: Annotated[
        str, typer.Option("--report", metavar="NAME[:DIRECTION]", help="What steps report that trials are pruned by.")
    ] = "",
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of the sampler.")] = None,
    failures: Annotated[int | None, typer.Option("--failures", min=0, help="So many failures in a row end it.")] = None,
    study: Annotated[
        str, typer.Option("--study", metavar="NAME", help="Its name; one of this name is gone on with.")
    ] = "",
    executor: ForSteps = "",
    refresh: Annotated[bool, typer.Option("--refresh", help="Compute what the cache has, and keep it.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print only what is best, and errors.")] = False,
    json: Json = False,
) -> int:
    """Search the inputs of a flow for the best result; each trial is a run. Called again by its name, a study goes on."""
    session: Session = context.obj
    request = _request(session, words or [], inputs, study)
    if space:
        request["space"] = {**request.get("space", {}), **dict(map(_space, space))}
    if objective:
        request["objectives"] = dict(_directed(text, direction) for text in objective)
    elif request.get("flow") and "objectives" not in request:
        request["objectives"] = {"": direction}
    if report:
        request["report"], request["report_direction"] = _directed(report, "")
    given: dict[str, Any] = {
        "trials": trials, "time_s": duration_s(time, "--time") if time else None, "cost": cost, "target": target,
        "parallel": parallel, "sampler": sampler or None, "pruner": pruner or None, "seed": seed, "failures": failures,
        "executor": executor or None, "refresh": refresh or None,
    }  # fmt: skip
    request.update({name: value for name, value in given.items() if value is not None})  # type: ignore[typeddict-item]
    view, was_left = follow_study(session, request, is_quiet=quiet)
    return conclude(session, view, was_left=was_left, is_quiet=quiet)


def _request(session: Session, words: list[str], inputs: str, study: str) -> TuneRequest:
    """Flow and inputs: of the words, or of a file."""
    request = TuneRequest()
    call = parse_call(words, inputs)
    if call.flow.endswith((".yaml", ".yml")) and _holds_study(Path(call.flow)):
        request = session.workspace.study_file(Path(call.flow))
        request["flow"] = find_flow(session.workspace, request["flow"])
        request["texts"] = {**request["texts"], **call.texts}
    elif call.flow or not study:
        request["flow"] = find_flow(session.workspace, call.flow)
        request["texts"] = call.texts
    elif call.texts:
        told = f"the study {study} has its inputs already; name the flow to make one with others"
        raise CheckError([Problem(told, "", "leave the inputs out, or give another --study")])
    if study:
        request["study"] = study
    return request


def _holds_study(file: Path) -> bool:
    try:
        return bool(_TUNE.search(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError):
        return False


def _space(text: str) -> tuple[str, Any]:
    name, is_said, told = text.partition("=")
    return name.strip(), told.strip() if is_said else True


def _directed(text: str, direction: str) -> tuple[str, str]:
    name, is_said, way = text.rpartition(":")
    return (name, way) if is_said else (text, direction)
