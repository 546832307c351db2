"""What retention needs beside the rows: collections of files in a process of their own, and the records of what went."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Any

from partita.protocol.retention import RetentionRecord

__all__ = ["FolderKeeping", "read_records"]

_FILE = "retention.jsonl"
_KEPT_RECORDS = 200
_LARGEST_BYTES = 16 << 20


class FolderKeeping:
    """In a workspace's folder; satisfies `partita.engine.retention.Keeping`."""

    def __init__(self, project: Path, state: Path, database: str = "") -> None:
        """
        Args:
            database: URL of the database that has the rows; empty: they lie in the folder.
        """
        self._project = project
        self._state = state
        self._database = database

    def collect(self) -> Collection:
        """Begin a collection."""
        answer = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed when it has been read
        process = subprocess.Popen(
            [sys.executable, "-m", "partita.workspace.collection", os.fspath(self._project)],
            stdin=subprocess.DEVNULL, stdout=answer, start_new_session=True, cwd="/",
            env={**os.environ, "PARTITA_STORE": self._database or os.fspath(self._state)},
        )  # fmt: skip
        return Collection(process, answer)

    def record(self, record: RetentionRecord) -> None:
        """Append to the file; it keeps the latest ones."""
        file = self._state / _FILE
        lines = file.read_text(encoding="utf-8").splitlines()[-_KEPT_RECORDS + 1 :] if file.exists() else []
        lines.append(json.dumps(record))
        while len(lines) > 1 and sum(map(len, lines)) > _LARGEST_BYTES:
            lines.pop(0)
        part = file.with_name(f"{_FILE}.part")
        part.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        part.replace(file)

    def last_at(self) -> float:
        """When the last pass began."""
        records = read_records(self._state)
        return records[-1]["at"] if records else 0.0


def read_records(state: Path) -> list[RetentionRecord]:
    """What retention has removed in a workspace, the latest last."""
    records = []
    with contextlib.suppress(FileNotFoundError):
        for line in (state / _FILE).read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(ValueError):
                records.append(json.loads(line))
    return records


class Collection:
    """A collection in another process."""

    def __init__(self, process: subprocess.Popen[bytes], answer: IO[bytes]) -> None:
        self._process = process
        self._answer = answer

    def poll(self) -> dict[str, Any] | None:
        """What it found; None: it has not ended."""
        status = self._process.poll()
        if status is None:
            return None
        with self._answer as answer:
            answer.seek(0)
            told = answer.read().decode("utf-8", "replace")
        try:
            found: dict[str, Any] = json.loads(told)
        except ValueError:
            return {"trouble": f"the collection of files ended with status {status}; see the engine's log"}
        return found
