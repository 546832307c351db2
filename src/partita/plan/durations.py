"""How long a step will take, learned from how long its like have taken; memory and output size likewise.

A `Model` predicts one amount (seconds, bytes) from the size of a step's input. It works on logarithms, in which the errors
of such amounts are of one size:

    log amount = level + slope * (log size - its mean) + correction

- Level and slope are a regression over the last hundred or so observations, the slope drawn towards `SLOPE` by as much as
  the noise makes it uncertain (ridge regression, Hoerl and Kennard 1970).
- The correction is what recent residuals have in common: exponentially weighted means of several gains (among them the
  usual 0.25, and 0: none), and one of those of nearly the same size (the same file again). Each counts by how well it would
  have predicted so far, as Bayesian model averaging with an unknown variance weights it: loss ** (-n / 2).
- Where a step has a place (it is the same step of the same flow), a level of that place's own is one more correction, for the
  places seen last. The errors that are made with it are kept apart from those without.
- The errors that were made are kept as a scale with a tenth, fiftieth and ninetieth percentile, each moved by a small step at
  every observation (stochastic approximation, Robbins and Monro 1951), since they are skewed more often than not. What is told as
  the median lies between their mean and their median, `MEDIAN_SHARE` of the way: the mean errs less far, the median less often.

An observation costs a constant time and changes a state of some forty numbers. Lifetime means and medians were tried and are
worse, see benchmarks/durations.py, which also chose the constants: each workflow by what was best on the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, isfinite, log, sqrt
from statistics import NormalDist
from typing import Any

__all__ = ["BYTES", "SECONDS", "Estimate", "Model", "Outline", "Scale"]

#: Gains of the exponentially weighted means of residuals.
GAINS = (0.0, 0.03, 0.1, 0.25, 0.5)
#: Gain of the mean of residuals of nearly the same size, where it begins, and how far such sizes are apart (as logarithm).
NEAR_GAIN, NEAR_START, NEAR_WIDTH = 0.4, 3, 0.01
#: So many sizes are told apart.
NEAR_SIZES = 16
#: Gain of the means at one place, and how many places are told apart.
PLACE_GAIN, PLACES = 0.2, 64
#: With fewer predictions by place, what is told is as wide as without.
FEW_ERRORS = 4
#: What a loss or an error of the past counts for with each further observation.
LOSS_DECAY, ERROR_DECAY = 0.985, 0.97
#: Half the number of observations that losses are kept of: how sharply they tell good corrections from bad ones.
SHARPNESS = 30.0
#: What an observation counts for in the regression with each further one.
DECAY = 0.99
#: The slope that little is known of, and the variance of slopes around it.
SLOPE, SLOPE_VARIANCE = 0.15, 0.5
#: How far the median of a prediction is moved from the mean of the errors to their median.
MEDIAN_SHARE = 0.4
#: Variance of the logarithm of what nothing is known of but its like, and how many observations that counts for.
PRIOR_VARIANCE, PRIOR_WEIGHT = 0.08, 2.0
#: Sizes of inputs are told apart from about so many bytes.
SIZE_OFFSET = 1000.0

_TENTH = 1.2815515655446004  # the ninetieth percentile of a normal distribution
_LARGEST_LOG = 700.0
#: Neither percentile of the errors comes nearer to their mean than so many deviations.
_LEAST_WIDTH = 0.05
#: Squares of errors below it are nothing: what was right some ten thousand times has sums that come to zero.
_LEAST_ERROR = 1e-12
#: Where these losses stand.
_NEAR, _PLACE = len(GAINS), len(GAINS) + 1
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Scale:
    """On what scale an amount is learned: log(amount + offset), so that differences far below the offset count for little."""

    offset: float
    least: float  # no prediction is below it

    def log(self, amount: float) -> float:
        """
        Raises:
            ValueError: the amount is no finite number of 0 or more.
        """
        if not (isfinite(amount) and amount >= 0):
            raise ValueError(f"an amount of {amount} cannot be learned; it has to be a finite number of 0 or more")
        return log(amount + self.offset)

    def amount(self, logarithm: float) -> float:
        return max(exp(max(min(logarithm, _LARGEST_LOG), -_LARGEST_LOG)) - self.offset, self.least)


#: Durations. Hundredths of a second and less make no difference to a plan.
SECONDS = Scale(0.01, 1e-6)
#: Sizes of outputs and memory.
BYTES = Scale(1000.0, 1.0)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What an amount will be, as a distribution: two halves of normal ones, of different width, over the logarithm."""

    scale: Scale
    centre: float  # logarithm of the median
    low: float  # standard deviation below the median
    high: float  # and above
    count: int  # how many observations it rests on
    basis: str = ""  # what it was taken from, see `plan.history`

    def quantile(self, share: float) -> float:
        """The amount that a share (0 to 1, both excluded) of cases stays below. With random shares, samples."""
        z = _NORMAL.inv_cdf(share)
        return self.scale.amount(self.centre + z * (self.low if z < 0 else self.high))

    @property
    def median(self) -> float:
        return self.scale.amount(self.centre)

    @property
    def p10(self) -> float:
        return self.scale.amount(self.centre - _TENTH * self.low)

    @property
    def p90(self) -> float:
        return self.scale.amount(self.centre + _TENTH * self.high)


class Outline:
    """The logarithms of many unlike amounts, as an exponentially weighted mean and variance."""

    __slots__ = ("count", "mean", "variance")

    def __init__(self) -> None:
        self.count = 0
        self.mean = 0.0
        self.variance = 1.0

    def observe(self, logarithm: float) -> None:
        self.count += 1
        gain = max(1.0 / self.count, 0.02)
        error = logarithm - self.mean
        self.mean += gain * error
        if self.count > 1:
            self.variance += gain * ((1.0 - gain) * error * error - self.variance)

    def estimate(self, scale: Scale, basis: str) -> Estimate:
        width = sqrt(self.variance + 1.0 / self.count)
        return Estimate(scale, self.mean, width, width, self.count, basis)

    def state(self) -> list[Any]:
        """Plain data, from which `of` makes the same again."""
        return [self.count, self.mean, self.variance]

    @classmethod
    def of(cls, state: Sequence[Any]) -> Outline:
        made = cls()
        made.count, made.mean, made.variance = state
        return made


class _Errors:
    """Errors of predictions of logarithms: their variance, and percentiles in units of their deviation."""

    __slots__ = ("_noise", "_weight", "count", "high", "low", "middle")

    def __init__(self) -> None:
        self.count = 0
        self._noise, self._weight = PRIOR_VARIANCE * PRIOR_WEIGHT, PRIOR_WEIGHT
        self.low, self.middle, self.high = -_TENTH, 0.0, _TENTH

    @property
    def variance(self) -> float:
        return max(self._noise / self._weight, _LEAST_ERROR)

    def observe(self, error: float) -> None:
        self.count += 1
        scaled = error / sqrt(self.variance)
        step = max(0.05, 1.0 / (self.count + 4.0)) * 2.0
        self.low = min(self.low + step * (0.1 - (scaled < self.low)), -_LEAST_WIDTH)
        self.high = max(self.high + step * (0.9 - (scaled < self.high)), _LEAST_WIDTH)
        middle = self.middle + 0.5 * step * (0.5 - (scaled < self.middle))
        self.middle = min(max(middle, self.low), self.high)
        self._noise = self._noise * ERROR_DECAY + error * error
        self._weight = self._weight * ERROR_DECAY + 1.0

    def state(self) -> list[Any]:
        return [self.count, self._noise, self._weight, self.low, self.middle, self.high]

    @classmethod
    def of(cls, state: Sequence[Any]) -> _Errors:
        made = cls()
        made.count, made._noise, made._weight, made.low, made.middle, made.high = state
        return made


class Model:
    """Predicts one amount of one function from the size of its input."""

    __slots__ = (
        "_drifts", "_errors", "_losses", "_mean_x", "_mean_y", "_near", "_placed_errors", "_places", "_sxx", "_sxy", "_weight",
        "count", "scale",
    )  # fmt: skip

    def __init__(self, scale: Scale) -> None:
        self.scale = scale
        self.count = 0
        self._weight = self._mean_x = self._mean_y = self._sxx = self._sxy = 0.0
        self._errors, self._placed_errors = _Errors(), _Errors()  # of predictions without and with a place
        self._drifts = [0.0] * len(GAINS)
        self._losses = [2.0 * PRIOR_VARIANCE] * (
            len(GAINS) + 2
        )  # of the gains, of nearly the same size, and of the place
        self._near: dict[int, float] = {}  # mean residual by size, the one longest not seen first
        self._places: dict[
            int, tuple[float, float, int]
        ] = {}  # means of x and y, how many; the one longest not seen first

    @property
    def typical_bytes(self) -> float:
        """The size of a usual input."""
        return max(exp(self._mean_x) - SIZE_OFFSET, 0.0) if self.count else 0.0

    def observe(self, input_bytes: float, amount: float, place: int = 0) -> None:
        """Learn from one case.

        Args:
            input_bytes: size of the input.
            amount: what is learned, in its unit.
            place: tells cases apart that are alike otherwise; 0: nothing does.

        Raises:
            ValueError: either is no finite number of 0 or more.
        """
        y = self.scale.log(amount)
        x = _log_size(input_bytes)
        if self.count:
            self._learn_errors(x, y, place)
        self.count += 1
        self._weight = self._weight * DECAY + 1.0
        dx, dy = x - self._mean_x, y - self._mean_y
        self._mean_x += dx / self._weight
        self._mean_y += dy / self._weight
        self._sxx = self._sxx * DECAY + dx * (x - self._mean_x)
        self._sxy = self._sxy * DECAY + dx * (y - self._mean_y)

    def _learn_errors(self, x: float, y: float, place: int) -> None:
        drifts, losses = self._drifts, self._losses
        residual = y - self._line(x)
        key = round(x / NEAR_WIDTH)
        near = self._near.pop(key, drifts[NEAR_START])
        placed = self._placed(place)
        self._errors.observe(residual - self._correction(near))
        if placed is not None:
            self._placed_errors.observe(residual - self._correction(near, placed))
        self._learn_place(x, y, residual - (drifts[NEAR_START] if placed is None else placed), place)
        for i, gain in enumerate(GAINS):
            error = residual - drifts[i]
            losses[i] = losses[i] * LOSS_DECAY + error * error
            drifts[i] += gain * error
        error = residual - near
        losses[_NEAR] = losses[_NEAR] * LOSS_DECAY + error * error
        self._near[key] = near + NEAR_GAIN * error
        if len(self._near) > NEAR_SIZES:
            del self._near[next(iter(self._near))]

    def _learn_place(self, x: float, y: float, error: float, place: int) -> None:
        self._losses[_PLACE] = self._losses[_PLACE] * LOSS_DECAY + error * error
        if place:
            mean_x, mean_y, times = self._places.pop(place, (x, y, 0))
            gain = max(PLACE_GAIN, 1.0 / (times + 1))
            self._places[place] = (mean_x + gain * (x - mean_x), mean_y + gain * (y - mean_y), min(times + 1, 1000))
            if len(self._places) > PLACES:
                del self._places[next(iter(self._places))]

    def _placed(self, place: int) -> float | None:
        """How far what is usual at the place lies above the line; None: it is not known."""
        known = self._places.get(place)
        return known[1] - self._line(known[0]) if known is not None else None

    def knows(self, place: int) -> bool:
        """Whether cases at this place were among the last."""
        return place in self._places

    def estimate(self, input_bytes: float, basis: str = "", place: int = 0) -> Estimate:
        """What the amount will be, for an input of so many bytes, at a place.

        Raises:
            ValueError: nothing has been observed, or the size is no finite number of 0 or more.
        """
        if not self.count:
            raise ValueError("nothing has been observed yet that could be told")
        x = _log_size(input_bytes)
        near = self._near.get(round(x / NEAR_WIDTH), self._drifts[NEAR_START])
        placed = self._placed(place)
        # Errors with a place that were hardly seen yet are no measure of how far one may be off.
        errors = self._placed_errors if placed is not None and self._placed_errors.count >= FEW_ERRORS else self._errors
        width = sqrt(errors.variance * (1.0 + 1.0 / self.count))
        middle = MEDIAN_SHARE * errors.middle
        centre = self._line(x) + self._correction(near, placed) + middle * width
        width /= _TENTH
        return Estimate(
            self.scale, centre, (middle - errors.low) * width, (errors.high - middle) * width, self.count, basis
        )

    def _line(self, x: float) -> float:
        doubt = self._errors.variance / SLOPE_VARIANCE
        slope = (self._sxy + doubt * SLOPE) / (self._sxx + doubt)
        return self._mean_y + slope * (x - self._mean_x)

    def _correction(self, near: float, placed: float | None = None) -> float:
        losses, corrections = self._losses, [*self._drifts, near]
        if placed is not None:
            corrections.append(placed)
        best = max(min(losses[: len(corrections)]), _LEAST_ERROR)
        total = weighted = 0.0
        for drift, loss in zip(corrections, losses, strict=False):  # there is one more loss where no place is known
            weight = (best / max(loss, _LEAST_ERROR)) ** SHARPNESS
            total += weight
            weighted += weight * drift
        return weighted / total

    def state(self) -> list[Any]:
        """Plain data, from which `of` makes the same again."""
        return [
            self.count, self._weight, self._mean_x, self._mean_y, self._sxx, self._sxy, self._errors.state(),
            self._placed_errors.state(), list(self._drifts), list(self._losses), list(map(list, self._near.items())),
            [[place, *told] for place, told in self._places.items()],
        ]  # fmt: skip

    @classmethod
    def of(cls, scale: Scale, state: Sequence[Any]) -> Model:
        made = cls(scale)
        (
            made.count, made._weight, made._mean_x, made._mean_y, made._sxx, made._sxy, errors, placed_errors, drifts, losses,
            near, places,
        ) = state  # fmt: skip
        made._errors, made._placed_errors = _Errors.of(errors), _Errors.of(placed_errors)
        made._drifts, made._losses = list(drifts), list(losses)
        made._near = dict(near)
        made._places = {place: tuple(told) for place, *told in places}
        return made


def _log_size(input_bytes: float) -> float:
    if not (isfinite(input_bytes) and input_bytes >= 0):
        raise ValueError(f"an input of {input_bytes} bytes cannot be; it has to be a finite number of 0 or more")
    return log(input_bytes + SIZE_OFFSET)
