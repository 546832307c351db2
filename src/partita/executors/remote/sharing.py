"""Code on its way to where workers elsewhere find it."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

__all__ = ["Sharing"]


class Sharing:
    """Shares each bundle once, in threads of its own."""

    def __init__(self, share: Callable[[str], None]) -> None:
        """
        Args:
            share: may wait for a network; raises what went wrong.
        """
        self._share = share
        self._futures: dict[str, Future[None]] = {}
        self._threads = ThreadPoolExecutor(2, "partita-sharing")
        self._event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def fileno(self) -> int:
        """Readable when something has been shared, or could not be."""
        return self._event

    def is_shared(self, bundle: str) -> bool:
        """Whether the bundle can be fetched; if not, that is seen to from now on."""
        future = self._futures.get(bundle)
        if future is None:
            future = self._futures[bundle] = self._threads.submit(self._share, bundle)
            future.add_done_callback(self._wake)
        return future.done() and future.exception() is None

    def ended(self) -> dict[str, BaseException | None]:
        """What was tried, with why it went wrong; that is forgotten here, so that it is tried again when it is next needed."""
        with suppress(BlockingIOError):
            os.eventfd_read(self._event)
        found = {bundle: future.exception() for bundle, future in self._futures.items() if future.done()}
        for bundle, error in found.items():
            if error is not None:
                del self._futures[bundle]
        return found

    def close(self) -> None:
        """End the threads, without waiting for what they do."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _wake(self, future: Future[None]) -> None:
        os.eventfd_write(self._event, 1)  # is never closed, since a thread may come late
