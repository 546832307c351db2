"""Running an `async def` task in an event loop of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from partita.worker.control import Control, StopAttempt

__all__ = ["run_coroutine"]


def run_coroutine(control: Control, coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The coroutine's result; a wish that it stops cancels it."""
    with asyncio.Runner() as runner:
        loop = runner.get_loop()

        async def run() -> Any:
            task = asyncio.current_task()
            assert task is not None
            control.stop_gently = lambda: loop.call_soon_threadsafe(task.cancel)
            if control.should_stop:
                raise asyncio.CancelledError
            return await coroutine

        try:
            return runner.run(run())
        except asyncio.CancelledError:
            if control.should_stop:
                raise StopAttempt(control.reason) from None
            raise
        finally:
            control.stop_gently = None
            coroutine.close()
