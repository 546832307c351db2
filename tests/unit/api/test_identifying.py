"""Who asks: what is looked up, and how often that may fail."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.datastructures import Headers

from partita.api.identifying import Identifying
from partita.api.pool import Pool
from partita.auth.limits import FailureLimits
from partita.errors import SignInError, TooOftenError
from partita.protocol.access import Identity, new_secret
from partita.workspace import open_workspace
from partita.workspace.local import LocalWorkspace

COOKIE = "partita-session"


class Counted(Identifying):
    """What was looked up."""

    looked_up = 0
    gate: threading.Event | None = None  # look-ups wait for it

    def _look_up(self, kind: str, secret: str) -> Identity | None:
        self.looked_up += 1
        if self.gate is not None:
            self.gate.wait(20)
        return super()._look_up(kind, secret)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[LocalWorkspace]:
    made = open_workspace(tmp_path)
    yield made
    made.stop_engine()
    made.close()


@pytest.fixture
def pool(workspace: LocalWorkspace) -> Iterator[Pool]:
    made = Pool(lambda: open_workspace(workspace.folder))
    yield made
    made.close()


def bearer(secret: str) -> Headers:
    return Headers({"authorization": f"Bearer {secret}"})


def cookie(secret: str) -> Headers:
    return Headers({"cookie": f"{COOKIE}={secret}"})


def test_tokens_that_nobody_knows_are_limited_and_others_of_the_address_are_not(
    workspace: LocalWorkspace, pool: Pool
) -> None:
    used, new = (workspace.create_token(name, "viewer")["secret"] for name in ("used", "new"))

    async def asking() -> None:
        identifying = Counted(pool, FailureLimits(per_address=3, refill_s=1e6))
        for _ in range(3):
            assert (await identifying.of(bearer(used), COOKIE, "10.0.0.1"))[0] is not None
            identifying.forget()
        for _ in range(3):
            with pytest.raises(SignInError):
                await identifying.of(bearer(new_secret("token")[1]), COOKIE, "10.0.0.1")
        for _ in range(3):
            with pytest.raises(TooOftenError) as caught:
                await identifying.of(bearer(new_secret("token")[1]), COOKIE, "10.0.0.1")
            assert caught.value.wait_s > 0
        with pytest.raises(SignInError):
            await identifying.of(bearer(new_secret("token")[1]), COOKIE, "10.0.0.2")
        for secret in (used, new):
            assert (await identifying.of(bearer(secret), COOKIE, "10.0.0.1"))[0] is not None

    asyncio.run(asking())


def test_a_wrong_token_that_is_sent_again_and_again_is_looked_up_once(pool: Pool) -> None:
    async def asking() -> None:
        identifying = Counted(pool, FailureLimits(per_address=3, refill_s=1e6))
        wrong = new_secret("token")[1]
        for _ in range(20):
            with pytest.raises(SignInError):
                await identifying.of(bearer(wrong), COOKIE, "10.0.0.1")
        assert identifying.looked_up == 1

    asyncio.run(asking())


def test_a_flood_from_one_address_takes_few_threads_and_none_from_who_is_known(
    workspace: LocalWorkspace, pool: Pool
) -> None:
    known = workspace.create_token("known", "viewer")["secret"]

    async def asking() -> None:
        identifying = Counted(pool, FailureLimits(per_address=1, refill_s=1e6))
        assert (await identifying.of(bearer(known), COOKIE, "10.0.0.1"))[0] is not None
        with pytest.raises(SignInError):
            await identifying.of(bearer(new_secret("token")[1]), COOKIE, "10.0.0.1")
        identifying.forget()
        identifying.looked_up, identifying.gate = 0, threading.Event()
        flood = [
            asyncio.ensure_future(identifying.of(bearer(new_secret("token")[1]), COOKIE, "10.0.0.1"))
            for _ in range(200)
        ]
        while sum(each.done() for each in flood) < 198:
            await asyncio.sleep(0.01)
        waiting = asyncio.ensure_future(identifying.of(bearer(known), COOKIE, "10.0.0.1"))
        while identifying.looked_up < 3:
            await asyncio.sleep(0.01)
        identifying.gate.set()
        found = await asyncio.gather(*flood, return_exceptions=True)
        assert all(isinstance(error, TooOftenError) for error in found)
        assert (await waiting)[0] is not None and identifying.looked_up == 3

    asyncio.run(asking())


def test_what_was_looked_up_before_a_change_is_not_believed_after_it(workspace: LocalWorkspace, pool: Pool) -> None:
    made = workspace.create_token("a", "viewer")

    async def asking() -> None:
        identifying = Counted(pool)
        identifying.gate = threading.Event()
        before = asyncio.ensure_future(identifying.of(bearer(made["secret"]), COOKIE, "10.0.0.1"))
        while not identifying.looked_up:
            await asyncio.sleep(0.01)
        identifying.forget()
        identifying.gate.set()
        assert (await before)[0] is not None
        await asyncio.to_thread(workspace.revoke_token, made["token"]["id"])
        with pytest.raises(SignInError):
            await identifying.of(bearer(made["secret"]), COOKIE, "10.0.0.1")

    asyncio.run(asking())


def test_a_browser_whose_session_is_over_is_nobody_and_is_not_sent_away(pool: Pool) -> None:
    async def asking() -> None:
        identifying = Counted(pool, FailureLimits(per_address=3, refill_s=1e6))
        for _ in range(10):
            assert await identifying.of(cookie(new_secret("session")[1]), COOKIE, "10.0.0.1") == (None, "")

    asyncio.run(asking())


def test_what_is_remembered_is_bounded(pool: Pool) -> None:
    async def asking() -> None:
        identifying = Counted(pool, FailureLimits(per_address=10**6))
        for _ in range(5000):
            with pytest.raises(SignInError):
                await identifying.of(bearer("no token at all" + new_secret("token")[0]), COOKIE, "10.0.0.1")
        assert identifying.looked_up == 0, "what cannot be a token is not asked for"
        assert len(identifying) <= 4096

    asyncio.run(asking())
