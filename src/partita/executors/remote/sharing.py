"""Messages on their way to workers elsewhere, behind the code that they are about."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from partita.executors.bell import Bell
from partita.executors.port import Message
from partita.executors.remote.orders import Session
from partita.executors.remote.port import Post

__all__ = ["Outbox"]


class Outbox:
    """Shares each bundle once, in threads of its own, and sends what is about it when that is done."""

    def __init__(self, post: Post, share: Callable[[str], None]) -> None:
        """
        Args:
            share: puts a bundle where agents can fetch it; may wait for a network; raises what went wrong.
        """
        self._post, self._share = post, share
        self._futures: dict[str, Future[None]] = {}
        self._threads = ThreadPoolExecutor(2, "partita-sharing")
        self._bell = Bell()

    def fileno(self) -> int:
        """Readable when something has been shared, or could not be."""
        return self._bell.fileno()

    def send(self, session: Session, messages: list[Message]) -> None:
        """Send messages, once the code that they are about can be fetched."""
        if session.fate is not None:
            session.held += messages  # its worker is being ended, and gets no more
        elif session.held or (session.bundle and not self._is_shared(session.bundle)):
            session.held += messages
        elif messages:
            self._post.send(session.name, messages)

    def send_shared(self, sessions: Iterable[Session]) -> list[tuple[Session, list[Message], BaseException]]:
        """Send what has waited; gives what cannot be sent, and why. The next order of such a bundle tries again."""
        self._bell.silence()
        refused: list[tuple[Session, list[Message], BaseException]] = []
        done = {bundle: future for bundle, future in self._futures.items() if future.done()}
        for session in sessions:
            future = done.get(session.bundle)
            if not session.held or future is None or session.fate is not None:
                continue
            held, session.held = session.held, []
            error = future.exception()
            if error is None:
                self._post.send(session.name, held)
            else:
                refused.append((session, held, error))
        for bundle, future in done.items():
            if future.exception() is not None:
                del self._futures[bundle]
        return refused

    def close(self) -> None:
        """End the threads, without waiting for what they do."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _is_shared(self, bundle: str) -> bool:
        future = self._futures.get(bundle)
        if future is None:
            future = self._futures[bundle] = self._threads.submit(self._share, bundle)
            future.add_done_callback(self._wake)
        return future.done() and future.exception() is None

    def _wake(self, future: Future[None]) -> None:
        self._bell.ring()  # is never closed, since a thread may come late
