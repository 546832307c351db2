"""What comes next, by Optuna: its study is held in memory, and made anew of the record whenever somebody goes on with it.

Each draw begins with a seed made of the study's and the trial's number. So the trials of a study that was interrupted are those
of one that was not, as long as one runs at a time. For the same reason pruners by rungs are made when the first trial has ended
that has reported something: Optuna would make them at the next report, which whoever goes on with a study does not hear again.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from partita.errors import DefinitionError, MissingExtraError
from partita.tune.dimensions import Dimension, Label, Range, dimension_of
from partita.tune.record import Trial
from partita.tune.spaces import Space

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler

__all__ = ["PRUNERS", "SAMPLERS", "Proposer", "Suggestions", "need_optuna"]

SAMPLERS = ("tpe", "random", "grid", "genetic")
PRUNERS = ("median", "halving", "hyperband", "none")

#: Pruners that ask how far a curve goes, and what Optuna notes by them of a trial: its value at each rung.
_BY_RUNGS, _RUNG = ("halving", "hyperband"), "completed_rung_"
_STATES = {"succeeded": "COMPLETE", "pruned": "PRUNED", "failed": "FAIL", "cancelled": "FAIL", "running": "RUNNING"}


def need_optuna() -> Any:
    """The library.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"tuning needs {error.name}, which is not installed; install it by pip install 'partita[tune]'"
        ) from error
    return optuna


class Suggestions:
    """What a function of a trial draws from: `trial.suggest("depth", Range(1, 9))`."""

    def __init__(self, draw: Callable[[str, Dimension], Label]) -> None:
        self._draw = draw
        self.drawn: dict[str, Label] = {}
        self.dimensions: dict[str, Dimension] = {}

    def suggest(self, name: str, dimension: Dimension) -> Any:
        """A value of the range or choice; the same again where the name was asked for before in this trial.

        Raises:
            DefinitionError: it is neither, or was another one before in this trial.
        """
        if not isinstance(dimension, Dimension):
            raise DefinitionError(
                f"{dimension!r} is no Range and no Choice; write trial.suggest({name!r}, Range(1, 9))"
            )
        if self.dimensions.setdefault(name, dimension) != dimension:
            raise DefinitionError(f"{name!r} was suggested of {self.dimensions[name]!r} before in this trial")
        if name not in self.drawn:
            self.drawn[name] = self._draw(name, dimension)
        return dimension.value(self.drawn[name])


class Proposer:
    """Asks Optuna for parameters and tells it what came of them."""

    def __init__(
        self, directions: Sequence[str], sampler: Any, pruner: Any, seed: int, space: Space, reported: str = ""
    ) -> None:
        """
        Args:
            sampler: one of `SAMPLERS`, or a sampler of Optuna.
            pruner: one of `PRUNERS`, or a pruner of Optuna.
            reported: "minimize" where what is reported goes the other way than the objective.

        Raises:
            DefinitionError: there is no such sampler or pruner.
            MissingExtraError: Optuna is not installed.
        """
        self._optuna = optuna = need_optuna()
        self._sampler, self._seed, self._space = sampler, seed, space
        if isinstance(sampler, str) and sampler not in SAMPLERS:
            raise DefinitionError(f"there is no sampler {sampler!r}; there are {', '.join(SAMPLERS)}")
        if isinstance(pruner, str) and pruner not in PRUNERS:
            raise DefinitionError(f"there is no pruner {pruner!r}; there are {', '.join(PRUNERS)}")
        self._sign = -1.0 if reported and reported != directions[0] else 1.0
        self.prunes = pruner != "none" and len(directions) == 1
        self._pruner = pruner
        self._hopeless: set[int] = set()
        self._grid = list(space.combinations()) if sampler == "grid" and space.size is not None else []
        if sampler == "grid" and not self._grid:
            raise DefinitionError(
                "a grid needs what can be counted out: give each Range a step, and search no function"
            )
        with _quiet(optuna):
            self._storage = optuna.storages.InMemoryStorage()
            self._study = optuna.create_study(
                study_name=f"partita-{seed}",  # hyperband draws brackets by it
                storage=self._storage, directions=list(directions), sampler=self._fresh(0), pruner=self._made_pruner(),
            )  # fmt: skip
        self._is_settled = pruner not in _BY_RUNGS

    def _made_pruner(self, last_step: int | None = None) -> Any:
        """The pruner; one by rungs prunes nothing until it is known how far a curve goes."""
        pruner, pruners = self._pruner, self._optuna.pruners
        if not isinstance(pruner, str):
            return pruner
        if pruner == "median":
            return pruners.MedianPruner()
        if last_step is None or pruner == "none":
            return pruners.NopPruner()
        if pruner == "halving":
            return pruners.SuccessiveHalvingPruner(min_resource=max(last_step // 100, 1))
        return pruners.HyperbandPruner(max_resource=max(last_step, 0) + 1)

    def _settle(self, number: int) -> None:
        """A trial has succeeded: how far its curve goes, others will go."""
        last_step = self._storage.get_trial(number).last_step
        if not self._is_settled and last_step is not None:
            self._is_settled = True
            with _quiet(self._optuna):
                self._study.pruner = self._made_pruner(last_step)

    def _fresh(self, number: int) -> BaseSampler:
        if not isinstance(self._sampler, str):
            return self._sampler  # type: ignore[no-any-return]
        samplers = self._optuna.samplers
        kinds = {"random": samplers.RandomSampler, "genetic": _genetic(self._optuna)}
        kind = kinds.get(self._sampler, samplers.TPESampler)
        seed = int.from_bytes(blake2b(f"{self._seed}:{number}".encode(), digest_size=4).digest())
        made: BaseSampler = kind(seed=seed)
        return made

    def restore(self, trials: Sequence[Trial]) -> None:
        """Take what the record has, in order."""
        for trial in trials:
            dimensions = {name: dimension_of(plain) for name, plain in trial.space.items()}
            dimensions = {
                **dimensions,
                **{n: self._space.dimensions[n] for n in trial.parameters if n in self._space.dimensions},
            }
            state = _STATES[trial.state]
            made = self._optuna.trial.create_trial(
                state=self._optuna.trial.TrialState[state],
                values=trial.values or None,
                params=dict(trial.parameters),
                distributions={name: self._distribution(dimensions[name]) for name in trial.parameters},
                system_attrs=dict(trial.system),
                intermediate_values={int(step): self._sign * value for step, value in trial.reported},
            )
            with _quiet(self._optuna):
                self._study.add_trial(made)
        succeeded = [trial for trial in trials if trial.state == "succeeded" and trial.reported]
        if succeeded:
            self._settle(min(succeeded, key=lambda trial: (trial.ended_at or 0.0, trial.number)).number)

    def ask(self, number: int, draw: Callable[[Suggestions], None] | None = None) -> tuple[Suggestions, dict[str, Any]]:
        """The parameters of the next trial, and what the sampler notes of it.

        Args:
            draw: what is drawn; default: the space.
        """
        with _quiet(self._optuna):
            self._study.sampler = self._fresh(number)
            if self._grid:
                self._study.enqueue_trial(self._grid[number % len(self._grid)])
            trial = self._study.ask()
            suggestions = Suggestions(lambda name, dimension: self._draw(trial, name, dimension))
            (draw or self._draw_space)(suggestions)
        return suggestions, self._notes(number)

    def _draw_space(self, suggestions: Suggestions) -> None:
        for name, dimension in self._space.dimensions.items():
            if self._space.counts(name, suggestions.drawn):
                suggestions.suggest(name, dimension)

    def _draw(self, trial: Any, name: str, dimension: Dimension) -> Label:
        if not isinstance(dimension, Range):
            choice: Label = trial.suggest_categorical(name, list(dimension.labels))
            return choice
        low, high, step = _ends(dimension)
        if dimension.is_whole:
            whole: int = trial.suggest_int(name, int(low), int(high), step=int(step or 1), log=dimension.log)
            return whole
        number: float = trial.suggest_float(name, low, high, step=step, log=dimension.log)
        return round(number, 12) if step else number

    def _distribution(self, dimension: Dimension) -> BaseDistribution:
        found = self._optuna.distributions
        if not isinstance(dimension, Range):
            made: BaseDistribution = found.CategoricalDistribution(list(dimension.labels))
            return made
        low, high, step = _ends(dimension)
        if dimension.is_whole:
            return found.IntDistribution(int(low), int(high), log=dimension.log, step=int(step or 1))  # type: ignore[no-any-return]
        return found.FloatDistribution(low, high, log=dimension.log, step=step)  # type: ignore[no-any-return]

    def tell(self, number: int, state: str, values: Sequence[float]) -> dict[str, Any]:
        """A trial has ended; what the sampler and the pruner note of it."""
        with _quiet(self._optuna):
            told = self._optuna.trial.TrialState[_STATES[state]]
            self._study.tell(number, list(values) if state == "succeeded" else None, state=told, skip_if_finished=True)
        if state == "succeeded":
            self._settle(number)
        return self._notes(number)

    def _notes(self, number: int) -> dict[str, Any]:
        attributes = self._storage.get_trial(number).system_attrs
        has_all = self._sampler == "genetic" or not isinstance(self._sampler, str)
        return {name: value for name, value in attributes.items() if has_all or name.startswith(_RUNG)}

    def report(self, number: int, step: int, value: float) -> None:
        """A trial has reported a number, later than those before; one that is not finite is worse than any."""
        told = self._sign * value if math.isfinite(value) else math.nan
        self._storage.set_trial_intermediate_value(number, step, told)
        # By rungs the value at this very step counts; the median looks at all of them whenever it is asked.
        if self.prunes and self._pruner != "median" and self._is_pruned(number):
            self._hopeless.add(number)

    def is_hopeless(self, number: int) -> bool:
        """Whether what a trial has reported is so bad that it is to be stopped."""
        return self.prunes and (number in self._hopeless or (self._pruner == "median" and self._is_pruned(number)))

    def _is_pruned(self, number: int) -> bool:
        with _quiet(self._optuna):
            return bool(self._study.pruner.prune(self._study, self._storage.get_trial(number)))

    def importance(self) -> dict[str, float]:
        """By parameter, its share of what the first objective varies by; empty where too few trials tell.

        By PED-ANOVA: Watanabe, Bansal and Hutter, "PED-ANOVA: efficiently quantifying hyperparameter importance in arbitrary
        subspaces", IJCAI 2023.
        """
        target = (lambda trial: trial.values[0]) if len(self._study.directions) > 1 else None
        with _quiet(self._optuna):
            try:
                found = self._optuna.importance.get_param_importances(
                    self._study, evaluator=self._optuna.importance.PedAnovaImportanceEvaluator(), target=target
                )
            except (ValueError, RuntimeError):
                return {}
        return {name: float(share) for name, share in found.items()}


def _genetic(optuna: Any) -> Any:
    class Genetic(optuna.samplers.NSGAIISampler):  # type: ignore[misc]
        def get_parent_population(self, study: Any, generation: int) -> list[Any]:
            # Optuna gives them in another order to the first that asks, which is another one after an interruption.
            return sorted(super().get_parent_population(study, generation), key=lambda trial: trial.number)

    return Genetic


def _ends(dimension: Range) -> tuple[float, float, float | None]:
    """Low end, the highest number that a step reaches, and the step."""
    if dimension.step is None:
        return dimension.low, dimension.high, None
    return dimension.low, dimension.low + ((dimension.count or 1) - 1) * dimension.step, dimension.step


@contextmanager
def _quiet(optuna: Any) -> Iterator[None]:
    """Without what Optuna tells its own users: what is going on is told by Partita."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(before)
