"""JSON and JSON lines."""

from __future__ import annotations

import glob
import json
import os
from pathlib import Path
from typing import Any

from partita.components.replacing import replacing
from partita.flow.task import task

__all__ = ["matching_files", "read_json", "read_json_lines", "write_json", "write_json_lines"]


@task(tags=("json", "file", "read"))
def read_json(path: Path) -> Any:
    """Read a JSON file.

    Args:
        path: the file, in UTF-8.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error


@task(tags=("json", "file", "write"))
def write_json(value: Any, path: Path, *, indent: int | None = 2) -> Path:
    """Write a value as a JSON file, which appears when it is whole.

    Args:
        value: what JSON can hold.
        path: where it goes; folders are made, a file of that name is replaced.
        indent: spaces for each level; None: all in one line.
    """
    text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
    with replacing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    return path


@task(tags=("json", "jsonl", "file", "read"))
def read_json_lines(path: str | Path) -> list[Any]:
    """Read files with a JSON value on each line.

    Args:
        path: a file, or a pattern such as "data/**/*.jsonl", whose files are read in the order of their names.
    """
    values = []
    for file in matching_files(path):
        with file.open(encoding="utf-8-sig") as stream:
            for number, line in enumerate(stream, 1):
                if line.strip():
                    try:
                        values.append(json.loads(line))
                    except ValueError as error:
                        raise ValueError(f"{file}, line {number} is not JSON: {error}") from error
    return values


@task(tags=("json", "jsonl", "file", "write"))
def write_json_lines(values: list[Any], path: Path) -> Path:
    """Write each value as a line of JSON into a file, which appears when it is whole.

    Args:
        values: what JSON can hold.
        path: where it goes; folders are made, a file of that name is replaced.
    """
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as stream:
        for value in values:
            stream.write(json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n")
    return path


def matching_files(path: str | Path) -> list[Path]:
    """The file, or those that the pattern matches, by name.

    Raises:
        FileNotFoundError: there is none.
    """
    if Path(path).is_file():
        return [Path(path)]
    found = [Path(name) for name in sorted(glob.glob(os.fspath(path), recursive=True)) if Path(name).is_file()]
    if not found:
        raise FileNotFoundError(f"there is no file {path} in {Path.cwd()}")
    return found
