"""What clients are told of a real engine's changes: of the workspace, of runs and of logs."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from partita.protocol.requests import LogChunk, StatesView
from partita.views.following import Following, StatesNews
from partita.workspace import open_workspace
from partita.workspace.local import LocalWorkspace
from tests.unit.views.conftest import following
from tests.unit.views.test_graphs import asked_for
from tests.waiting import wait_until

#: Seconds after which what a test waits for has not come about.
LATE_S = 60.0
#: Seconds without news after which a client is given a sign of life.
BEAT_S = 5.0


def runs(test: Coroutine[Any, Any, None]) -> None:
    async def limited() -> None:
        await asyncio.wait_for(test, 4 * LATE_S)

    asyncio.run(limited())


async def until(condition: Callable[[], object]) -> None:
    await asyncio.to_thread(wait_until, condition, LATE_S)


async def news_of(stream: AsyncIterator[StatesNews | None]) -> StatesNews:
    """The next news; signs of life are passed over."""
    while True:
        told = await asyncio.wait_for(anext(stream), LATE_S)
        if told is not None:
            return told


def waiting(workspace: LocalWorkspace, flow: str = "asks", question: str = "first?", **inputs: str) -> str:
    """A run that stands still until somebody says something."""
    run = workspace.launch(f"flows.py:{flow}", texts=inputs)
    asked_for(workspace, run, question)
    return run


def approve(workspace: LocalWorkspace, run: str, question: str) -> None:
    workspace.approve(run, next(wait["step"] for wait in workspace.waits(run) if wait["name"] == question))


def kill_engine(workspace: LocalWorkspace) -> None:
    engine = workspace.engine()
    assert engine is not None
    os.kill(engine["pid"], signal.SIGKILL)


def test_a_run_is_told_from_its_first_state_to_its_last(looked_at: LocalWorkspace) -> None:
    run = waiting(looked_at)

    async def test() -> None:
        async with following(looked_at) as (followed, _):
            stream = followed.run(run, BEAT_S)
            states: dict[int, str] = dict((await news_of(stream)).view["states"])
            assert states == {step["id"]: step["state"] for step in looked_at.steps(run)}
            await asyncio.to_thread(approve, looked_at, run, "first?")
            await until(lambda: len(looked_at.waits(run)) == 2)
            await asyncio.to_thread(approve, looked_at, run, "second?")
            async for news in stream:
                if news is not None:
                    states |= dict(news.view["states"])
            assert news is not None and news.view["is_final"] and news.view["counts"] == {"succeeded": len(states)}
            assert json.loads(news.json)["state"] == "succeeded"

    runs(test())


def test_many_who_look_are_one_question_to_the_engine(looked_at: LocalWorkspace) -> None:
    """Who comes later is told to look at the whole: the others were told before."""
    run = waiting(looked_at)

    async def test() -> None:
        async with following(looked_at) as (followed, line):
            streams = [followed.run(run, BEAT_S) for _ in range(5)]
            assert followed.told_of(run) is None
            first = await news_of(streams[0])
            assert followed.told_of(run) == (first.view["origin"], first.view["version"])
            assert first.view["states"] and not first.view["is_cut"]
            later = await asyncio.gather(*(news_of(stream) for stream in streams[1:]))
            assert all(news.view["is_cut"] and news.view["counts"] == first.view["counts"] for news in later)
            asked = line.count("watch")
            await asyncio.to_thread(approve, looked_at, run, "first?")
            told = await asyncio.gather(*(news_of(stream) for stream in streams))
            assert all(news is told[0] for news in told), "it is written once for all"
            assert line.count("watch") - asked < len(streams)
            for stream in streams:
                await stream.aclose()  # type: ignore[attr-defined]
            assert followed._runs == {}, "nobody looks any more, and nothing is followed"

    runs(test())
    looked_at.cancel(run)


def test_a_run_that_is_not_there_is_over(looked_at: LocalWorkspace) -> None:
    looked_at.ask("engine")

    async def test() -> None:
        async with following(looked_at) as (followed, _):
            assert [news async for news in followed.run("nonesuch", BEAT_S)] == []
            assert [chunk async for chunk in followed.log("nonesuch", 1, 1, 0, BEAT_S)] == []
            assert [chunk async for chunk in followed.log("nonesuch", 1, None, 0, BEAT_S)] == []

    runs(test())


def test_a_run_that_is_over_is_told_as_that(looked_at: LocalWorkspace) -> None:
    run = looked_at.launch("flows.py:many", texts={"n": "3"})
    looked_at.wait(run, LATE_S)

    async def test() -> None:
        async with following(looked_at) as (followed, _):
            told = [news async for news in followed.run(run, BEAT_S)]
            assert [(news.view["is_final"], news.view["is_cut"]) for news in told if news] == [(True, True)]

    runs(test())


def test_where_very_many_have_changed_they_are_not_named(looked_at: LocalWorkspace) -> None:
    """To clients from some hundreds on; the engine itself names some thousands."""
    run = waiting(looked_at, "stops_short", "go on?", n="2000")

    async def test() -> None:
        async with following(looked_at) as (followed, _):
            stream = followed.run(run, BEAT_S)
            first = await news_of(stream)
            assert first.view["is_cut"] and first.view["created"] > 6000
            told: StatesView = json.loads(first.json)
            assert told["is_cut"] and told["states"] == [] and len(first.json) < 2000
            assert sum(told["counts"].values()) == first.view["created"]

    runs(test())
    looked_at.cancel(run)


def test_a_client_that_takes_nothing_costs_no_more_than_one_piece_of_news(looked_at: LocalWorkspace) -> None:
    run = waiting(looked_at, "stops_short", "go on?", n="1000")

    async def test() -> None:
        async with following(looked_at) as (followed, line):
            stream, other = followed.run(run, BEAT_S), followed.run(run, BEAT_S)
            await news_of(stream)
            await news_of(other)
            await asyncio.to_thread(approve, looked_at, run, "go on?")
            while (news := await news_of(other)).view["counts"].get("succeeded", 0) < 3000:
                assert not news.view["is_final"]  # the other one takes all that it is told
            while (engine := await line.ask("run", run=run))["counts"] != news.view["counts"]:
                news = await news_of(other)
            assert engine["state"] == "running"
            # What came alone is one record for all clients, of which each is told no more than this.
            kept = _kept(followed, run)
            assert len(kept) <= 1 and all(len(json.loads(news.json)["states"]) <= 300 for news in kept)
            caught_up = await news_of(stream)
            assert caught_up.view["version"] == news.view["version"] and json.loads(caught_up.json)["is_cut"]
            assert caught_up.view["counts"] == news.view["counts"]

    runs(test())
    looked_at.cancel(run)


def _kept(followed: Following, run: str) -> list[StatesNews]:
    """What waits for the clients of a run."""
    inboxes = followed._runs[run].subscribers._inboxes
    return [news for inbox in inboxes for news in inbox._waiting.values()]


def is_heard(followed: Following, since: int) -> bool:
    return followed.is_up and followed.version > since


def test_an_engine_that_goes_away_and_comes_back_is_heard_again(
    looked_at: LocalWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who follows a run is told at once to look at the whole of it, though nothing of it changes."""
    monkeypatch.setattr("partita.views.following._PATIENCE_S", 10 * LATE_S)
    run = waiting(looked_at)

    async def test() -> None:
        async with following(looked_at, is_started=True) as (followed, _):
            everything = followed.workspace(10 * LATE_S)
            assert await asyncio.wait_for(anext(everything), LATE_S) == []
            await until(lambda: followed.is_up)
            version, stream = followed.version, followed.run(run, BEAT_S)
            before = await news_of(stream)
            for _ in range(2):
                kill_engine(looked_at)
                after = await news_of(stream)
                while after.view["origin"] == before.view["origin"]:
                    after = await news_of(stream)  # the forecast of before the end of its engine
                assert after.view["is_cut"]
                assert not after.view["is_final"] and after.view["counts"] == before.view["counts"]
                await until(partial(is_heard, followed, version))
                told = [change for part in [await asyncio.wait_for(anext(everything), LATE_S)] for change in part]
                assert ["all", ""] in told
                version, before = followed.version, after
            await asyncio.to_thread(approve, looked_at, run, "first?")
            assert (await news_of(stream)).view["states"]

    runs(test())
    looked_at.cancel(run)


def test_while_the_engine_is_away_nothing_is_up(looked_at: LocalWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at.ask("engine")

    async def test() -> None:
        async with following(looked_at, is_started=True) as (followed, line):
            await until(lambda: followed.is_up)
            line.open.clear()  # one that starts takes its time
            kill_engine(looked_at)
            await until(lambda: not followed.is_up)
            line.open.set()
            await until(lambda: followed.is_up)

    runs(test())


def test_who_begins_after_the_engine_is_told_that_not_all_is_named(looked_at: LocalWorkspace) -> None:
    """An engine names what has changed since it began; the run is older."""
    run = waiting(looked_at)
    kill_engine(looked_at)
    wait_until(lambda: looked_at.engine() is None)
    approve(looked_at, run, "first?")
    asked_for(looked_at, run, "second?")

    async def test() -> None:
        async with following(looked_at) as (followed, _):
            news = await news_of(followed.run(run, BEAT_S))
            assert news.view["is_cut"] and sum(news.view["counts"].values()) == len(looked_at.steps(run))

    runs(test())
    looked_at.cancel(run)


def test_changes_of_the_workspace_are_told_once_each(looked_at: LocalWorkspace) -> None:
    async def test() -> None:
        async with following(looked_at, is_started=True) as (followed, _):
            stream = followed.workspace(10 * LATE_S)
            await until(lambda: followed.is_up)
            told: list[list[str]] = []
            assert await asyncio.wait_for(anext(stream), LATE_S) == [], "it says at once that it listens"
            run = await asyncio.to_thread(looked_at.launch, "flows.py:asks")
            while ["waits", run] not in told:
                told += await asyncio.wait_for(anext(stream), LATE_S)
            assert ["run", run] in told and followed.is_looked_at
            thread = threading.Thread(target=followed.announce, args=("studies", "a"))
            thread.start()
            while ["studies", "a"] not in told:
                told += await asyncio.wait_for(anext(stream), LATE_S)
            thread.join()
            version = followed.version
            followed.announce("flows")
            assert followed.version == version + 1
            await stream.aclose()  # type: ignore[attr-defined]
            assert not followed.is_looked_at
            await asyncio.to_thread(looked_at.cancel, run)

    runs(test())


def test_a_client_that_does_not_take_a_workspace_is_told_that_much_has_changed(looked_at: LocalWorkspace) -> None:
    """Launches of a day are not kept for one that hangs."""

    async def test() -> None:
        async with following(looked_at) as (followed, _):
            stream = followed.workspace(10 * LATE_S)
            assert await asyncio.wait_for(anext(stream), LATE_S) == []
            for number in range(20_000):
                followed.announce("run", f"run{number}")
            assert await anext(stream) == [["all", ""]]
            followed.announce("run", "one")
            assert await anext(stream) == [["run", "one"]]

    runs(test())


# Logs


async def text_of(stream: AsyncIterator[LogChunk], end: str = "") -> str:
    """What a log says until a text has come, or until its end."""
    text = ""
    async for chunk in stream:
        text += chunk["text"]
        if end and end in text:
            break
    return text


def test_a_log_is_followed_to_the_end_of_its_attempt(looked_at: LocalWorkspace, tmp_path: Path) -> None:
    """Whoever comes, whenever, and wherever they go on, gets each character once; the engine is asked once for all."""
    size = 700_000
    run = looked_at.launch("flows.py:talks", texts={"folder": str(tmp_path), "size": str(size)})

    async def test() -> None:
        async with following(looked_at) as (followed, _):
            await until(lambda: looked_at.attempts(run, 1))
            first = followed.log(run, 1, 1, 0, BEAT_S)
            others = [followed.log(run, 1, 1, offset, BEAT_S) for offset in (0, 50, 600_000)]
            texts = [await text_of(first, "said all")]
            asked = [asyncio.ensure_future(text_of(stream, "said all")) for stream in others]
            texts += await asyncio.gather(*asked)
            (tmp_path / "end").touch()
            rest = await asyncio.gather(*(text_of(stream) for stream in (first, *others)))
            whole = [text + more for text, more in zip(texts, rest, strict=True)]
            assert [len(text) for text in whole] == [len(whole[0]) - skipped for skipped in (0, 0, 50, 600_000)]
            assert all(whole[0].endswith(text) for text in whole) and whole[0].count("x") == size // 100 * 99
            assert followed._logs == {}

    runs(test())


def test_a_client_that_is_far_behind_in_a_log_reads_on_by_itself(looked_at: LocalWorkspace, tmp_path: Path) -> None:
    """What waits for it stays small."""
    size = 3_000_000
    run = looked_at.launch("flows.py:talks", texts={"folder": str(tmp_path), "size": str(size)})

    async def test() -> None:
        async with following(looked_at) as (followed, _):
            await until(lambda: looked_at.attempts(run, 1))
            slow, quick = followed.log(run, 1, 1, 0, BEAT_S), followed.log(run, 1, 1, 0, BEAT_S)
            begun = (await asyncio.wait_for(anext(slow), LATE_S))["text"]
            await text_of(quick, "said all")
            (tmp_path / "end").touch()
            await text_of(quick)
            kept = [
                news for thread in followed._logs.values() for inbox in thread.subscribers._inboxes
                for news in inbox._waiting.values()
            ]  # fmt: skip
            assert all(len(news.chunk["text"]) < 1_000_000 for news in kept)
            assert (begun + await text_of(slow)).count("x") == size // 100 * 99

    runs(test())


def test_a_log_stays_that_of_its_attempt_when_the_step_is_tried_again(
    looked_at: LocalWorkspace, tmp_path: Path
) -> None:
    """Whoever asks for the log of a step is told all of the attempt that it began with, and nothing of the next."""
    run = looked_at.launch("flows.py:tries", texts={"folder": str(tmp_path)})

    async def test() -> None:
        async with following(looked_at) as (followed, line):
            await until(lambda: (tmp_path / "tried").exists())
            step = next(step["id"] for step in looked_at.steps(run) if step["name"] == "fickle")
            stream = followed.log(run, step, None, 0, BEAT_S)
            first = await text_of(stream, "the first attempt begins")
            line.open.clear()  # nobody looks while it is tried again
            (tmp_path / "first").touch()
            await until(lambda: len(looked_at.attempts(run, step)) == 2)
            line.open.set()
            rest = [chunk async for chunk in stream]
            assert {chunk["attempt"] for chunk in rest} == {1} and rest[-1]["is_complete"]
            assert (
                first + "".join(chunk["text"] for chunk in rest) == "the first attempt begins\nthe first attempt ends\n"
            )
            second = followed.log(run, step, None, 0, BEAT_S)
            assert await text_of(second, "begins") == "the second attempt begins\n"
            for name in ("second", "other"):
                (tmp_path / name).touch()
            assert await text_of(second) == "the second attempt ends\n"

    runs(test())


def test_a_log_ends_in_order_when_its_attempt_died_with_the_engine(looked_at: LocalWorkspace, tmp_path: Path) -> None:
    """Whoever asks while no engine is up waits for the next one."""
    run = looked_at.launch("flows.py:talks", texts={"folder": str(tmp_path), "size": "100"})

    async def test() -> None:
        async with following(looked_at) as (followed, _):
            await until(lambda: looked_at.attempts(run, 1))
            stream = followed.log(run, 1, 1, 0, BEAT_S)
            text = await text_of(stream, "said all")
            kill_engine(looked_at)
            other = [chunk async for chunk in followed.log(run, 1, 1, 0, BEAT_S)]
            assert other[-1]["is_complete"] and other[-1]["attempt"] == 1
            assert await text_of(stream) == "" and text.endswith("said all\n")
            (tmp_path / "end").touch()

    runs(test())
    looked_at.wait(run, LATE_S)


def test_a_step_that_has_not_begun_has_no_log_to_follow(looked_at: LocalWorkspace) -> None:
    run = waiting(looked_at)

    async def test() -> None:
        async with following(looked_at) as (followed, _):
            step = looked_at.steps(run)[-1]["id"]
            told = [chunk async for chunk in followed.log(run, step, None, 0, BEAT_S)]
            assert [(chunk["text"], chunk["is_complete"]) for chunk in told] == [("", True)]

    runs(test())
    looked_at.cancel(run)


def test_a_line_reaches_an_engine_that_is_not_up(project: Path) -> None:
    """It starts one, whoever asks first; others who ask meanwhile wait for the same."""
    workspace = open_workspace(project)
    workspace.stop_engine()
    wait_until(lambda: workspace.engine() is None)

    async def test() -> None:
        async with following(workspace) as (_, line):
            told = await asyncio.gather(*(line.ask("engine") for _ in range(8)))
            assert len({each["pid"] for each in told}) == 1

    runs(test())
    workspace.close()
