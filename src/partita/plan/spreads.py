"""How long something may take, as distributions, and draws from them that err together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, log, sqrt
from statistics import NormalDist
from typing import Protocol

__all__ = ["Guess", "Shares", "Skewed", "Spread"]

_NORMAL = NormalDist()
_LEAST_SHARE = 1e-9
_TENTH = 1.2815515655446004  # the ninetieth percentile of a normal distribution


class Spread(Protocol):
    """How long something may take: a distribution of seconds."""

    @property
    def median(self) -> float: ...

    def quantile(self, share: float) -> float:
        """The seconds that a share (0 to 1, both excluded) of cases stays below."""
        ...


@dataclass(frozen=True, slots=True)
class Guess:
    """A lognormal distribution: what nobody has measured, and what somebody has said."""

    median: float  # seconds
    sigma: float  # standard deviation of the logarithm

    def quantile(self, share: float) -> float:
        return self.median * exp(self.sigma * _NORMAL.inv_cdf(share))


@dataclass(frozen=True, slots=True)
class Skewed:
    """Two halves of lognormal distributions, of different width: what was measured."""

    median: float  # seconds
    low: float  # standard deviation of the logarithm below the median
    high: float  # and above

    @classmethod
    def of(cls, p10: float, p50: float, p90: float) -> Skewed:
        """The one with these quantiles."""
        if not p50 > 0:
            return cls(0.0, 0.0, 0.0)
        low = log(p50 / max(p10, p50 * _LEAST_SHARE))
        return cls(p50, max(low, 0.0) / _TENTH, max(log(p90 / p50), 0.0) / _TENTH)

    def quantile(self, share: float) -> float:
        z = _NORMAL.inv_cdf(share)
        return self.median * exp(z * (self.low if z < 0 else self.high))


class Shares:
    """Draws shares for quantiles. Those of one group err together: they have a part of their variance in common."""

    def __init__(self, draw: Callable[[], float]) -> None:
        """
        Args:
            draw: gives random numbers from 0 to 1; of equal ones come equal shares.
        """
        self._draw = draw
        self._common: dict[str, float] = {}

    def next(self, group: str, shared: float) -> float:
        """A share, above 0 and below 1.

        Args:
            shared: how much of the variance is that of the group, 0 to 1.
        """
        common = self._common.get(group)
        if common is None:
            common = self._common[group] = self._normal()
        share = _NORMAL.cdf(sqrt(shared) * common + sqrt(1.0 - shared) * self._normal())
        return min(max(share, _LEAST_SHARE), 1.0 - _LEAST_SHARE)

    def _normal(self) -> float:
        return _NORMAL.inv_cdf(min(max(self._draw(), _LEAST_SHARE), 1.0 - _LEAST_SHARE))
