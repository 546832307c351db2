"""A model for the constraint solver CP-SAT of OR-Tools, written as the text of its protocol buffer.

The text is made in a third of the time that objects of the solver's Python interface take, and needs neither pandas nor
NumPy, whose import would take a second of a limit of ten.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from partita.errors import MissingExtraError

__all__ = ["Answer", "ConstraintModel", "Linear", "is_solver_there", "load_solver"]

#: A sum: pairs of a coefficient and a variable, and a constant.
Linear = tuple[Sequence[tuple[int, int]], int]

_LARGEST = 1 << 60


class Answer(NamedTuple):
    """What the solver found."""

    values: Sequence[int] | None  # by variable; None: nothing was found
    bound: float  # no solution's objective is less
    is_optimal: bool
    is_void: bool  # nothing can satisfy the model, or it is none: what was told of bounds is worth nothing
    took_s: float  # seconds that the solver was at it


def load_solver() -> Any:
    """The solver's module.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        from ortools.sat.python import cp_model_helper
    except ImportError:
        raise MissingExtraError(
            "plans that are proved to be optimal need the extra 'optimal': pip install 'partita[optimal]'"
        ) from None
    return cp_model_helper


def is_solver_there() -> bool:
    try:
        load_solver()
    except MissingExtraError:
        return False
    return True


class ConstraintModel:
    """Variables, and what must hold between them."""

    def __init__(self) -> None:
        self._variables: list[str] = []
        self._constraints: list[str] = []
        self._objective = ""
        self._hints: dict[int, int] = {}

    def variable(self, low: int, high: int, hint: int | None = None) -> int:
        """A whole number from `low` to `high`; gives its number."""
        self._variables.append(f"variables{{domain:{low} domain:{high}}}")
        number = len(self._variables) - 1
        if hint is not None:
            self._hints[number] = hint
        return number

    def at_least(self, terms: Sequence[tuple[int, int]], low: int, only_if: Sequence[int] = ()) -> None:
        """The sum of coefficient * variable is at least `low`, where all these 0-1 variables are 1."""
        self._constraints.append(
            f"constraints{{{_enforced(only_if)}linear{{{_terms(terms)} domain:{low} domain:{_LARGEST}}}}}"
        )

    def exactly_one(self, variables: Sequence[int]) -> None:
        literals = " ".join([f"literals:{variable}" for variable in variables])
        self._constraints.append(f"constraints{{exactly_one{{{literals}}}}}")

    def interval(self, start: Linear, size: int, end: Linear, only_if: Sequence[int] = ()) -> int:
        """From start to end, which lies `size` later; gives its number."""
        told = f"start{{{_linear(start)}}} size{{offset:{size}}} end{{{_linear(end)}}}"
        self._constraints.append(f"constraints{{{_enforced(only_if)}interval{{{told}}}}}")
        return len(self._constraints) - 1

    def cumulative(self, capacity: int, intervals: Sequence[int], demands: Sequence[int]) -> None:
        """At any time the demands of the intervals around it are no more than the capacity."""
        if all(2 * demand > capacity for demand in demands):
            told = " ".join([f"intervals:{interval}" for interval in intervals])
            self._constraints.append(f"constraints{{no_overlap{{{told}}}}}")
            return
        told = " ".join([f"intervals:{interval}" for interval in intervals])
        asked = " ".join([f"demands{{offset:{demand}}}" for demand in demands])
        self._constraints.append(f"constraints{{cumulative{{capacity{{offset:{capacity}}} {told} {asked}}}}}")

    def minimise(self, terms: Sequence[tuple[int, int]]) -> None:
        self._objective = f"objective{{{_terms(terms)}}}"

    def solve(self, parameters: str, on_bound: Callable[[float], None], on_begin: Callable[[Any], None]) -> Answer:
        """Look for the best solution.

        Args:
            parameters: the solver's, as text.
            on_bound: is told each better bound, from other threads.
            on_begin: is given what has a `stop_search()`, before it begins.
        """
        solver = load_solver()
        model, settings = solver.CpModelProto(), solver.SatParameters()
        hints = " ".join([f"vars:{variable} values:{value}" for variable, value in self._hints.items()])
        text = "\n".join([*self._variables, *self._constraints, self._objective, f"solution_hint{{{hints}}}"])
        if not model.parse_text_format(text) or not settings.parse_text_format(parameters):
            raise AssertionError("a model was written wrongly")
        wrapper = solver.SolveWrapper()
        wrapper.set_parameters(settings)
        wrapper.add_best_bound_callback(on_bound)
        on_begin(wrapper)
        response = wrapper.solve(model)
        is_optimal = response.status == solver.OPTIMAL
        found = is_optimal or response.status == solver.FEASIBLE
        is_void = not found and response.status != solver.UNKNOWN
        values = list(response.solution) if found else None
        return Answer(values, response.best_objective_bound, is_optimal, is_void, response.wall_time)


def _terms(terms: Sequence[tuple[int, int]]) -> str:
    return " ".join([f"vars:{variable} coeffs:{coefficient}" for coefficient, variable in terms])


def _linear(linear: Linear) -> str:
    terms, constant = linear
    return f"{_terms(terms)} offset:{constant}"


def _enforced(only_if: Sequence[int]) -> str:
    return "".join([f"enforcement_literal:{variable} " for variable in only_if])
