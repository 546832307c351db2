"""Tuning: a search over the inputs of a flow, where each trial is a run.

dimensions.py   a parameter that is searched
spaces.py       all of them
objectives.py   what a trial is judged by
budgets.py      when it is enough
record.py       a study, as its journal tells it
journal.py      where it is kept
proposing.py    what comes next, by Optuna
loop.py         going on with a study
opening.py      making studies, and finding them again
study.py        studies in Python
compositions.py compositions and estimators, cross-validated
port.py         what a study needs of a workspace
described.py    what a worker says of a flow that is to be tuned
files.py        studies in YAML
importance.py   which parameters matter
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from partita.tune.dimensions import Choice, Range

if TYPE_CHECKING:
    from partita.tune.compositions import tune_composition
    from partita.tune.study import Study, open_study, studies, tune

__all__ = ["Choice", "Range", "Study", "open_study", "studies", "tune", "tune_composition"]

_LATER = {
    **dict.fromkeys(("Study", "open_study", "studies", "tune"), "partita.tune.study"),
    "tune_composition": "partita.tune.compositions",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'partita.tune' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LATER[name]), name)
