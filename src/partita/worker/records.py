"""Records of `logging` in an attempt's log."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

__all__ = ["write_records_to_stderr"]

_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


class _ErrorStream(logging.StreamHandler[TextIO]):
    """Writes to whatever `sys.stderr` is at that moment."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self.setFormatter(logging.Formatter(_FORMAT))

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def write_records_to_stderr() -> None:
    """Take the place of the handler of last resort, so that `logging.basicConfig` in user code still has its way."""
    logging.lastResort = _ErrorStream()
    root = logging.getLogger()
    if not root.handlers and root.level == logging.WARNING:
        root.setLevel(logging.INFO)
