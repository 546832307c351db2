"""`partita plan`: of a flow for people, and of instances in files for programs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from partita.cli import statuses
from partita.cli.failures import tell_problems
from partita.cli.inputs import parse_call
from partita.cli.naming import find_flow
from partita.cli.options import ForSteps, Inputs, Words
from partita.cli.session import Session
from partita.errors import OptionError
from partita.protocol.plans import PlanView
from partita.units import duration_s

__all__ = ["register"]

_Json = Annotated[
    bool,
    typer.Option("--json", help="Print JSON. In place of a flow, the JSON file (also .gz) of an instance may stand."),
]
_Output = Annotated[
    str, typer.Option("--output", "-o", metavar="FILE", help="Where an instance's plan goes; default: standard output.")
]
_Limit = Annotated[
    str, typer.Option("--time-limit", metavar="SECONDS", help="Look for better plans for so long.", show_default=False)
]
_Optimal = Annotated[bool, typer.Option("--optimal", help="Prove it: use the constraint solver.")]
_Stdio = Annotated[bool, typer.Option("--stdio", help="Say what starts when, one JSON line for each event read.")]
_Nodes = Annotated[
    str,
    typer.Option("--nodes", metavar="FILE", help="Plan for the nodes of this YAML or JSON file.", show_default=False),
]
_Alpha = Annotated[str, typer.Option("--alpha", metavar="NUMBER", help="What a second counts.", show_default=False)]
_Beta = Annotated[str, typer.Option("--beta", metavar="NUMBER", help="What the cost counts.", show_default=False)]
_Deadline = Annotated[
    str, typer.Option("--deadline", metavar="TIME", help="The cheapest plan that keeps it.", show_default=False)
]
_Budget = Annotated[
    str, typer.Option("--budget", metavar="COST", help="The fastest plan that costs no more.", show_default=False)
]
_Pareto = Annotated[bool, typer.Option("--pareto", help="Time against cost: the plans between fastest and cheapest.")]
_Svg = Annotated[
    str,
    typer.Option(
        "--svg", metavar="FILE", help='The chart as a picture, with --pareto that of time against cost; "-" prints it.'
    ),
]
_Html = Annotated[str, typer.Option("--html", metavar="FILE", help="All of it as one page.")]


def register(app: typer.Typer) -> None:
    app.command("plan", epilog=statuses.LEGEND, context_settings={"ignore_unknown_options": True})(plan)


def plan(
    context: typer.Context,
    words: Words = None,
    inputs: Inputs = "",
    executor: ForSteps = "",
    nodes: _Nodes = "",
    alpha: _Alpha = "",
    beta: _Beta = "",
    deadline: _Deadline = "",
    budget: _Budget = "",
    pareto: _Pareto = False,
    optimal: _Optimal = False,
    time_limit: _Limit = "",
    svg: _Svg = "",
    html: _Html = "",
    json: _Json = False,
    output: _Output = "",
    stdio: _Stdio = False,
) -> int:
    """Say what of a flow runs when and where, what it costs and when it is done, before it runs."""
    session: Session = context.obj
    if stdio and (words or json):
        raise typer.BadParameter("name a flow, or an instance by --json FILE, or give --stdio")
    limit_s = _seconds(time_limit)
    of_flows = {
        "--inputs": inputs, "--executor": executor, "--nodes": nodes, "--deadline": deadline, "--budget": budget,
        "--pareto": pareto, "--svg": svg, "--html": html,
    }  # fmt: skip
    weights = [_amount(text, option) if text else None for text, option in ((alpha, "--alpha"), (beta, "--beta"))]
    if stdio:
        of_files = {"--alpha": alpha, "--beta": beta, "--optimal": optimal, "--time-limit": time_limit, "-o": output}
        _refuse(of_flows | of_files, "with --stdio: the first event says all of the instance, alpha and beta included")
        return _converse(session)
    file = _instance_file(words or [], json)
    if file is not None:
        _refuse(
            of_flows,
            "of an instance's file: it says its tasks and nodes itself, --alpha and --beta weigh time against cost, and -o "
            "writes the plan",
        )
        return _plan_file(session, file, Path(output) if output else None, limit_s, optimal, weights)
    if output:
        raise typer.BadParameter("-o is for the plan of an instance's file; of a flow, --json prints the plan")
    if optimal and (deadline or budget):
        raise typer.BadParameter(
            "what is proved is alpha * time + beta * cost; leave out --optimal, or --deadline and --budget"
        )
    if words and _instance_file(words[:1], True):
        raise typer.BadParameter(
            f"{words[0]} is no flow; of an instance's file, --json prints the plan, or -o writes it"
        )
    if json and svg == "-":
        raise typer.BadParameter("--json and --svg - would print both; give a file for the picture")
    call = parse_call(words or (), inputs)
    flow = find_flow(session.workspace, call.flow)
    made = session.workspace.plan(
        flow,
        call.texts,
        {
            "executor": executor,
            "nodes": nodes,
            "alpha": weights[0],
            "beta": weights[1],
            "deadline_s": _duration(deadline) if deadline else None,
            "budget": _amount(budget, "--budget") if budget else None,
            "with_frontier": pareto,
            "must_prove": optimal,
            "time_limit_s": limit_s or None,
        },
    )
    status = statuses.FAILED if made["refusal"] else statuses.SUCCESS
    if svg == "-":
        session.output.out.write(_picture(made))
    elif svg:
        Path(svg).write_text(_picture(made), encoding="utf-8")
        session.output.note(f"Wrote {svg}.")
    if html:
        from partita.drawing.plan_page import plan_page

        Path(html).write_text(plan_page(made), encoding="utf-8")
        session.output.note(f"Wrote {html}.")
    if json:
        session.output.document({"flow": flow, **made, "exit_status": status})
        return status
    if not svg and not html:
        from partita.cli.planned import tell_plan

        tell_plan(session.output, made)
    session.output.flush()  # where both go to one place, news come after the plan
    tell_problems(session.output, made["problems"])
    if made["refusal"]:
        session.output.note(session.output.paint("error:", "bad", session.output.err) + " " + made["refusal"])
    return status


def _refuse(options: Mapping[str, object], why: str) -> None:
    """Refuse those that were given."""
    given = [name for name, value in options.items() if value]
    if given:
        raise typer.BadParameter(f"leave out {' and '.join(given)} {why}")


def _plan_file(
    session: Session, file: Path, target: Path | None, limit_s: float, must_prove: bool, weights: list[float | None]
) -> int:
    """Plan the instance of a file; what it comes to is told beside the plan."""
    from partita.workspace.planning import plan_file

    alpha, beta = weights
    told = plan_file(file, target, time_limit_s=limit_s, must_prove=must_prove, alpha=alpha, beta=beta)
    if target is None:
        numbers = ("objective", "makespan", "cost", "gap")
        session.output.document({name: told[name] for name in told if name not in numbers})
    session.output.note(_summary(told))
    return statuses.SUCCESS


def _summary(told: dict[str, Any]) -> str:
    gap = "proved to be the best" if not told["gap"] else f"at most {100 * told['gap']:.2g} % from the best"
    return (
        f"{told['instance']}: objective {told['objective']:g}, makespan {told['makespan']:g} s, cost {told['cost']:g}, "
        f"{gap} ({told['planner'].removeprefix('partita, ')})"
    )


def _seconds(text: str) -> float:
    try:
        seconds = float(text or 0)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise typer.BadParameter(f"--time-limit should be a number of seconds, and is {text!r}")
    return seconds


def _converse(session: Session) -> int:
    """Be asked what begins when, until nothing more is asked."""
    from partita.workspace.planning import answer_events

    for line in answer_events(sys.stdin):
        session.output.out.write(line + "\n")
        session.output.out.flush()
    return statuses.SUCCESS


def _picture(plan: PlanView) -> str:
    if plan["frontier"]:
        from partita.drawing.frontier import frontier_svg

        return frontier_svg(plan["frontier"])
    from partita.drawing.gantt_svg import gantt_svg

    return gantt_svg(plan)


def _instance_file(words: list[str], is_json: bool) -> Path | None:
    """The file of an instance, where one stands in place of a flow."""
    if not is_json or len(words) != 1 or words[0].endswith((".py", ".yaml", ".yml")):
        return None
    file = Path(words[0])
    return file if file.is_file() or file.suffix in (".json", ".gz") else None


def _amount(text: str, option: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise typer.BadParameter(f"{option} is {text!r}; give a number of at least 0")
    return number


def _duration(text: str) -> float:
    try:
        return duration_s(text, "--deadline")
    except OptionError as error:
        raise typer.BadParameter(str(error)) from None
