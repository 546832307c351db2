"""Writing settings of tasks into the project's file, which stays as people have written it otherwise."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from partita.errors import SettingsError
from partita.settings import SETTINGS_FILE

__all__ = ["write_task_settings"]

_PYPROJECT = "pyproject.toml"
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def write_task_settings(folder: Path, tasks: Mapping[str, Mapping[str, Any]]) -> Path:
    """Write options of tasks, by task and option, as `[tasks.NAME]`; gives the file.

    That is partita.toml, or pyproject.toml where the project keeps its settings there.

    Raises:
        SettingsError: the file is not written in a way in which they can be added; nothing is changed.
    """
    file, prefix = _file_of(folder)
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    changed = text
    for task, options in tasks.items():
        for option, value in options.items():
            changed = _with_option(changed, f"{prefix}tasks.{_key(task)}", option, value)
    _check(file, prefix, text, changed, tasks)
    file.write_text(changed, encoding="utf-8")
    return file


def _file_of(folder: Path) -> tuple[Path, str]:
    own, shared = folder / SETTINGS_FILE, folder / _PYPROJECT
    if shared.is_file() and not (own.is_file() and _parsed(own, own.read_text(encoding="utf-8"))):
        tool = _parsed(shared, shared.read_text(encoding="utf-8")).get("tool", {})
        if isinstance(tool, dict) and tool.get("partita"):
            return shared, "tool.partita."
    return own, ""


def _parsed(file: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file.name} is not TOML: {error}") from None


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _text(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _value(value: Any) -> str:
    return _text(value) if isinstance(value, str) else str(value).lower()


def _with_option(text: str, section: str, option: str, value: Any) -> str:
    """The text with `option = value` in its section, which is added at the end where it is missing."""
    lines = text.splitlines()
    start = next((number for number, line in enumerate(lines) if _is_head(line, section)), None)
    written = f"{option} = {_value(value)}"
    if start is None:
        gap = [""] if lines and lines[-1].strip() else []
        return "\n".join([*lines, *gap, f"[{section}]", written, ""])
    end = next((n for n in range(start + 1, len(lines)) if lines[n].lstrip().startswith("[")), len(lines))
    for number in range(start + 1, end):
        if re.match(rf"""\s*["']?{re.escape(option)}["']?\s*=""", lines[number]):
            comment = re.search(r"\s+#[^\"']*$", lines[number])
            lines[number] = written + (comment[0] if comment else "")
            break
    else:
        lines.insert(start + 1, written)
    return "\n".join([*lines, ""])


def _is_head(line: str, section: str) -> bool:
    return line.split("#")[0].strip().replace("'", '"') == f"[{section}]"


def _check(file: Path, prefix: str, before: str, after: str, tasks: Mapping[str, Mapping[str, Any]]) -> None:
    """Whether the new text means what the old one did, and the options."""
    wanted = _parsed(file, before)
    place = wanted
    for name in [part for part in prefix.split(".") if part]:
        place = place.setdefault(name, {})
    table = place.setdefault("tasks", {})
    for task, options in tasks.items():
        table[task] = {**table.get(task, {}), **options}
    try:
        found = tomllib.loads(after)
    except tomllib.TOMLDecodeError:
        found = {}
    if found != wanted:
        told = "\n".join(
            f"[{prefix}tasks.{_key(task)}]\n"
            + "\n".join(f"{name} = {_value(value)}" for name, value in options.items())
            for task, options in tasks.items()
        )
        raise SettingsError(f"{file.name} is written in a way that cannot be added to; write into it:\n{told}")
