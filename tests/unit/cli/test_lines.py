from __future__ import annotations

import io

import pytest

from partita.cli import lines
from partita.cli.lines import LineDisplay
from partita.cli.output import Output
from partita.drawing.progress import Progress
from tests.unit.cli.fake import make_run, make_step


def test_what_a_ready_step_waits_for_is_told_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    progress, told = Progress(), io.StringIO()
    display = LineDisplay(Output(io.StringIO(), told), progress)

    def news(note: str) -> list[str]:
        step = make_step(1, "fit", "ready", progress=[0, None, note], started_at=None, ended_at=None)
        display.show(progress.take(make_run("0r", "running"), [step]))
        lines, _ = told.getvalue().splitlines(), told.truncate(0)
        told.seek(0)
        return [line for line in lines if line.strip("\0")]

    [line] = news("making its environment: resolving")
    assert line.endswith("ready      fit  making its environment: resolving")
    assert news("making its environment: installing") == [], "not so soon again"
    monkeypatch.setattr(lines, "_EVERY_S", 0.0)
    assert len(news("making its environment: installing")) == 1
    assert news("making its environment: installing") == []
