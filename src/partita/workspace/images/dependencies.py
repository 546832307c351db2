"""Which packages a project needs: as it declares them, in one of the places where projects do."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from partita.core.environment import Declaration
from partita.errors import CheckError, Problem, SettingsError
from partita.executors.environments.uv import find_uv
from partita.flow.environments import Environment, EnvironmentReader, environment_option
from partita.flow.requirement_files import misfit

__all__ = ["Dependencies", "find_dependencies"]

_REQUIREMENTS = "requirements.txt"
_PROJECT = "pyproject.toml"
_EXPORT_S = 120.0
_PARTITA = re.compile(r"partita\s*($|[\[=<>~!@;])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Dependencies:
    """Packages beside Partita's own."""

    requirements: tuple[str, ...] = ()  # lines of a requirements file
    constraints: tuple[str, ...] = ()
    python: str = ""  # version that is asked for; empty: any
    origin: str = ""  # where it is declared; empty: nowhere


def find_dependencies(bundle: Path, project: Path, requirements: str, setting: Any) -> Dependencies:
    """The packages: from the file that is named, the setting `environment`, requirements.txt or pyproject.toml, whichever comes
    first.

    Args:
        bundle: folder of the project's code as it goes into the image.
        requirements: path of a requirements file; empty: none is named.
        setting: value of the setting `environment`, None: none.

    Raises:
        CheckError: something in a file is no requirement.
        SettingsError: a file cannot be read.
    """
    if requirements:
        return _declared(Environment(requirements), bundle, project, requirements)
    if setting is not None:
        found = environment_option("environment", setting)
        if isinstance(found, Environment):
            return _declared(found, bundle, project, "the setting environment")
    if (bundle / _REQUIREMENTS).is_file():
        return _declared(Environment(_REQUIREMENTS), bundle, project, _REQUIREMENTS)
    if (bundle / _PROJECT).is_file():
        return _of_project(bundle / _PROJECT)
    return Dependencies()


def _declared(environment: Environment, bundle: Path, project: Path, origin: str) -> Dependencies:
    problems: list[Problem] = []
    reader = EnvironmentReader([bundle, project], lambda *told: problems.append(Problem(*told)))
    text = reader.text(environment, "", "the image", "")
    if problems:
        raise CheckError(problems)
    declaration = Declaration.from_text(text)
    lines = _locked(declaration, bundle / declaration.lock) if declaration.lock else declaration.requirements
    return Dependencies(tuple(lines), declaration.constraints, declaration.python, declaration.origin or origin)


def _locked(declaration: Declaration, folder: Path) -> Iterable[str]:
    """The packages of a uv.lock as lines of a requirements file, with their hashes."""
    words = [find_uv(), "--color", "never", "export", "--frozen", "--no-emit-workspace", "--no-header", "--no-annotate"]
    words += ["--no-default-groups", "--no-emit-package", "partita", "--project", os.fspath(folder)]
    words += [part for group in declaration.groups for part in ("--group", group)]
    words += [part for extra in declaration.extras for part in ("--extra", extra)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=_EXPORT_S, check=False)
    if done.returncode:
        raise SettingsError(
            f"the packages of {declaration.origin} cannot be told; uv says:\n{done.stderr.strip()[-2000:]}"
        )
    return [line for line in done.stdout.splitlines() if line.strip()]


def _of_project(file: Path) -> Dependencies:
    try:
        section = tomllib.loads(file.read_text(encoding="utf-8")).get("project", {})
        lines = section.get("dependencies", [])
    except (OSError, ValueError, AttributeError) as error:
        raise SettingsError(f"{file.name} cannot be read: {error}") from None
    problems = []
    kept = []
    for line in lines:
        if isinstance(line, str) and _PARTITA.match(line):
            continue  # it is in every image, as the version that builds it
        problem = misfit(line)
        if problem:
            problems.append(Problem(f"{line!r} is not a requirement: {problem}", file.name, "correct it"))
        kept.append(str(line))
    if problems:
        raise CheckError(problems)
    return Dependencies(tuple(kept), origin=file.name if kept else "")
