"""What is in use is told while somebody looks, and costs the engine nothing while nobody does."""

from __future__ import annotations

import asyncio
from pathlib import Path

from partita.views.use_watch import UseWatch
from partita.workspace.local import LocalWorkspace
from tests.unit.views.conftest import following
from tests.unit.views.test_following import LATE_S, kill_engine, runs, until


def test_changes_of_use_are_told_while_somebody_looks(looked_at: LocalWorkspace, tmp_path: Path) -> None:
    looked_at.ask("engine")

    async def test() -> None:
        async with following(looked_at) as (_, line):
            told = asyncio.Event()
            use = UseWatch(line, told.set, pause_s=0.01)
            await asyncio.sleep(0.05)
            assert line.asked == [], "nobody looks"
            async with use.looking(), use.looking():
                await asyncio.wait_for(told.wait(), LATE_S)
                told.clear()
                before = line.count("metrics")
                await until(lambda: line.count("metrics") > before + 3)
                assert not told.is_set(), "nothing has changed"
                run = looked_at.launch("flows.py:talks", texts={"folder": str(tmp_path), "size": "100"})
                await asyncio.wait_for(told.wait(), LATE_S)
                await until(lambda: looked_at.attempts(run, 1))
                told.clear()
                (tmp_path / "end").touch()
                await asyncio.wait_for(told.wait(), LATE_S)
            asked = line.count("metrics")
            await asyncio.sleep(0.05)
            assert line.count("metrics") == asked, "nobody looks any more"

    runs(test())


def test_many_who_look_are_one_look(looked_at: LocalWorkspace) -> None:
    looked_at.ask("engine")

    async def test() -> None:
        async with following(looked_at) as (_, line):
            told = asyncio.Event()
            use = UseWatch(line, told.set, pause_s=3600.0)
            async with use.looking(), use.looking(), use.looking():
                await asyncio.wait_for(told.wait(), LATE_S)
            async with use.looking():
                told.clear()
                await asyncio.wait_for(told.wait(), LATE_S)
            assert line.count("metrics") == 2

    runs(test())


def test_an_engine_that_comes_back_is_a_change(looked_at: LocalWorkspace) -> None:
    looked_at.ask("engine")

    async def test() -> None:
        async with following(looked_at) as (_, line):
            told = asyncio.Event()
            async with UseWatch(line, told.set, pause_s=0.01).looking():
                await asyncio.wait_for(told.wait(), LATE_S)
                told.clear()
                kill_engine(looked_at)
                await asyncio.wait_for(told.wait(), LATE_S)

    runs(test())
