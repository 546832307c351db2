"""The files of a package that publishes components."""

from __future__ import annotations

import re

from partita.errors import DefinitionError
from partita.version import VERSION

__all__ = ["component_files"]

_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")

_PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{name}"
version = "0.1.0"
description = "Tasks and flows for Partita"
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["partita>={partita}"]

[project.optional-dependencies]
test = ["pytest>=8"]

# The tasks and flows in `__all__` of this module are what others see. One alone is named "{module}:count_words".
[project.entry-points."partita.components"]
all = "{module}"

[tool.hatch.build.targets.wheel]
packages = ["src/{module}"]

[tool.pytest.ini_options]
pythonpath = ["src"]
"""

_MODULE = '''\
"""Tasks for texts."""

from __future__ import annotations

import re
from collections import Counter

from partita import flow, task

__all__ = ["common_words", "count_words"]


@task(tags=["text", "count"])
def count_words(text: str, *, shortest: int = 4) -> dict[str, int]:
    """Count how often each word of a text occurs.

    Args:
        text: any text.
        shortest: characters that a word must have to count.
    """
    words = re.findall(r"[^\\W\\d_]+", text.lower())
    return dict(Counter(word for word in words if len(word) >= shortest))


@task
def _most_common(counts: list[dict[str, int]], top: int) -> list[str]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return [word for word, _ in total.most_common(top)]


@flow(tags=["text"])
def common_words(texts: list[str], top: int = 3) -> list[str]:
    """Find the words that many texts use most.

    Args:
        texts: counted side by side.
        top: how many words.
    """
    return _most_common(count_words.map(texts), top)
'''

_TEST = """\
from partita.testing import memory_workspace

from {module} import common_words, count_words


def test_words_are_counted() -> None:
    assert count_words("Some words, some more words") == {{"some": 2, "words": 2, "more": 1}}
    assert count_words("a bc", shortest=2) == {{"bc": 1}}


def test_the_flow_runs() -> None:
    with memory_workspace():
        assert common_words.run(["same same same", "same other"], top=1).result() == ["same"]
"""

_README = """\
# {name}

Tasks and flows for Partita.

    pip install -e .[test]
    pytest
    partita components list --package {name}
    partita components show {name}/count_words

To publish it, raise `version` in `pyproject.toml`, build it (`pip wheel --no-deps .`) and upload the wheel to the package
index of your choice. Who installs it finds its tasks in `partita components list`, and uses them:

    from {module} import count_words
"""


def component_files(name: str) -> dict[str, str]:
    """Path -> text of the files of a package with this name.

    Raises:
        DefinitionError: a package cannot have the name.
    """
    if not _NAME.fullmatch(name):
        raise DefinitionError(
            f"{name!r} is not a package's name; write small letters, digits and '-', as in text-tasks"
        )
    module = name.replace("-", "_")
    partita = ".".join(VERSION.split(".")[:2])
    texts = {
        "pyproject.toml": _PROJECT,
        "README.md": _README,
        f"src/{module}/__init__.py": _MODULE.replace("{", "{{").replace("}", "}}"),
        f"src/{module}/py.typed": "",
        f"tests/test_{module}.py": _TEST,
        ".gitignore": "__pycache__/\n.partita/\ndist/\n",
    }
    return {path: text.format(name=name, module=module, partita=partita) for path, text in texts.items()}
