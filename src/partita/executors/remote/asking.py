"""Questions that take long to answer, asked beside whoever wants to know."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from partita.errors import PartitaError
from partita.executors.bell import Bell

__all__ = ["Question"]

Answer = TypeVar("Answer")


class Question(Generic[Answer]):
    """Asked in a thread of its own each time that somebody wants the answer and it is not on its way yet."""

    def __init__(self, ask: Callable[[], Answer], bell: Bell) -> None:
        """
        Args:
            ask: waits as long as it has to; raises PartitaError where there is no answer.
            bell: rings when it has been answered.
        """
        self._ask, self._bell = ask, bell
        self._thread: threading.Thread | None = None
        self._answers: list[Answer] = []
        self._error: BaseException | None = None

    def answer(self) -> Answer | None:
        """The answer, once; None: it is being asked for.

        Raises:
            PartitaError: there is none. The next call asks again.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="partita-asking", daemon=True)
            self._thread.start()
            return None
        if self._error is None and not self._answers:
            return None
        self._thread, error, self._error = None, self._error, None
        if error is not None:
            raise error
        return self._answers.pop()

    def _run(self) -> None:
        try:
            self._answers.append(self._ask())
        except PartitaError as error:
            self._error = error
        except Exception as error:  # else it would never be answered
            self._error = PartitaError(f"{type(error).__name__}: {error}")
        self._bell.ring()
