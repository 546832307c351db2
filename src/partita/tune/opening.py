"""Making studies, and finding them again."""

from __future__ import annotations

import difflib
import re
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from partita.errors import CheckError, DefinitionError, NotFoundError, Problem, StudyError
from partita.tune.budgets import Budgets
from partita.tune.journal import Journals, need_name
from partita.tune.loop import Plan, Show, go_on
from partita.tune.objectives import Objectives
from partita.tune.port import Starter, TrialRuns
from partita.tune.proposing import Proposer, need_optuna
from partita.tune.record import StudyRecord
from partita.tune.spaces import Space

__all__ = ["Search", "again", "budgets_of", "free_name", "read_record", "search", "study_names"]

#: Of a definition, what may not change when a study is gone on with, and how people call it.
_FIXED = {"flow": "flow", "objectives": "objective", "space": "space", "inputs": "inputs"}


class Search(NamedTuple):
    """What a study is, but for its name."""

    starter: Starter
    space: Space  # empty where a function draws
    plan: Plan
    sampler: Any = "tpe"  # one of `proposing.SAMPLERS`, or a sampler of Optuna
    pruner: Any = "median"  # likewise
    seed: int | None = None
    report_direction: str = ""  # of what trials are pruned by, where it is not that of the objective


def study_names(journals: Journals) -> list[str]:
    """All studies, the oldest first."""
    return journals.names()


def read_record(journals: Journals, name: str) -> StudyRecord:
    """A study by its name.

    Raises:
        NotFoundError: there is none.
    """
    record = StudyRecord(journals.lines(need_name(name)))
    if not record.definition:
        names = journals.names()
        near = difflib.get_close_matches(name, names, 1)
        hint = (
            f"did you mean {near[0]}?"
            if near
            else f"there are {', '.join(names[-5:])}"
            if names
            else "`partita tune` makes one"
        )
        raise NotFoundError(f"there is no study {name!r}; {hint}")
    return record


def free_name(journals: Journals, title: str) -> str:
    """A name for a study of the flow: "train-1"."""
    stem = re.sub(r"[^A-Za-z0-9_.-]", "-", title).strip(".-") or "study"
    taken = set(journals.names())
    return next(name for number in range(1, len(taken) + 2) if (name := f"{stem[:70]}-{number}") not in taken)


def search(runs: TrialRuns, made: Search, name: str = "", show: Show = lambda view: None) -> str:
    """Make a study and go on with it, or with the one of this name; gives its name.

    Args:
        name: default: a new one, by the flow's.
        show: is told how it stands.

    Raises:
        StudyError: the one of this name is another search, or somebody is at it.
        CheckError: the flow or its inputs are refused.
        MissingExtraError: Optuna is not installed.
    """
    need_optuna()
    if made.plan.budgets.cost is not None and not runs.is_priced():
        told = "a cost ends nothing here: no executor of the settings has a price, so runs cost nothing"
        raise CheckError([Problem(told, "", "give trials or a time, or an executor a price")])
    journals = runs.journals
    name = name or free_name(journals, made.starter.title)
    is_new = False
    try:
        with journals.hold(need_name(name)) as journal:
            record = StudyRecord(journals.lines(name))
            definition = _definition(name, made, runs.now())
            is_new = not record.definition
            if is_new:
                record.take(definition)
            else:
                _need_same(record.definition, definition)
            proposer = Proposer(
                record.directions, made.sampler, made.pruner, record.definition["seed"],
                record.space() if made.plan.draw is None else Space({}), made.report_direction,
            )  # fmt: skip
            if is_new:
                journal.append(definition)
            go_on(runs, made.starter, record, journal, proposer, made.plan, show)
    except (CheckError, DefinitionError):
        if is_new:  # nothing has come of it
            journals.remove(name)
        raise
    return name


def _definition(name: str, made: Search, now: float) -> dict[str, Any]:
    starter = made.starter.plain()
    return {
        "what": "study", "at": now, "name": name, "flow": made.starter.flow, "title": made.starter.title,
        "starter": starter, "inputs": starter.get("inputs"), "objectives": made.plan.objectives.directions,
        "space": made.space.plain(), "sampler": _name_of(made.sampler), "pruner": _name_of(made.pruner),
        "seed": made.seed if made.seed is not None else secrets.randbits(31), "report": made.plan.report,
        "report_direction": made.report_direction,
        "parallel": made.plan.parallel, "failures": made.plan.failures, "reuse": made.plan.reuse,
        "only_here": _only_here(made),
    }  # fmt: skip


def _only_here(made: Search) -> list[str]:
    """What of it no other process can make again."""
    found = []
    if made.plan.objectives.function is not None:
        found.append("its objective is a function")
    if made.plan.draw is not None:
        found.append("its space is a function")
    return found + [
        f"its {word} is an object"
        for word, given in (("sampler", made.sampler), ("pruner", made.pruner))
        if not isinstance(given, str)
    ]


def _name_of(given: Any) -> str:
    return given if isinstance(given, str) else type(given).__name__


def _need_same(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    differing = [word for key, word in _FIXED.items() if old[key] != new[key]]
    if differing:
        raise StudyError(
            f"the study {old['name']!r} is there with another {' and another '.join(differing)}; give another name, "
            f"or remove it: partita studies remove {old['name']}"
        )


def again(record: StudyRecord, runs: TrialRuns, plan: Plan) -> Search:
    """What a study was defined by, to go on with it in another process.

    Args:
        plan: what of it is said anew: budgets, how many run at once, and how many failures end it.

    Raises:
        StudyError: a part of it is a function or an object of Python.
    """
    given = record.definition
    if given["only_here"]:
        told = " and ".join(given["only_here"])
        raise StudyError(
            f"the study {given['name']!r} can be gone on with in Python only, by tune(..., name=...): {told}"
        )
    plan = replace(
        plan, objectives=Objectives(given["objectives"]), report=given["report"], reuse=given["reuse"],
        parallel=plan.parallel if plan.parallel is not None else given["parallel"],
    )  # fmt: skip
    return Search(
        runs.starter(given["starter"]), record.space(), plan, given["sampler"], given["pruner"], given["seed"],
        given["report_direction"],
    )  # fmt: skip


def budgets_of(record: StudyRecord) -> Budgets:
    """Those of the last time that somebody was at it."""
    found = record.budgets
    trials = found.get("trials")
    return Budgets(
        int(trials) if trials is not None else None, found.get("time_s"), found.get("cost"), found.get("target")
    )
