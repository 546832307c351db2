"""Numbers that attempts report: none of them can keep the engine from writing."""

from __future__ import annotations

from typing import Any

import pytest

from partita import context, flow, task
from partita.errors import StepError
from partita.testing import memory_workspace


@task
def reports(value: Any, step: Any) -> int:
    context().report("loss", value, step=step)
    return 1


@flow
def reporting(value: Any, step: Any) -> int:
    return reports(value, step)


@pytest.mark.parametrize("step", ["five", None, float("inf"), float("nan")])
def test_a_step_that_is_no_whole_number_fails_the_attempt(step: Any) -> None:
    with memory_workspace():
        run = reporting.run(1.0, step)
        with pytest.raises(StepError, match="is not a whole number"):
            run.result()


def test_numbers_that_no_store_holds_as_whole_ones_are_kept_as_others() -> None:
    with memory_workspace() as workspace:
        run = reporting.run(2**64 - 1, 7)
        assert run.result() == 1
        [report] = workspace.reports()
    assert type(report.value) is float and report.value == float(2**64) and report.at_step == 7
