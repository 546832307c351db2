"""JSON and JSON lines."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

from partita.artifacts.files import File
from partita.components.file_values import Scratch, Source, matching_files, plain_name, source_path
from partita.components.replacing import replacing
from partita.flow.task import task

__all__ = ["json_file", "read_json", "read_json_lines", "write_json", "write_json_lines"]


@task(tags=("json", "file", "read"))
def read_json(path: Source) -> Any:
    """Read a JSON file.

    Args:
        path: a path or a `File`, in UTF-8; where its name ends in .gz, it is unpacked.
    """
    file = source_path(path)
    try:
        raw = gzip.decompress(file.read_bytes()) if file.suffix.lower() == ".gz" else file.read_bytes()
        return json.loads(raw.decode("utf-8-sig"))
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path} cannot be unpacked: {error}") from error
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
def read_json_lines(path: Source) -> list[Any]:
    """Read files with a JSON value on each line.

    Args:
        path: a path or a `File`, or a pattern such as "data/**/*.jsonl", whose files are read in the order of their names.
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


@task(tags=("json", "jsonl", "file", "write"))
def json_file(value: Any, name: str = "value.json") -> File:
    """Make a JSON file of a value, which is stored with the run and passed on, wherever the next step runs.

    Args:
        value: what JSON can hold; a list for JSON lines.
        name: what the file is called; where it ends in .jsonl, each item of the list is a line.

    Raises:
        DefinitionError: the name is none of a file.
    """
    scratch, ending = Scratch(), Path(plain_name(name, "json_file")).suffix.lower()
    if ending == ".jsonl":
        if not isinstance(value, list | tuple):
            raise TypeError(
                f"JSON lines are made of a list, not of {type(value).__name__}; name the file {name[:-1]!r}"
            )
        write_json_lines(list(value), scratch.path / name)
    else:
        write_json(value, scratch.path / name)
    return scratch.file(name)
