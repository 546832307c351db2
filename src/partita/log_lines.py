"""How the engine and the server write what they log: lines for people, or a JSON object a line for programs.

What a message is about goes into fields: `log.info("taken up", extra={"run": run_id})` gives `"run": "..."` in the object.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import IO, Any

__all__ = ["LOG_FORMATS", "JsonLines", "set_up_logs"]

LOG_FORMATS = ("text", "json")
_TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
#: What every record has; the rest is what `extra` gave.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
_PLAIN = (str, int, float, bool, type(None))


class JsonLines(logging.Formatter):
    """Each record as one line: "at" (UTC), "level", "logger", "message", the fields of `extra`, and "error" with its trace."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {
            "at": at.replace("+00:00", "Z"), "level": record.levelname.lower(), "logger": record.name,
            "message": record.getMessage(),
        }  # fmt: skip
        for name, value in vars(record).items():
            if name not in _OWN and name not in line:
                line[name] = value if isinstance(value, _PLAIN) else str(value)
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        elif record.exc_text:
            line["error"] = record.exc_text
        if record.stack_info:
            line["stack"] = record.stack_info
        return json.dumps(line, ensure_ascii=False, allow_nan=True)


def set_up_logs(level: str, form: str = "text", stream: IO[str] | None = None) -> None:
    """Let this process log so.

    Args:
        level: the least severe messages that are kept: "debug", "info", "warning" or "error".
        form: one of LOG_FORMATS.
        stream: default: the standard error.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines() if form == "json" else logging.Formatter(_TEXT))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
